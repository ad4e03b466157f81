"""Clients that are slow, greedy, broken or gone hurt nobody but themselves."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.serving.hostile import (
    connected,
    everything,
    head,
    memory_within,
    prompt_neighbours,
    reset,
)
from tests.serving.served import Served, served, write
from tests.serving.test_reload import until

MB = 1024 * 1024
LANGUAGES = ["py", "js"]
IDLE = 10_000

PYTHON = {
    "neighbour": """
from edgelet import Response, serve

@serve
def handler(request):
    return Response("prompt")
""",
    "stream": """
from edgelet import Response, serve

@serve
async def handler(request):
    async def pieces():
        for number in range(200):
            print("piece")
            yield b"x" * 1024 * 1024
    return Response.stream(pieces())
""",
    "sink": """
from edgelet import Response, serve

@serve
async def handler(request):
    print("reading")
    total = 0
    async for piece in request.body:
        total += len(piece)
    return Response(str(total))
""",
    "deaf": """
from edgelet import Response, serve

@serve
def handler(request):
    return Response("no need to listen")
""",
    "endless": """
import asyncio
from edgelet import Response, serve

@serve
async def handler(request):
    async def pieces():
        while True:
            yield b"on and on"
            await asyncio.sleep(0.05)
    return Response.stream(pieces())
""",
}

JAVASCRIPT = {
    "neighbour": 'Deno.serve(() => new Response("prompt"));',
    "stream": """
const piece = new Uint8Array(1024 * 1024);
Deno.serve(() => {
  let left = 200;
  return new Response(new ReadableStream({
    pull(controller) {
      console.log("piece");
      controller.enqueue(piece);
      if (--left === 0) controller.close();
    },
  }, { highWaterMark: 0 }));
});
""",
    "sink": """
Deno.serve(async (request) => {
  console.log("reading");
  request.signal.addEventListener("abort", () => console.log("aborted"));
  let total = 0;
  for await (const piece of request.body) total += piece.length;
  return new Response(String(total));
});
""",
    "deaf": 'Deno.serve(() => new Response("no need to listen"));',
    "endless": """
const bytes = new TextEncoder().encode("on and on");
Deno.serve((request) => {
  request.signal.addEventListener("abort", () => console.log("aborted"));
  let timer;
  return new Response(new ReadableStream({
    start(controller) { timer = setInterval(() => controller.enqueue(bytes), 50); },
    cancel() { clearInterval(timer); console.log("cancelled"); },
  }));
});
""",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    files = {f"functions/{name}-py/main.py": text for name, text in PYTHON.items()}
    files |= {f"functions/{name}-js/index.ts": text for name, text in JAVASCRIPT.items()}
    with served(write(tmp_path_factory.mktemp("project"), files), "--preload") as running:
        yield running


@pytest.fixture
def neighbours(server: Served) -> Iterator[None]:
    with prompt_neighbours(server, "neighbour-py", "neighbour-js"):
        yield


@pytest.mark.usefixtures("neighbours")
def test_headers_may_come_a_byte_at_a_time(server: Served) -> None:
    asked = head(server, "GET", "/functions/v1/deaf-py", "connection: close")
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(50)]
        for byte in asked[:100]:
            for client in clients:
                client.sendall(bytes([byte]))
            time.sleep(0.02)
        for client in clients:
            client.sendall(asked[100:])
        assert all(b"no need to listen" in everything(client) for client in clients)


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_body_may_come_a_byte_at_a_time(server: Served, language: str) -> None:
    path = f"/functions/v1/sink-{language}"
    asked = head(server, "POST", path, "content-length: 100", "connection: close")
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(server)) for _ in range(20)]
        for client in clients:
            client.sendall(asked)
        for _ in range(100):
            for client in clients:
                client.sendall(b"x")
            time.sleep(0.01)
        assert all(b"\r\n100" in everything(client) for client in clients)


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_client_that_reads_nothing_stops_the_function_that_streams(
    server: Served, language: str
) -> None:
    name = f"stream-{language}"
    with memory_within(server, 60), connected(server, receive_bytes=4096) as client:
        client.sendall(head(server, "GET", f"/functions/v1/{name}"))
        server.wait_for(rf"^\[{name}\] piece")
        made = standstill(server, f"[{name}] piece")
        assert made < 60, "of 200"


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("language", LANGUAGES)
def test_of_clients_that_leave_before_they_have_asked_no_work_is_left(
    server: Served, language: str
) -> None:
    name = f"sink-{language}"
    before, read = left_by(server, "POST", name), server.output.count(f"[{name}] reading")
    for number in range(50):
        client = connected(server)
        client.sendall(head(server, "POST", f"/functions/v1/{name}", "content-length: 1000"))
        client.sendall(b"the beginning of it")
        until(lambda: server.output.count(f"[{name}] reading") > read, True)
        reset(client) if number % 2 else client.close()
    until(lambda: left_by(server, "POST", name), before + 50)
    assert server.post(name, content=b"four").text == "4"
    if language == "js":
        begun = server.output.count(f"[{name}] reading") - read - 1
        until(lambda: server.output.count(f"[{name}] aborted") >= begun, True)


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("language", LANGUAGES)
def test_of_clients_that_leave_in_the_midst_of_an_answer_no_work_is_left(
    server: Served, language: str
) -> None:
    name = f"endless-{language}"
    before, cancelled = left(server, "GET", name), server.output.count(f"[{name}] cancelled")
    for number in range(100):
        client = connected(server)
        client.sendall(head(server, "GET", f"/functions/v1/{name}"))
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        reset(client) if number % 2 else client.close()
    until(lambda: left(server, "GET", name), before + 100)
    if language == "js":
        until(lambda: server.output.count(f"[{name}] cancelled"), cancelled + 100)


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hundred_megabytes_pass_through_without_being_held(server: Served, language: str) -> None:
    with memory_within(server, 60):
        answer = server.post(f"sink-{language}", content=megabytes(100))
    assert answer.status_code == 200, answer.text
    assert answer.text == str(100 * MB)


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_function_need_not_read_what_is_sent(server: Served, language: str) -> None:
    with memory_within(server, 60):
        answer = server.post(f"deaf-{language}", content=megabytes(100))
        assert answer.text == "no need to listen"
        whole = server.post(f"deaf-{language}", content=b"x" * 20 * MB)
        assert whole.text == "no need to listen"


def test_ten_thousand_idle_connections_are_borne(server: Served) -> None:
    with open_files(IDLE + 2000), ExitStack() as stack:
        idle = [stack.enter_context(connected(server)) for _ in range(IDLE)]
        with prompt_neighbours(server, "neighbour-py", "neighbour-js"):
            for client in idle[::1000]:
                client.sendall(head(server, "GET", "/functions/v1/deaf-py", "connection: close"))
                assert b"no need to listen" in everything(client)


@contextmanager
def open_files(number: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        pytest.skip(f"this user may have no more than {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def standstill(server: Served, line: str, seconds: float = 1.0) -> int:
    """How often the line was printed, when it is printed no more."""
    made, since = server.output.count(line), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.05)
        if (now := server.output.count(line)) != made:
            made, since = now, time.monotonic()
    return made


def left_by(server: Served, method: str, name: str) -> int:
    """How many clients left before they were answered."""
    return server.output.count(f"{method} /functions/v1/{name} 499 ")


def left(server: Served, method: str, name: str) -> int:
    """How many requests have ended."""
    return server.output.count(f"{method} /functions/v1/{name} ")


def megabytes(number: int) -> Iterator[bytes]:
    for _ in range(number):
        yield b"x" * MB
