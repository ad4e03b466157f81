"""Deployed functions in their real hosts: the examples, in both languages, asked over HTTP."""

from __future__ import annotations

import gzip
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from edgelet import Session
from tests.deploy.deployed import EXAMPLES, TARGETS, Running, deployed
from tests.deploy.exchanges import echoes, send
from tests.deploy.hosts import running
from tests.deploy.scripts import go_on, never_ends, says_a_word_then_waits
from tests.deploy.workers import leave_at_once
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head, Stall
from tests.serving.served import write

LOST = ("assets/onnxruntime", "assets/models")
LOADED = "what runs models is loaded"

pytestmark = pytest.mark.parametrize("target", TARGETS)


@pytest.fixture(scope="module")
def inference_host() -> Iterator[ScriptedServer]:
    with ScriptedServer(says_a_word_then_waits) as server:
        yield server


def without_engine(folder: Path) -> None:
    """Take away what runs models: binaries, and onnxruntime and tokenizers, which now say so."""
    [package] = (path.parent for path in folder.rglob("deployed.*.js"))
    for name in LOST:
        shutil.rmtree(package / name, ignore_errors=True)
    engines = [*package.glob("*-ort.*"), *package.glob("*-tokenizers-*")]
    assert len(engines) >= 2
    for file in engines:
        file.write_text(f'console.log("{LOADED}");')


@pytest.mark.parametrize("name", ["embed-minilm", "embed-minilm-js"])
async def test_it_embeds_and_refuses_bad_input(tmp_path: Path, target: str, name: str) -> None:
    said = deployed(EXAMPLES, name, target, tmp_path)
    with running(tmp_path, said["next"]) as function:
        vector = function.get(params={"input": "Hello wörld"}).json()
        missing = function.get()
        for nonsense in (b"nonsense\r\n\r\n", b"GET http://[ HTTP/1.1\r\nHost: [\r\n\r\n"):
            send(function, nonsense)
        again = function.get(params={"input": "Hello wörld"}).json()
    assert missing.status_code == 400
    assert missing.json() == {"error": "give a text as ?input=…"}
    assert again == vector
    model = Session("all-MiniLM-L6-v2", precision="int8")
    wanted = await model.run("Hello wörld", mean_pool=True, normalize=True)
    assert len(vector) == 384
    assert sum(a * b for a, b in zip(vector, wanted, strict=True)) > 0.9999


@pytest.mark.parametrize("name", ["ollama-test", "ollama-test-py"])
def test_a_language_model_streams_without_engine_or_model(
    tmp_path: Path, inference_host: ScriptedServer, target: str, name: str
) -> None:
    go_on.clear()
    inference_host.play_next(says_a_word_then_waits)
    said = deployed(EXAMPLES, name, target, tmp_path, "--no-model")
    without_engine(tmp_path)
    env = {"AI_INFERENCE_API_HOST": inference_host.url}
    with running(tmp_path, said["next"], **env) as function:
        with httpx2.stream("GET", function.url, params={"prompt": "Why?"}, timeout=60) as answer:
            assert answer.status_code == 200, function.printed
            assert answer.headers["content-type"] == "text/event-stream"
            pieces = answer.iter_text()
            first = next(pieces)
            assert first.strip() == "Because"
            go_on.set()
            assert first + "".join(pieces) == "Because of Rayleigh."
        assert inference_host.requests[-1].json()["prompt"] == "Why?"

        inference_host.play_next(never_ends)
        with httpx2.stream("GET", function.url, params={"prompt": "Why?"}, timeout=60) as answer:
            assert next(answer.iter_text()).startswith("word")
        inference_host.wait_until_client_left(20)

        go_on.set()
        inference_host.play_next(says_a_word_then_waits)
        assert function.get(params={"prompt": "Why?"}).text == "Because of Rayleigh."
    assert not [line for line in function.printed if LOADED in line]


def test_leaving_before_the_answer_cancels_the_handler(
    tmp_path: Path, inference_host: ScriptedServer, target: str
) -> None:
    inference_host.play_next([Stall()])
    said = deployed(EXAMPLES, "ollama-test-py", target, tmp_path, "--no-model")
    env = {"AI_INFERENCE_API_HOST": inference_host.url}
    with running(tmp_path, said["next"], **env) as function:
        with socket.create_connection(("127.0.0.1", httpx2.URL(function.url).port or 0)) as client:
            client.sendall(b"GET /?prompt=Why HTTP/1.1\r\nHost: localhost\r\n\r\n")
            inference_host.wait_for_request(60)
            if target == "cloudflare":
                leave_at_once(client)
        inference_host.wait_until_client_left(20)


MAIN = """
import asyncio
import os
from email.message import EmailMessage
from urllib.request import pathname2url

from edgelet import Request, Response, fetch, serve
from helpers.words import GREETING


@serve
async def handler(request: Request) -> Response:
    match request.path:
        case "/echo":
            return Response.stream(request.body, status=201, headers=request.headers.raw()[-1:])
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
        case "/ticks":
            return Response.stream(ticks())
    return Response(GREETING)


async def broken():
    yield "some"
    raise ValueError("midway")


async def ticks():
    try:
        while True:
            yield "tick"
            await asyncio.sleep(0.01)
    finally:
        print("the iterator was closed", flush=True)
"""


def test_python_sees_requests_and_failures_as_on_the_server(tmp_path: Path, target: str) -> None:
    files = {"main.py": MAIN, "helpers/words.py": 'GREETING = "Grüße"\n', ".env": "API_KEY=never\n"}
    write(tmp_path, {f"functions/own/{name}": text for name, text in files.items()})
    out = tmp_path / "out"
    said = deployed(tmp_path, "own", target, out, "--no-model")
    assert said["variables"] == ["API_KEY"]
    env = {"API_KEY": "given", "SOMETHING_ELSE": "not named"}
    with running(out, said["next"], **env) as function:
        assert function.get("any").text == "Grüße"
        assert function.get("nothing").status_code == 204
        assert function.get("environment").json() == {"API_KEY": "given"}

        failed = function.get("fails")
        assert failed.status_code == 500
        assert failed.json() == {
            "code": "WORKER_ERROR",
            "message": "Function exited due to an error (please check logs)",
        }
        function.wait_for("ValueError: on purpose")
        function.wait_for('raise ValueError("on purpose")')
        with pytest.raises(httpx2.HTTPError):
            function.get("breaks")
        function.wait_for("ValueError: midway")

        echoes(function)
        _passes_on(function)
        with httpx2.stream("GET", f"{function.url}ticks", timeout=60) as answer:
            assert next(answer.iter_text()).startswith("tick")
        function.wait_for("the iterator was closed")


def _passes_on(function: Running) -> None:
    """What `fetch` brought is an answer, however its bytes were framed and encoded."""
    packed = gzip.compress(b"Hello " * 100)
    for framing in ("chunked", "close", len(packed)):
        head = Head(headers={"content-encoding": "gzip", "x-own": "yes"}, framing=framing)
        with ScriptedServer([head, Body(packed)]) as upstream:
            answer = function.get("proxy", params={"url": upstream.url})
            assert answer.content == b"Hello " * 100
            assert answer.headers["x-own"] == "yes"


@pytest.mark.parametrize(
    ("file", "code", "reason"),
    [
        ("main.py", "import missing_package\n", "No module named 'missing_package'"),
        ("main.py", "x = 1\n", "serves no handler"),
        ("index.js", "throw new Error('at once')\n", "at once"),
        ("index.js", "export default 1\n", "serves no handler"),
    ],
)
def test_a_function_that_does_not_load_answers_503(
    tmp_path: Path, target: str, file: str, code: str, reason: str
) -> None:
    write(tmp_path, {f"functions/broken/{file}": code})
    out = tmp_path / "out"
    said = deployed(tmp_path, "broken", target, out, "--no-model")
    with running(out, said["next"]) as function:
        answers = [function.get(), function.get()]
        assert [each.status_code for each in answers] == [503, 503]
        assert answers[0].json() == {
            "code": "BOOT_ERROR",
            "message": "Worker failed to boot (please check logs)",
        }
        function.wait_for(reason)


INDEX = """
import { shout } from "../_shared/shout.ts";
export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/fails") throw new Error("on purpose");
    EdgeRuntime.waitUntil(Promise.resolve());
    return new Response(shout(`${Deno.env.get("API_KEY")} ${await request.text()}`));
  },
};
"""


@pytest.mark.parametrize("options", [(), ("--minify",)])
def test_typescript_with_shared_modules_and_a_default_export(
    tmp_path: Path, target: str, options: tuple[str, ...]
) -> None:
    shout = "export function shout(longName: string): string {\n  return longName + '!';\n}\n"
    write(
        tmp_path,
        {"functions/own/index.ts": INDEX, "functions/_shared/shout.ts": shout},
    )
    out = tmp_path / "out"
    said = deployed(tmp_path, "own", target, out, "--no-model", *options)
    with running(out, said["next"], API_KEY="given") as function:
        answer = httpx2.post(function.url, content="Hello", timeout=60)
        assert answer.text == "given Hello!"
        failed = function.get("fails")
        assert (failed.status_code, failed.json()["code"]) == (500, "WORKER_ERROR")
        function.wait_for("on purpose")
