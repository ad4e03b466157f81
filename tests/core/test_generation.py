import asyncio
import json
import logging
import traceback
from typing import Any

import pytest

from edgelet import (
    AbortController,
    Aborted,
    AbortSignal,
    BetweenChunksTimeout,
    ConnectionFailed,
    ConnectTimeout,
    EdgeletError,
    FirstChunkTimeout,
    InferenceHostError,
    OptionError,
    ProtocolError,
    Session,
    TotalTimeout,
)
from edgelet.chunk import Chunk
from edgelet.dialects import DIALECTS, ollama, openai
from edgelet.dialects.server_error import message_in
from edgelet.effects import TransportFailed
from edgelet.generation import INCOMPLETE, GenerateOptions, Generation
from edgelet.inference_host import InferenceHost
from edgelet.testing import FakeHost, FakeResponse

SESSION = Session("mistral")
SSE = {"content-type": "text/event-stream"}


def line(text: str, *, done: bool = False) -> bytes:
    return json.dumps({"response": text, "done": done}).encode() + b"\n"


class SlowHost(FakeHost):
    """A host whose chunks take the given seconds each; the head takes the first of them."""

    def __init__(self, seconds: list[float], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.seconds = seconds

    async def send(self, effect: Any) -> Any:
        await asyncio.sleep(self.seconds.pop(0))
        return await super().send(effect)

    async def receive(self, response: Any) -> list[bytes]:
        await asyncio.sleep(self.seconds.pop(0))
        return await super().receive(response)


async def collect(**options: Any) -> tuple[list[dict[str, Any]], EdgeletError | None]:
    """The chunks of a stream, and the error that ended it."""
    chunks: list[dict[str, Any]] = []
    try:
        async with await SESSION.run("Why?", stream=True, **options) as stream:
            async for chunk in stream:
                chunks.append(chunk)  # noqa: PERF401 (chunks before an error are kept)
    except EdgeletError as error:
        return chunks, error
    return chunks, None


async def test_chunks_before_an_error_in_the_same_bytes_still_arrive() -> None:
    with FakeHost(responses=[FakeResponse([line("a") + line("b") + b"}{"])]) as host:
        chunks, error = await collect()

    assert [chunk["response"] for chunk in chunks] == ["a", "b"]
    assert isinstance(error, ProtocolError)
    assert host.closed == 1


async def test_what_follows_the_last_chunk_is_not_read() -> None:
    response = FakeResponse([line("a"), line("b", done=True) + b"garbage", b"more garbage"])
    with FakeHost(responses=[response]) as host:
        chunks, error = await collect()

    assert (len(chunks), error, host.closed) == (2, None, 1)


async def test_a_stream_without_success_ends_with_supabases_words() -> None:
    with FakeHost(responses=[FakeResponse([line("a")])]):
        chunks, error = await collect()

    assert len(chunks) == 1
    assert str(error) == INCOMPLETE


async def test_a_connection_lost_after_success_is_success() -> None:
    finish = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    lost = TransportFailed("exchange", "reset")
    with FakeHost(responses=[FakeResponse([finish, lost], headers=SSE)]) as host:
        chunks, error = await collect(mode="openaicompatible")

    assert (len(chunks), error, host.closed) == (1, None, 1)


async def test_a_connection_lost_before_success_is_an_error_that_names_the_host_only() -> None:
    response = FakeResponse([line("a"), TransportFailed("exchange", "reset by peer")])
    with FakeHost(responses=[response], env={"AI_INFERENCE_API_HOST": "http://h/secret-path"}):
        _, error = await collect()

    assert isinstance(error, ConnectionFailed)
    assert str(error) == (
        "the connection to the inference host at http://h was lost before the answer was complete "
        "(reset by peer)"
    )


async def test_an_empty_answer_is_an_error() -> None:
    with FakeHost(responses=[FakeResponse()]), pytest.raises(ProtocolError, match="empty answer"):
        await SESSION.run("Why?")


async def test_a_stream_where_one_object_was_asked_for_is_an_error() -> None:
    response = FakeResponse([line("a"), line("b"), line("c", done=True)])
    with FakeHost(responses=[response]) as host, pytest.raises(ProtocolError, match="a stream of"):
        await SESSION.run("Why?")

    assert host.closed == 1


async def test_a_json_value_that_is_no_object_is_an_error() -> None:
    with (
        FakeHost(responses=[FakeResponse([b"[1]\n"])]),
        pytest.raises(ProtocolError, match=r"expected a JSON object .* got \[1\]"),
    ):
        await SESSION.run("Why?")


async def test_a_loading_answer_without_text_is_an_answer() -> None:
    with FakeHost(responses=[FakeResponse([b'{"done": true, "done_reason": "load"}'])]):
        assert (await SESSION.generate({"prompt": ""})).finish_reason == "load"


async def test_the_first_chunk_limit_counts_from_the_request() -> None:
    with (
        SlowHost([0.1, 5], responses=[FakeResponse([line("a")])]) as host,
        pytest.raises(FirstChunkTimeout, match=r"waited 0\.2 s for the first chunk"),
    ):
        await SESSION.run("Why?", first_chunk_timeout=0.2)

    assert host.closed == 1


async def test_the_between_chunks_limit_counts_each_silence() -> None:
    response = FakeResponse([line("a"), line("b"), line("c"), line("d")])
    with SlowHost([0, 0, 0.1, 0.1, 5], responses=[response]):
        chunks, error = await collect(between_chunks_timeout=0.25)

    assert len(chunks) == 3
    assert isinstance(error, BetweenChunksTimeout)


async def test_a_pause_of_the_reader_is_no_silence_of_the_server() -> None:
    with FakeHost(responses=[FakeResponse([line("a"), line("b", done=True)])]):
        stream = await SESSION.run("Why?", stream=True, between_chunks_timeout=0.05)
        async for _ in stream:
            await asyncio.sleep(0.1)


async def test_the_total_limit_ends_an_answer_however_lively() -> None:
    response = FakeResponse([line("a")] * 100)
    with SlowHost([0.05] * 100, responses=[response]) as host:
        chunks, error = await collect(timeout=0.3)

    assert 0 < len(chunks) < 10
    assert isinstance(error, TotalTimeout)
    assert host.closed == 1


async def test_the_total_limit_bounds_the_head_too() -> None:
    with SlowHost([5]), pytest.raises(TotalTimeout, match=r"waited 0\.1 s for the call"):
        await SESSION.run("Why?", timeout=0.1)


async def test_the_total_limit_bounds_an_embedding() -> None:
    class Stuck(FakeHost):
        async def open_model(self, effect: Any) -> Any:
            await asyncio.sleep(5)

    with Stuck(), pytest.raises(TotalTimeout):
        await Session("gte-small").run("a", timeout=0.1)


async def test_without_limits_nothing_fires() -> None:
    limits = dict.fromkeys(
        ("timeout", "connect_timeout", "first_chunk_timeout", "between_chunks_timeout")
    )
    with SlowHost([0.05] * 3, responses=[FakeResponse([line("a", done=True)])]):
        chunks, error = await collect(**limits)

    assert (len(chunks), error) == (1, None)


async def test_a_connection_that_takes_too_long_names_its_limit() -> None:
    with (
        FakeHost(responses=[TransportFailed("connect timeout", "slow")]),
        pytest.raises(ConnectTimeout, match=r"allow more with connect_timeout="),
    ):
        await SESSION.run("Why?")


async def test_a_refused_connection_says_what_to_check() -> None:
    with (
        FakeHost(responses=[TransportFailed("connect", "connection refused")]),
        pytest.raises(ConnectionFailed, match=r"http://fake.invalid \(connection refused\); check"),
    ):
        await SESSION.run("Why?")


async def test_nothing_is_sent_again_unless_asked() -> None:
    with FakeHost(responses=[TransportFailed("connect", "refused")] * 2) as host:
        with pytest.raises(ConnectionFailed):
            await SESSION.run("Why?")
        assert len(host.requests) == 1


async def test_retries_are_made_and_told(caplog: pytest.LogCaptureFixture) -> None:
    busy = FakeResponse([b'{"error": "busy"}'], status=503, headers={"retry-after": "0"})
    good = FakeResponse([line("a", done=True)])
    with (
        caplog.at_level(logging.WARNING, "edgelet"),
        FakeHost(responses=[busy, TransportFailed("connect", "refused"), good]) as host,
    ):
        answer = await SESSION.run("Why?", retries=2)

    assert answer["response"] == "a"
    assert len(host.requests) == 3
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "retry 1 of 2 in 0.5 s",
        "retry 2 of 2 in 1 s",
    ]


async def test_the_last_retry_fails_with_the_servers_words() -> None:
    busy = FakeResponse([b'{"error": "busy"}'], status=429, headers={"retry-after": "soon"})
    with (
        FakeHost(responses=[busy, busy]),
        pytest.raises(InferenceHostError, match="429: busy"),
    ):
        await SESSION.run("Why?", retries=1)


async def test_a_refusal_is_not_sent_again() -> None:
    refusal = FakeResponse([b'{"error": "no such model"}'], status=404)
    with FakeHost(responses=[refusal, refusal]) as host:
        with pytest.raises(InferenceHostError):
            await SESSION.run("Why?", retries=3)
        assert len(host.requests) == 1


async def test_a_passed_deadline_is_not_sent_again() -> None:
    with SlowHost([5, 5]) as host:
        with pytest.raises(FirstChunkTimeout):
            await SESSION.run("Why?", retries=1, first_chunk_timeout=0.1)
        assert len(host.requests) == 0


async def test_a_retry_that_cannot_happen_in_time_is_not_waited_for() -> None:
    busy = FakeResponse([b'{"error": "busy"}'], status=429, headers={"retry-after": "30"})
    with (
        FakeHost(responses=[busy, busy]) as host,
        pytest.raises(InferenceHostError, match="429: busy"),
    ):
        await SESSION.run("Why?", retries=2, timeout=0.2)

    assert len(host.requests) == 1


async def test_an_error_body_that_does_not_end_is_cut() -> None:
    response = FakeResponse([b"x" * 70_000, b"y"], status=500)
    with FakeHost(responses=[response]) as host, pytest.raises(InferenceHostError) as caught:
        await SESSION.run("Why?")

    assert len(caught.value.body) == 2000 + len("…")
    assert host.closed == 1


async def test_an_error_body_that_is_lost_leaves_the_status() -> None:
    response = FakeResponse([TransportFailed("exchange", "reset")], status=500)
    with FakeHost(responses=[response]), pytest.raises(InferenceHostError) as caught:
        await SESSION.run("Why?")

    assert str(caught.value) == "the inference host answered 500: no message"


async def test_a_redirect_says_where_to() -> None:
    response = FakeResponse(status=308, headers={"location": "https://other/"})
    with (
        FakeHost(responses=[response]),
        pytest.raises(InferenceHostError, match="redirects to https://other/; give that host in"),
    ):
        await SESSION.run("Why?")


async def test_cancelling_the_task_closes_the_response() -> None:
    with SlowHost([0, 5], responses=[FakeResponse([line("a")])]) as host:
        task = asyncio.create_task(SESSION.run("Why?"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert host.closed == 1


async def test_cancelling_while_an_error_body_arrives_closes_the_response() -> None:
    with SlowHost([0, 5], responses=[FakeResponse([b"x"], status=500)]) as host:
        task = asyncio.create_task(SESSION.run("Why?"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert host.closed == 1


async def test_leaving_the_context_early_closes_the_response() -> None:
    with FakeHost(reply="a b c") as host:
        async with await SESSION.run("Why?", stream=True) as stream:
            await anext(stream)
            assert host.closed == 0
        assert host.closed == 1
        await stream.aclose()
        assert host.closed == 1


async def test_breaking_out_of_the_loop_closes_the_response() -> None:
    with FakeHost(reply="a b c") as host:
        async for _ in await SESSION.run("Why?", stream=True):
            break
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert host.closed == 1


async def test_a_stream_that_ended_stays_ended() -> None:
    with FakeHost(reply="a"):
        stream = await SESSION.run("Why?", stream=True)
        assert len([chunk async for chunk in stream]) == 1
        assert [chunk async for chunk in stream] == []


async def test_a_signal_that_has_fired_stops_a_call_before_it_begins() -> None:
    controller = AbortController()
    controller.abort("never mind")
    with FakeHost(reply="a") as host, pytest.raises(Aborted, match="never mind"):
        await SESSION.run("Why?", signal=controller.signal)

    assert host.requests == []


async def test_a_signal_ends_a_wait_and_closes_the_response() -> None:
    controller = AbortController()
    with SlowHost([0, 5], responses=[FakeResponse([line("a")])]) as host:
        asyncio.get_running_loop().call_later(0.05, controller.abort)
        with pytest.raises(Aborted):
            await SESSION.run("Why?", signal=controller.signal)

    assert host.closed == 1


async def test_cancelling_a_call_with_a_silent_signal_is_a_cancellation() -> None:
    signal = AbortController().signal
    with SlowHost([0, 5], responses=[FakeResponse([line("a")])]) as host:
        task = asyncio.create_task(SESSION.run("Why?", signal=signal))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert host.closed == 1
    assert signal._listeners == []


def test_a_signal_fires_once_and_forgets_its_listeners() -> None:
    controller = AbortController()
    heard: list[str] = []
    controller.signal.add_event_listener("abort", lambda: heard.append("one"))
    controller.signal.add_event_listener("click", lambda: heard.append("two"))
    controller.signal.remove_event_listener("abort", print)
    controller.abort("first")
    controller.abort("second")

    assert heard == ["one"]
    assert controller.signal.reason == "first"


async def test_a_prefix_that_ends_in_v1_is_not_doubled() -> None:
    session = Session("m", host="https://api.example/openai/v1/")
    with FakeHost(reply="a") as host:
        await session.run("Why?", mode="openaicompatible")

    assert host.requests[0].url == "https://api.example/openai/v1/chat/completions"


async def test_lone_surrogates_travel_escaped() -> None:
    with FakeHost(reply="a") as host:
        await SESSION.run("snow ☃ \ud800")
        await SESSION.run("snow ☃")

    assert json.loads(host.requests[0].body)["prompt"] == "snow ☃ \ud800"
    assert b"\\ud800" in host.requests[0].body
    assert "☃".encode() in host.requests[1].body


async def test_the_callers_headers_win() -> None:
    session = Session("m", headers={"Authorization": "Basic x"}, api_key="sk-1234")
    with FakeHost(reply="a") as host:
        await session.run("Why?")

    assert host.requests[0].headers["authorization"] == "Basic x"


async def test_a_key_in_the_servers_words_is_blotted_out() -> None:
    refusal = FakeResponse([b'{"error": "bad key sk-1234"}'], status=401)
    with FakeHost(responses=[refusal]), pytest.raises(InferenceHostError) as caught:
        await Session("m", api_key="sk-1234").run("Why?")

    assert "sk-1234" not in str(caught.value) + caught.value.body
    assert "bad key ***" in str(caught.value)


async def test_other_errors_pass_the_blotting_unchanged() -> None:
    refusal = FakeResponse([b'{"error": "no"}'], status=401)
    with FakeHost(responses=[refusal]), pytest.raises(InferenceHostError, match="401: no"):
        await Session("m", api_key="sk-1234").run("Why?")
    with FakeHost(responses=[TransportFailed("connect", "no")]), pytest.raises(ConnectionFailed):
        await Session("m", api_key="sk-1234").run("Why?")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "text"),
        ({"error": "text"}, "text"),
        ({"error": {"message": "text", "code": 1}}, "text"),
        ({"error": {"error": {"message": "text"}}}, "text"),
        ({"object": "error", "message": "text"}, "text"),
        ({"detail": "text"}, "text"),
        ({"detail": [{"msg": "field required"}]}, "[{'msg': 'field required'}]"),
        ({"error": {"code": 7}}, "{'code': 7}"),
        (["odd"], "['odd']"),
    ],
)
def test_the_servers_words_are_found_in_every_shape(value: object, message: str) -> None:
    assert message_in(value) == message


@pytest.mark.parametrize(
    ("raw", "chunk"),
    [
        ({"response": "a", "done": False}, Chunk("a")),
        ({"response": 1}, Chunk("")),
        ({"response": "", "done": True}, Chunk("", finish_reason="stop")),
        (
            {
                "message": {"content": "a", "thinking": "hm", "tool_calls": [{"function": {}}]},
                "done": True,
                "done_reason": "length",
                "prompt_eval_count": 3,
                "eval_count": 4,
            },
            Chunk("a", "hm", ({"function": {}},), "length", 3, 4),
        ),
        ({"message": "odd"}, Chunk("")),
    ],
)
def test_an_ollama_object_as_a_chunk(raw: dict[str, Any], chunk: Chunk) -> None:
    got = ollama.chunk(raw)

    assert (got.text, got.thinking, got.tool_calls, got.finish_reason) == (
        chunk.text,
        chunk.thinking,
        chunk.tool_calls,
        chunk.finish_reason,
    )
    assert (got.prompt_tokens, got.completion_tokens) == (
        chunk.prompt_tokens,
        chunk.completion_tokens,
    )
    assert got.raw is raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"choices": []}, ("", "", (), None, None)),
        ({"choices": ["odd"], "usage": "odd"}, ("", "", (), None, None)),
        ({"choices": [{"delta": "odd"}]}, ("", "", (), None, None)),
        ({"choices": [{"delta": {"content": None}}]}, ("", "", (), None, None)),
        ({"choices": [{"delta": {"reasoning": "hm"}}]}, ("", "hm", (), None, None)),
        ({"choices": [{"delta": {"reasoning_content": "hm"}}]}, ("", "hm", (), None, None)),
        (
            {
                "choices": [
                    {"message": {"content": "a", "tool_calls": [1]}, "finish_reason": "length"}
                ],
                "usage": {"prompt_tokens": True, "completion_tokens": 4},
            },
            ("a", "", (1,), "length", 4),
        ),
    ],
)
def test_an_openai_object_as_a_chunk(raw: dict[str, Any], expected: tuple[Any, ...]) -> None:
    got = openai.chunk(raw)

    assert (
        got.text,
        got.thinking,
        got.tool_calls,
        got.finish_reason,
        got.completion_tokens,
    ) == expected
    assert got.prompt_tokens is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"event: error\ndata: plain words\n\n", "plain words"),
        (b'event: error\ndata: {"message": "in JSON"}\n\n', "in JSON"),
        (b'error: {"message": "own field"}\n\n', "own field"),
        (b'data: {"object": "error", "message": "vllm"}\n\n', "vllm"),
    ],
)
async def test_an_error_inside_a_stream_keeps_the_servers_words(body: bytes, message: str) -> None:
    with FakeHost(responses=[FakeResponse([body], headers=SSE)]):
        chunks, error = await collect(mode="openaicompatible")

    assert chunks == []
    assert isinstance(error, InferenceHostError)
    assert (error.status, error.server_message) == (200, message)


async def test_a_single_message_is_a_conversation() -> None:
    with FakeHost(reply="a") as host:
        await SESSION.run({"role": "user", "content": "Why?"})
        await SESSION.run({"role": "user", "content": "Why?"}, mode="openaicompatible")
        await SESSION.run({"prompt": "Why?", "system": "Be brief", "model": "other"})

    chat, completion, generate = (json.loads(request.body) for request in host.requests)
    assert chat["messages"] == completion["messages"] == [{"role": "user", "content": "Why?"}]
    assert (generate["prompt"], generate["system"], generate["model"]) == (
        "Why?",
        "Be brief",
        "other",
    )


async def test_the_fake_host_can_reply_by_the_request_and_runs_out_in_words() -> None:
    with FakeHost(reply=lambda body: body["prompt"].upper()):
        assert (await SESSION.generate("why")).text == "WHY"
    with FakeHost(responses=[]), pytest.raises(ConnectionFailed, match="no response left"):
        await SESSION.run("Why?")


async def test_nothing_after_done_is_read_even_from_the_same_bytes() -> None:
    finish = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    body = finish + b"data: [DONE]\n\ndata: garbage\n\n"
    with FakeHost(responses=[FakeResponse([body], headers=SSE)]):
        chunks, error = await collect(mode="openaicompatible")

    assert (len(chunks), error) == (1, None)


def test_a_generation_that_was_never_opened_has_nothing_to_close() -> None:
    host = InferenceHost("http://host")
    request = host.request("/api/generate", {})
    generation = Generation(host, request, DIALECTS["ollama"], GenerateOptions())

    assert list(generation.close()) == []
    assert list(generation.close()) == []
    assert generation.ended


@pytest.mark.parametrize(("status", "seconds"), [(200, [0.0, 5.0]), (500, [0.0, 5.0])])
async def test_a_wait_that_is_dropped_unfinished_performs_nothing_more(
    status: int, seconds: list[float]
) -> None:
    with SlowHost(seconds, responses=[FakeResponse([b"x"], status=status)]) as host:
        call = SESSION.run("Why?")
        call.send(None)
        await asyncio.sleep(0.01)
        call.send(None)
        call.close()

    assert host.closed == 0


async def test_an_answer_in_json_may_lack_its_last_newline() -> None:
    body = b'{"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}'
    with FakeHost(responses=[FakeResponse([body], headers={"content-type": "application/json"})]):
        answer = await SESSION.run("Why?", mode="openaicompatible")

    assert answer["choices"][0]["finish_reason"] == "stop"


SECRET = "sk-SECRETKEY"


@pytest.mark.parametrize(
    ("response", "options"),
    [
        (FakeResponse([b'{"error": "bad key sk-SECRETKEY"}'], status=401), {}),
        (FakeResponse([b"x" * 1993 + b" sk-SECRETKEY"], status=401), {}),
        (FakeResponse([b'{"error": "bad key sk-SECRETKEY"}']), {}),
        (FakeResponse([b"your key sk-SECRETKEY is no good\n"]), {}),
        (FakeResponse([b'["sk-SECRETKEY"]\n']), {}),
        (FakeResponse([b"x" * 70 + b" sk-SECRETKEY\n"]), {}),
        (FakeResponse([b'{"error": "bad key sk-SECRETKEY"}'], status=503), {"retries": 1}),
    ],
)
@pytest.mark.parametrize(
    "session",
    [
        Session("m", host="http://h", api_key=SECRET),
        Session("m", host="http://h", headers={"Authorization": f"Bearer {SECRET}"}),
    ],
)
async def test_no_secret_appears_in_an_error_a_log_or_a_traceback(
    session: Session,
    response: FakeResponse,
    options: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with FakeHost(responses=[response] * 2), pytest.raises(EdgeletError) as caught:
        await session.run("Why?", **options)

    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert SECRET[:8] not in shown + getattr(caught.value, "body", "")


async def test_the_variables_key_goes_to_the_variables_host_alone() -> None:
    env = {"AI_INFERENCE_API_HOST": "http://trusted", "AI_INFERENCE_API_KEY": SECRET}
    with FakeHost(reply="a", env=env) as host:
        await Session("m").run("Why?")
        await Session("m", host="http://other").run("Why?")

    trusted, other = (request.headers.get("authorization") for request in host.requests)
    assert (trusted, other) == (f"Bearer {SECRET}", None)


@pytest.mark.parametrize(
    "url",
    ["http://user:SECRETPW@host:port/", "htp://user:SECRETPW@h", "http://h/?key=SECRETPW "],
)
def test_a_refused_url_is_not_repeated_where_it_may_hold_a_secret(url: str) -> None:
    with pytest.raises(OptionError) as caught:
        Session("m", host=url)

    assert "SECRETPW" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"host": 5},
        {"host": "http://h/?"},
        {"host": "http://h#"},
        {"api_key": 5},
        {"headers": ["a"]},
        {"headers": {"x": 1}},
        {"headers": {5: "x"}},
        {"headers": {"a b": "x"}},
        {"headers": {"x": " padded "}},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"transfer-encoding": "chunked"}},
    ],
)
def test_what_could_not_be_sent_is_refused_when_the_session_is_made(
    arguments: dict[str, Any],
) -> None:
    with pytest.raises(OptionError):
        Session("m", **arguments)


async def test_a_signal_fired_between_chunks_closes_the_response_at_once() -> None:
    controller = AbortController()
    with FakeHost(responses=[FakeResponse([line("a") + line("b"), line("c")])]) as host:
        stream = await SESSION.run("Why?", stream=True, signal=controller.signal)
        await anext(stream)
        controller.abort("enough")
        await asyncio.sleep(0.01)
        assert host.closed == 1
        with pytest.raises(Aborted, match="enough"):
            await anext(stream)

    assert controller.signal._listeners == []


async def test_a_signal_fired_in_another_thread_ends_a_wait() -> None:
    controller = AbortController()
    with SlowHost([0, 5], responses=[FakeResponse([line("a")])]) as host:
        call = asyncio.create_task(SESSION.run("Why?", signal=controller.signal))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(controller.abort)
        with pytest.raises(Aborted):
            await call

    assert host.closed == 1


async def test_a_signal_fired_while_a_listener_is_added_is_heard() -> None:
    class Racy(AbortSignal):
        def add_event_listener(self, type: str, listener: Any) -> None:
            self._fire("raced")
            super().add_event_listener(type, listener)

    with SlowHost([0, 5]), pytest.raises(Aborted, match="raced"):
        await SESSION.run("Why?", signal=Racy())


async def test_a_signal_does_not_keep_a_stream_alive() -> None:
    signal = AbortController().signal
    with FakeHost(reply="a b c") as host:
        stream = await SESSION.run("Why?", stream=True, signal=signal)
        await anext(stream)
        del stream
        await asyncio.sleep(0.01)
        assert host.closed == 1
    AbortController().abort()


async def test_a_signal_fired_after_the_end_changes_nothing() -> None:
    controller = AbortController()
    with FakeHost(reply="a"):
        stream = await SESSION.run("Why?", stream=True, signal=controller.signal)
        chunks = [chunk async for chunk in stream]
        controller.abort()
        assert [chunk async for chunk in stream] == []

    assert len(chunks) == 1


async def test_two_tasks_cannot_read_one_stream() -> None:
    with SlowHost([0, 0.1], responses=[FakeResponse([line("a", done=True)])]):
        stream = await SESSION.run("Why?", stream=True)
        first = asyncio.create_task(anext(stream))
        await asyncio.sleep(0.01)
        with pytest.raises(EdgeletError, match="another task is reading this stream"):
            await anext(stream)
        assert (await first)["response"] == "a"


async def test_closing_a_stream_that_another_task_reads_ends_its_loop() -> None:
    with SlowHost([0, 0.1], responses=[FakeResponse([line("a"), line("b")])]) as host:
        stream = await SESSION.run("Why?", stream=True)

        async def read() -> list[Any]:
            return [chunk async for chunk in stream]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        await stream.aclose()
        assert await reading == []
        assert host.closed == 1


async def test_a_stream_stays_with_its_event_loop() -> None:
    with FakeHost(reply="a b"):
        stream = await SESSION.run("Why?", stream=True)

        def elsewhere() -> None:
            asyncio.run(stream.aclose())

        with pytest.raises(EdgeletError, match="belongs to another event loop"):
            await asyncio.to_thread(elsewhere)
        assert len([chunk async for chunk in stream]) == 2


async def test_cancelling_while_a_stream_closes_closes_it_all_the_same() -> None:
    class SlowClose(FakeHost):
        async def close(self, response: Any) -> None:
            await asyncio.sleep(0.02)
            await super().close(response)

    with SlowClose(reply="a b c") as host:
        stream = await SESSION.run("Why?", stream=True)
        closing = asyncio.create_task(stream.aclose())
        await asyncio.sleep(0.01)
        closing.cancel()
        await asyncio.wait([closing])
        await asyncio.sleep(0.05)
        assert host.closed == 1


async def test_an_error_body_that_stalls_does_not_hold_back_the_status() -> None:
    response = FakeResponse([b'{"error": "no model"}', b"never"], status=404)
    with (
        SlowHost([0, 0, 60], responses=[response]),
        pytest.raises(InferenceHostError, match="404: no model"),
    ):
        await asyncio.wait_for(SESSION.run("Why?"), 10)


@pytest.mark.parametrize("mode", [None, ""])
async def test_no_mode_is_the_default_mode(mode: Any) -> None:
    with FakeHost(reply="a"):
        assert (await SESSION.generate("Why?", mode=mode)).text == "a"


@pytest.mark.parametrize("error", ["", False, {}, None])
async def test_an_empty_error_beside_an_answer_is_none(error: object) -> None:
    answer = {"response": "a", "done": True, "error": error}
    with FakeHost(responses=[FakeResponse([json.dumps(answer).encode()])]):
        assert (await SESSION.run("Why?"))["response"] == "a"


async def test_a_deadline_that_passed_first_is_the_one_that_is_told() -> None:
    class SlowToLeave(FakeHost):
        async def receive(self, response: Any) -> list[bytes]:
            try:
                await asyncio.sleep(5)
            finally:
                await asyncio.sleep(0.1)
            return []

    controller = AbortController()
    asyncio.get_running_loop().call_later(0.1, controller.abort)
    with SlowToLeave(reply="a"), pytest.raises(TotalTimeout):
        await SESSION.run("Why?", timeout=0.05, signal=controller.signal)


async def test_a_signal_that_fires_as_the_answer_arrives_comes_too_late() -> None:
    controller = AbortController()

    class Firing(FakeHost):
        async def receive(self, response: Any) -> list[bytes]:
            controller.abort()
            return await super().receive(response)

    with Firing(reply="a"):
        answer = await SESSION.run("Why?", signal=controller.signal)

    assert answer["response"] == "a"


def test_a_signal_may_fire_after_the_event_loop_ended() -> None:
    controller = AbortController()

    async def leave() -> Any:
        stream = await SESSION.run("Why?", stream=True, signal=controller.signal)
        await anext(stream)
        return stream

    with FakeHost(reply="a b"):
        stream = asyncio.run(leave())
        controller.abort()

    assert stream is not None
