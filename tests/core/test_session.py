import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import edgelet
from edgelet import (
    BUILT_IN_MODELS,
    AbortController,
    Aborted,
    EdgeletError,
    ModelError,
    OptionError,
    Session,
    SyncSession,
    use_host,
)
from edgelet.host import current_host
from edgelet.inference_host import InferenceHost
from edgelet.models import built_in_model, is_embedding_model
from edgelet.testing import FakeHost, FakeResponse


@pytest.fixture
def host() -> Iterator[FakeHost]:
    with FakeHost(reply="Hello there friend") as fake:
        yield fake


@pytest.mark.parametrize("model", ["", "  ", None, 3])
def test_a_model_needs_a_name(model: object) -> None:
    with pytest.raises(OptionError, match="expected the name of a model"):
        Session(model)  # type: ignore[arg-type]


def test_an_unknown_precision_is_refused_with_those_that_exist() -> None:
    with pytest.raises(OptionError, match="unknown precision 'fp8'; use one of: fp32, q8, int8"):
        Session("gte-small", precision="fp8")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("localhost:11434", "must be a URL such as http://127.0.0.1:11434"),
        ("ftp://host", "must be a URL"),
        ("http://", "must be a URL"),
        ("http://host:port", "must be a URL"),
        ("http://ho st", "must be a URL"),
        ("http://me:secret@host", "without user, query or fragment"),
        ("http://host/?a=1", "without user, query or fragment"),
        ("http://host/#a", "without user, query or fragment"),
    ],
)
def test_a_bad_inference_host_is_refused_at_once(url: str, complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint) as caught:
        Session("mistral", host=url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("headers", [{"bad name": "x"}, {"x": "a\r\nb: c"}, {"": "x"}])
def test_headers_that_http_forbids_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(OptionError, match=r"header"):
        Session("mistral", host="http://host", headers=headers)


@pytest.mark.parametrize("key", ["a b", "a\nb", "schlüssel", ""])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(OptionError, match="AI_INFERENCE_API_KEY") as caught:
        Session("mistral", host="http://host", api_key=key)

    assert not key or repr(key) not in str(caught.value)


def test_a_session_never_shows_its_key() -> None:
    session = Session("mistral", host="http://host", api_key="sk-secret", precision="q8")
    host = InferenceHost("http://host", "sk-secret", {"x-token": "sk-secret"})

    assert repr(session) == "Session('mistral', precision='q8')"
    assert "sk-secret" not in repr(host)
    assert "sk-secret" not in repr(host.request("/api/generate", {"prompt": "sk-secret"}))


@pytest.mark.parametrize("model", ["gte-small", "thenlper/gte-small", "./folder", "/a", "~/b"])
def test_built_in_names_and_paths_are_embedding_models(model: str) -> None:
    assert is_embedding_model(model)


@pytest.mark.parametrize("model", ["mistral", "llama3.2:1b", "meta-llama/Llama-3.1-8B"])
def test_other_names_are_not(model: str) -> None:
    assert not is_embedding_model(model)
    assert built_in_model(model) is None


async def test_a_hub_id_embeds_where_no_inference_host_is_set() -> None:
    with FakeHost(env={}) as host:
        vector = await Session("org/name").run("text")

    assert len(vector) == 8
    assert host.opened == ["org/name"]


@pytest.mark.parametrize(
    ("prompt", "options"),
    [("text", {"stream": False}), ({"messages": []}, {}), ("text", {"system": "x"})],
)
async def test_a_hub_id_generates_when_options_or_prompt_say_so(
    prompt: object, options: dict[str, object]
) -> None:
    with FakeHost(env={}), pytest.raises(ModelError, match="no inference host is set"):
        await Session("org/name").run(prompt, **options)  # type: ignore[arg-type]


async def test_a_hub_id_generates_where_an_inference_host_is_set(host: FakeHost) -> None:
    assert (await Session("org/name").run("text"))["response"] == "Hello there friend"


async def test_embed_and_generate_need_no_guess(host: FakeHost) -> None:
    assert len(await Session("org/name").embed("text")) == 1
    assert (await Session("org/name").generate("text")).text == "Hello there friend"


async def test_an_unknown_model_without_a_host_names_the_ways_out() -> None:
    with FakeHost(env={}), pytest.raises(ModelError) as caught:
        await Session("mistral").run("Why?")

    assert str(caught.value) == (
        "'mistral' is not a built-in embedding model (all-MiniLM-L6-v2, gte-small, "
        "bge-small-en-v1.5), and no inference host is set that could run it; "
        "set AI_INFERENCE_API_HOST, such as http://127.0.0.1:11434"
    )


@pytest.mark.parametrize("mode", ["ollama", "openaicompatible"])
async def test_generate_gives_the_same_chunk_in_every_dialect(host: FakeHost, mode: str) -> None:
    chunk = await Session("mistral").generate("Hi", mode=mode)  # type: ignore[call-overload]

    assert (chunk.text, chunk.finish_reason) == ("Hello there friend", "stop")


@pytest.mark.parametrize("mode", ["ollama", "openaicompatible"])
async def test_generate_streams_the_same_text_in_every_dialect(host: FakeHost, mode: str) -> None:
    stream = await Session("mistral").generate("Hi", mode=mode, stream=True)  # type: ignore[call-overload]

    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.text for chunk in chunks) == "Hello there friend"
    assert chunks[-1].finish_reason == "stop"


async def test_supabase_options_of_the_other_kind_do_nothing(host: FakeHost) -> None:
    vector = await Session("gte-small").run("a", stream=False, mode="ollama")
    answer = await Session("mistral").run("a", mean_pool=True, normalize=True)

    assert len(vector) == 8
    assert answer["response"] == "Hello there friend"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"mean_pool": "yes"}, "mean_pool must be True or False, got 'yes'"),
        ({"normalize": 1}, "normalize must be True or False, got 1"),
        ({"truncate": None}, "truncate must be True or False, got None"),
        ({"timeout": 0}, "timeout must be a positive number of seconds or None, got 0"),
        ({"temperature": 0}, "unknown option 'temperature'; use one of: mean_pool, normalize,"),
    ],
)
async def test_bad_options_of_an_embedding_are_refused(
    host: FakeHost, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(OptionError, match=complaint):
        await Session("gte-small").run("a", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"stream": "yes"}, "stream must be True or False, got 'yes'"),
        ({"retries": -1}, "retries must be a whole number from 0, got -1"),
        ({"retries": 1.5}, "retries must be a whole number"),
        ({"connect_timeout": "1"}, "connect_timeout must be a positive number of seconds"),
        ({"first_chunk_timeout": True}, "first_chunk_timeout must be a positive number"),
        ({"between_chunks_timeout": float("nan")}, "between_chunks_timeout must be a positive"),
        ({"mode": "olama"}, "unknown mode 'olama'; use one of: ollama, openaicompatible"),
        ({"temperature": 0}, "unknown option 'temperature'; use one of: mode, stream, timeout"),
        ({"options": {"a": object()}}, "the request cannot be written as JSON"),
        ({"options": {"a": float("inf")}}, "the request cannot be written as JSON"),
    ],
)
async def test_bad_options_of_a_generation_are_refused(
    host: FakeHost, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(OptionError, match=complaint):
        await Session("mistral").run("a", **options)  # type: ignore[arg-type]
    assert host.requests == []


@pytest.mark.parametrize("mode", ["ollama", "openaicompatible"])
@pytest.mark.parametrize("prompt", [None, 1, [], ["a"], {"text": "a"}])
async def test_a_prompt_in_no_known_form_is_refused(
    host: FakeHost, prompt: object, mode: str
) -> None:
    with pytest.raises(OptionError, match="expected a prompt string, a list of messages"):
        await Session("mistral").run(prompt, mode=mode)  # type: ignore[arg-type]


def test_one_host_is_in_use_and_the_one_before_comes_back() -> None:
    with FakeHost() as outer:
        with use_host(FakeHost()) as inner:
            assert current_host() is inner
        assert current_host() is outer


def test_the_installed_host_is_found_once() -> None:
    host = current_host()

    assert type(host).__name__ == "NativeHost"
    assert current_host() is host


def test_a_host_that_cannot_work_here_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost()
    absent, present = (
        SimpleNamespace(load=lambda answer=answer: lambda: answer) for answer in (None, host)
    )
    monkeypatch.setattr("edgelet.host._host", None)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: (absent, present))

    assert current_host() is host


def test_without_any_host_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgelet.host._host", None)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: ())

    with pytest.raises(EdgeletError, match="no host is installed"):
        current_host()


def test_built_in_models_are_stated_whole() -> None:
    for model in BUILT_IN_MODELS:
        assert model.licence
        assert model.dimensions > 0
        assert model.pooling in ("mean", "cls")
        assert built_in_model(model.repository) is model


def test_a_sync_session_gives_what_a_session_gives(host: FakeHost) -> None:
    with SyncSession("mistral") as session:
        whole = session.run("Hi")
        streamed = [chunk["response"] for chunk in session.run("Hi", stream=True)]
        chunk = session.generate("Hi")
        text = "".join(piece.text for piece in session.generate("Hi", stream=True))

    assert whole["response"] == chunk.text == text == "".join(streamed) == "Hello there friend"


def test_a_sync_session_embeds(host: FakeHost) -> None:
    with SyncSession("gte-small") as session:
        assert session.embed(["a", "b"])[0] == session.run("a")


def test_leaving_a_sync_stream_early_closes_its_response(host: FakeHost) -> None:
    with SyncSession("mistral") as session:
        with session.run("Hi", stream=True) as stream:
            next(stream)
        assert host.closed == 1


async def test_a_sync_session_refuses_to_block_an_event_loop(host: FakeHost) -> None:
    with SyncSession("mistral") as session, pytest.raises(EdgeletError, match="use Session"):
        session.run("Hi")


def test_every_public_name_exists() -> None:
    assert all(hasattr(edgelet, name) for name in edgelet.__all__)


def test_breaking_out_of_a_sync_stream_closes_its_response(host: FakeHost) -> None:
    with SyncSession("mistral") as session:
        for _ in session.run("Hi", stream=True):
            break
        assert host.closed == 1


TOGETHER = b"".join(b'{"response": "%d", "done": false}\n' % number for number in range(3))
LAST = b'{"response": "", "done": true}\n'


async def test_chunks_that_came_together_need_no_further_wait() -> None:
    with FakeHost(responses=[FakeResponse([TOGETHER, LAST])]):
        async with await Session("mistral").run("Hi", stream=True) as stream:
            assert stream.take_ready() is None
            chunks = [await anext(stream), stream.take_ready(), stream.take_ready()]
            assert stream.take_ready() is None

    assert [chunk["response"] for chunk in chunks] == ["0", "1", "2"]


def test_a_signal_drops_what_a_sync_stream_has_ready() -> None:
    controller = AbortController()
    response = FakeResponse([TOGETHER, LAST])
    with FakeHost(responses=[response]) as host, SyncSession("mistral") as session:
        stream = session.run("Hi", stream=True, signal=controller.signal)
        assert next(stream)["response"] == "0"
        assert next(stream)["response"] == "1"
        controller.abort("enough")
        with pytest.raises(Aborted, match="enough"):
            next(stream)
        assert host.closed == 1


def test_a_closed_sync_session_says_so(host: FakeHost) -> None:
    session = SyncSession("mistral")
    stream = session.run("Hi", stream=True)
    next(stream)
    session.close()
    session.close()

    assert host.closed == 1
    assert list(stream) == []
    stream.close()
    with pytest.raises(EdgeletError, match="this SyncSession is closed"):
        session.run("Hi")


async def test_a_sync_session_in_use_is_not_closed_inside_an_event_loop(host: FakeHost) -> None:
    session = SyncSession("mistral")
    await asyncio.to_thread(session.run, "Hi")
    with pytest.raises(EdgeletError, match="inside a running event loop"):
        session.close()
    await asyncio.to_thread(session.close)


def test_threads_take_turns_on_a_sync_session(host: FakeHost) -> None:
    with SyncSession("gte-small") as session, ThreadPoolExecutor(8) as threads:
        vectors = list(threads.map(session.run, ["same"] * 40))

    assert vectors == [vectors[0]] * 40
