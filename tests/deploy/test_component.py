"""Functions as components in wasmtime's own server: asked over HTTP, streamed from, and left."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import httpx2
import pytest

from tests.deploy.deployed import EXAMPLES, Running, contents, deploy, deployed, listening
from tests.deploy.exchanges import echoes, send
from tests.deploy.scripts import go_on, never_ends, says_a_word_then_waits
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head, Stall
from tests.serving.served import write

HEAD = Head(headers={"content-type": "application/x-ndjson"})


@cache
def wasmtime() -> str:
    """The path of wasmtime's command; the test is skipped where there is none."""
    package = find_spec("wasmtime_cli")
    if package is None or package.origin is None:
        return shutil.which("wasmtime") or pytest.skip("wasmtime is not installed on this machine")
    program = Path(package.origin).with_name("wasmtime")
    program.chmod(0o755)  # the wheel does not say that it is one
    return str(program)


def serving(folder: Path, command: str, **env: str) -> AbstractContextManager[Running]:
    """Serve a component by its command, on a port of our own, until the context ends."""
    *variables, program, subcommand = shlex.split(command.partition(" -S")[0])
    assert (program, subcommand) == ("wasmtime", "serve")
    env |= dict(variable.split("=", 1) for variable in variables)
    arguments = shlex.split(command)[len(variables) + 1 :]
    arguments[arguments.index("--addr") + 1] = "127.0.0.1:0"
    return listening([wasmtime(), *arguments], folder, "Serving HTTP on ", env)


@contextmanager
def served(tmp_path: Path, project: Path, name: str, **env: str) -> Iterator[Running]:
    wasmtime()
    said = deployed(project, name, "wasm", tmp_path / "out", "--no-model")
    with serving(tmp_path / "out", said["next"][0], **env) as function:
        yield function


def test_hello_answers_whoever_asks_and_survives_nonsense(tmp_path: Path) -> None:
    with served(tmp_path, EXAMPLES, "hello") as function:
        assert function.get(params={"name": "Ada"}).json() == {"message": "Hello Ada!"}
        for nonsense in (b"nonsense\r\n\r\n", b"GET http://[ HTTP/1.1\r\nHost: [\r\n\r\n"):
            send(function, nonsense)
        assert function.get().json() == {"message": "Hello world!"}


def test_a_language_model_streams_and_hears_who_leaves(tmp_path: Path) -> None:
    go_on.clear()
    with ScriptedServer(says_a_word_then_waits) as host:
        env = {"AI_INFERENCE_API_HOST": host.url}
        with served(tmp_path, EXAMPLES, "ollama-test-py", **env) as function:
            why = {"prompt": "Why?"}
            with httpx2.stream("GET", function.url, params=why, timeout=60) as answer:
                assert answer.status_code == 200, function.printed
                assert answer.headers["content-type"] == "text/event-stream"
                pieces = answer.iter_text()
                first = next(pieces)
                assert first.strip() == "Because"
                go_on.set()
                assert first + "".join(pieces) == "Because of Rayleigh."
            asked = host.requests[-1]
            assert asked.json()["prompt"] == "Why?"
            assert asked.headers["content-length"] == str(len(asked.body))

            host.play_next(never_ends)
            with httpx2.stream("GET", function.url, params=why, timeout=60) as answer:
                assert next(answer.iter_text()).startswith("word")
            host.wait_until_client_left(20)

            word = b'{"model": "mistral", "response": "word", "done": false}\n'
            host.play_next([HEAD, Body(word), Stall()])
            with httpx2.stream("GET", function.url, params=why, timeout=60) as answer:
                assert next(answer.iter_text()).startswith("word")
            host.wait_until_client_left(20)


MAIN = """
import asyncio
import os

from edgelet import Request, Response, Session, TotalTimeout, fetch, serve
from helpers.words import GREETING

visits = []


@serve
async def handler(request: Request) -> Response:
    match request.path:
        case "/echo":
            return Response.stream(request.body, status=201)
        case "/environment":
            return Response.json(dict(os.environ))
        case "/fails":
            raise ValueError("on purpose")
        case "/breaks":
            return Response.stream(broken())
        case "/nothing":
            return Response(status=204)
        case "/proxy":
            return await fetch(request.query["url"])
        case "/posts":
            return await fetch(request.query["url"], method="POST", body="x" * 300_000)
        case "/late":
            try:
                return await fetch(request.query["url"], timeout=0.2)
            except TotalTimeout as late:
                return Response(str(late), status=504)
        case "/embeds":
            return Response.json(await Session("all-MiniLM-L6-v2").run("Hello"))
        case "/silent":
            return Response.stream(silent())
        case "/together":
            await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(10)))
    visits.append(request.path)
    return Response(f"{GREETING} {request.method} {request.url} {len(visits)}")


async def broken():
    yield "some"
    raise ValueError("midway")


async def silent():
    try:
        yield "one"
        await asyncio.sleep(600)
    finally:
        print("the iterator was closed")
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("own")
    files = {"main.py": MAIN, "helpers/words.py": 'GREETING = "Grüße"\n', ".env": "API_KEY=never\n"}
    write(folder, {f"functions/own/{name}": text for name, text in files.items()})
    env = {"API_KEY": "given", "AI_INFERENCE_API_HOST": "http://models", "SOMETHING_ELSE": "no"}
    with served(folder, folder, "own", **env) as function:
        yield function


def test_a_function_sees_the_request_as_it_was_asked(own: Running) -> None:
    assert own.get("any?a=b%20c").text == f"Grüße GET {own.url}any?a=b%20c 1"
    purge = httpx2.request("PURGE", f"{own.url}together", timeout=60)
    assert purge.text == f"Grüße PURGE {own.url}together 1"
    assert own.get("nothing").status_code == 204
    echoes(own)


def test_it_sees_the_variables_that_it_is_granted_and_no_others(own: Running) -> None:
    assert own.get("environment").json() == {
        "API_KEY": "given",
        "AI_INFERENCE_API_HOST": "http://models",
    }


def test_a_variable_that_the_project_does_not_name_is_not_seen(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"functions/own/main.py": "import os\nfrom edgelet import Response, serve\n"
         "serve(lambda request: Response.json(dict(os.environ)))\n"},
    )  # fmt: skip
    said = deployed(tmp_path, "own", "wasm", tmp_path / "out", "--no-model")
    command = said["next"][0].replace(" --addr", " --env OTHER=x --env SUPABASE_URL=y --addr")
    with serving(tmp_path / "out", command) as function:
        assert function.get().json() == {"SUPABASE_URL": "y"}


def test_failures_are_answered_and_described_where_it_runs(own: Running) -> None:
    failed = own.get("fails")
    assert failed.status_code == 500
    assert failed.json() == {
        "code": "WORKER_ERROR",
        "message": "Function exited due to an error (please check logs)",
    }
    own.wait_for('raise ValueError("on purpose")')
    own.wait_for("ValueError: on purpose")
    with pytest.raises(httpx2.HTTPError):
        own.get("breaks")
    own.wait_for("ValueError: midway")


def test_without_a_model_embedding_is_refused_in_a_sentence(own: Running) -> None:
    assert own.get("embeds").status_code == 500
    own.wait_for("ModelError: this component was deployed without an embedding model; deploy it ")


def test_fetch_passes_on_sends_and_ends_on_time(own: Running) -> None:
    with ScriptedServer([Head(headers={"x-own": "yes"}), Body(b"Hello")]) as upstream:
        answer = own.get("proxy", params={"url": f"{upstream.url}/a?b=c"})
        assert (answer.text, answer.headers["x-own"]) == ("Hello", "yes")
        assert upstream.requests[-1].target == "/a?b=c"
        assert own.get("posts", params={"url": upstream.url}).text == "Hello"
        assert upstream.requests[-1].body == b"x" * 300_000
        upstream.play_next([Stall()])
        late = own.get("late", params={"url": upstream.url})
        assert late.status_code == 504
        upstream.wait_until_client_left(20)
        gone = upstream.url
    assert own.get("proxy", params={"url": gone}).status_code == 500
    own.wait_for(f"ConnectionFailed: cannot connect to {gone} (connection refused)")


def test_a_client_that_leaves_a_silent_stream_ends_it(own: Running) -> None:
    with httpx2.stream("GET", f"{own.url}silent", timeout=60) as answer:
        assert next(answer.iter_text()) == "one"
    own.wait_for("the iterator was closed")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import missing_package\n", "No module named 'missing_package'"),
        ("x = 1\n", "main.py serves no handler; decorate one with @serve"),
    ],
)
def test_a_function_that_does_not_load_answers_503(tmp_path: Path, code: str, reason: str) -> None:
    write(tmp_path, {"functions/broken/main.py": code})
    with served(tmp_path, tmp_path, "broken") as function:
        answers = [function.get(), function.get()]
        assert [each.status_code for each in answers] == [503, 503]
        assert answers[0].json() == {
            "code": "BOOT_ERROR",
            "message": "Worker failed to boot (please check logs)",
        }
        function.wait_for(reason)


@pytest.mark.parametrize(
    ("options", "model"),
    [
        (["--no-model"], []),
        ([], [f"models/all-MiniLM-L6-v2/{name}" for name in ("model.bin", "model.xml")]),
    ],
)
def test_the_same_function_gives_the_same_bytes_and_holds_no_secret(
    tmp_path: Path, options: list[str], model: list[str]
) -> None:
    files = {"main.py": MAIN, "helpers/words.py": 'GREETING = "Grüße"\n'}
    write(tmp_path, {f"functions/own/{name}": text for name, text in files.items()})
    write(tmp_path, {"functions/.env": "API_KEY=squeamish\n"})
    said = deployed(tmp_path, "own", "wasm", tmp_path / "once", *options)
    deployed(tmp_path, "own", "wasm", tmp_path / "twice", *options)
    once = contents(tmp_path / "once")
    assert once == contents(tmp_path / "twice")
    assert once.keys() == {"README.md", "component.wasm", "edgelet.json", *model}
    assert once.keys() == said["files"].keys()
    assert said["model_bytes"] == sum(len(once[name]) for name in model)
    assert len(once["README.md"].splitlines()) == 5
    assert said["variables"] == ["API_KEY"]
    assert " --env API_KEY " in said["next"][-1]
    assert not [name for name, data in once.items() if b"squeamish" in data]
    assert json.loads(once["edgelet.json"])["target"] == "wasm"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"index.ts": "Deno.serve(() => new Response('Hello'))\n"},
            "error: own is written in JavaScript, and only a function in Python becomes a "
            "component; deploy it with --target deno, node or bun\n",
        ),
        (
            {"main.py": "def handler(:\n"},
            "error: the function own cannot be loaded: SyntaxError: invalid syntax "
            "(main.py, line 1)\n",
        ),
        (
            {"main.py": f"TEXT = {'x' * 5_000_000!r}\n"},
            "error: own does not fit into a component: there is room for 4,194,300 bytes, not ",
        ),
    ],
)
def test_what_cannot_be_a_component_is_refused_in_a_sentence(
    tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    write(tmp_path, {f"functions/own/{name}": text for name, text in files.items()})
    ended = deploy(tmp_path, "own", "--target", "wasm", "--out", "out")
    assert (ended.code, ended.out) == (1, "")
    assert reason in ended.err.splitlines(keepends=True)[-1]
    assert not (tmp_path / "out").exists()
