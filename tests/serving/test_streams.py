"""Bodies stream both ways, and a client that leaves ends what was made for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head, Stall
from tests.serving.served import Served, served, write
from tests.serving.wire import Wire

SECONDS = 20.0

PYTHON = """
import os
from edgelet import Request, Response, fetch, serve

async def shouted(request: Request):
    yield b"begin;"
    async for piece in request.body:
        yield piece.upper()
    yield b";end"

async def for_ever():
    while True:
        yield b"more" * 4096

@serve
async def handler(request: Request) -> Response:
    match request.path.split("/")[2:]:
        case ["passed-on"]:
            upstream = await fetch(os.environ["UPSTREAM"])
            return Response.stream(upstream.body)
        case ["waits"]:
            upstream = await fetch(os.environ["UPSTREAM"])
            return Response(await upstream.text())
        case ["for-ever"]:
            return Response.stream(for_ever())
    return Response.stream(shouted(request))
"""

JAVASCRIPT = """
const shouted = () =>
  new TransformStream<string, string>({
    start: (into) => into.enqueue("begin;"),
    transform: (piece, into) => into.enqueue(piece.toUpperCase()),
    flush: (into) => into.enqueue(";end"),
  });

const forEver = () =>
  new ReadableStream({
    pull: (into) => into.enqueue(new Uint8Array(16384)),
    cancel: () => console.log("the stream was cancelled"),
  });

Deno.serve(async (request: Request) => {
  const what = new URL(request.url).pathname.split("/")[2];
  const { signal } = request;
  if (what === "passed-on") return new Response((await fetch(Deno.env.get("UPSTREAM")!)).body);
  if (what === "waits") {
    return new Response(await (await fetch(Deno.env.get("UPSTREAM")!, { signal })).text());
  }
  if (what === "for-ever") {
    signal.addEventListener("abort", () => console.log("the request was aborted"));
    return new Response(forEver());
  }
  const pieces = request.body!
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(shouted())
    .pipeThrough(new TextEncoderStream());
  return new Response(pieces);
});
"""

both = pytest.mark.parametrize("name", ["py", "js"])


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedServer]:
    """A server that begins to answer, and goes on for as long as somebody listens."""
    with ScriptedServer([Head(), Body(b"a beginning"), Stall()]) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedServer) -> Iterator[Served]:
    allowed = f'allow_hosts = ["{upstream.url.removeprefix("http://")}"]\n'
    project = write(
        tmp_path_factory.mktemp("project"),
        {
            "functions/py/main.py": PYTHON,
            "functions/js/index.ts": JAVASCRIPT,
            "functions/.env": f"UPSTREAM={upstream.url}/\n",
            "edgelet.toml": f"[functions.py]\n{allowed}[functions.js]\n{allowed}",
        },
    )
    with served(project) as running:
        yield running


@pytest.fixture
def wire(server: Served) -> Iterator[Wire]:
    with Wire(server.url, server.authorization) as opened:
        yield opened


@both
def test_a_piece_of_the_answer_comes_before_the_next_of_the_request_is_sent(
    wire: Wire, name: str
) -> None:
    wire.ask("POST", f"/functions/v1/{name}", {"transfer-encoding": "chunked"})
    assert wire.head()[0] == 200
    assert wire.chunk() == b"begin;"
    for piece in (b"first", b"second", b"third"):
        wire.send_chunk(piece)
        assert wire.chunk() == piece.upper()
    wire.send_chunk(b"")
    assert b"".join(iter(wire.chunk, b"")) == b";end"


@both
def test_a_body_of_known_length_streams_as_well(wire: Wire, name: str) -> None:
    wire.ask("POST", f"/functions/v1/{name}", {"content-length": "10"})
    assert wire.head()[0] == 200
    assert wire.chunk() == b"begin;"
    wire.send(b"first")
    assert wire.chunk() == b"FIRST"
    wire.send(b"after")
    assert b"".join(iter(wire.chunk, b"")) == b"AFTER;end"


UNREAD = {"none": b"", "short": b"a" * 100}


@both
@pytest.mark.parametrize("unread", UNREAD)
def test_a_client_that_leaves_a_stream_ends_what_the_function_reads_from(
    wire: Wire, upstream: ScriptedServer, name: str, unread: str
) -> None:
    upstream.play_next([Head(), Body(b"a beginning"), Stall()])
    body = UNREAD[unread]
    wire.ask("POST", f"/functions/v1/{name}/passed-on", {"content-length": str(len(body))}, body)
    assert wire.head()[0] == 200
    assert wire.chunk() == b"a beginning"
    assert not upstream.disconnected.is_set()
    wire.reset()
    upstream.wait_until_client_left(SECONDS)


@both
@pytest.mark.parametrize("unread", UNREAD)
def test_a_client_that_leaves_before_the_answer_ends_the_work_on_it(
    wire: Wire, upstream: ScriptedServer, name: str, unread: str
) -> None:
    upstream.play_next([Head(), Body(b"a beginning"), Stall()])
    body = UNREAD[unread]
    wire.ask("POST", f"/functions/v1/{name}/waits", {"content-length": str(len(body))}, body)
    upstream.wait_for_request(SECONDS)
    wire.reset()
    upstream.wait_until_client_left(SECONDS)


def test_a_client_that_leaves_behind_a_late_body_ends_the_work_on_it(
    wire: Wire, upstream: ScriptedServer
) -> None:
    """Deno reads no further than the function does, so it does not see the connection's end."""
    upstream.play_next([Head(), Body(b"a beginning"), Stall()])
    wire.ask("POST", "/functions/v1/js/waits", {"content-length": "100"})
    upstream.wait_for_request(SECONDS)
    wire.send(bytes(100))
    with pytest.raises(AssertionError, match="no client left"):
        upstream.wait_until_client_left(0.5)
    wire.reset()
    upstream.wait_until_client_left(SECONDS)


HEARD = ("the stream was cancelled", "the request was aborted")


@pytest.mark.parametrize("size", [0, 100, 1 << 30])
def test_a_function_in_javascript_hears_that_its_client_left(
    wire: Wire, server: Served, size: int
) -> None:
    before = {what: server.output.count(what) for what in HEARD}
    wire.ask("POST", "/functions/v1/js/for-ever", {"content-length": str(size)})
    assert wire.head()[0] == 200
    wire.chunk()
    if size > 100:
        wire.flood()
    else:
        wire.send(bytes(size))
    wire.reset()
    for what, times in before.items():
        server.wait_for(rf"(?s)(?:\[js\] {what}.*?){{{times + 1}}}", SECONDS)
