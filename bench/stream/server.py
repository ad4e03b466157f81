"""The server of the benchmark, in a process of its own: what it costs is not the client's.

It writes what a client's prompt asks for, an `Order` as JSON, in either dialect. Chunks are the
scripts of the tests' servers, rendered once; their texts are numbered, so that a client can tell
what is missing.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.servers.answers import ndjson, ollama_generate, openai_chunks, sse
from tests.servers.steps import Body

MARK = "@"
"""Stands for a chunk's text in what was rendered."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Order:
    """How many chunks of text, how many of them in one write, and the seconds between writes.

    With no pause a stream lets all others write before it writes again.
    """

    chunks: int
    together: int = 1
    pause: float = 0.0
    stream: int = 0

    @property
    def prompt(self) -> str:
        """What asks for it."""
        return json.dumps(asdict(self))

    @property
    def texts(self) -> list[str]:
        """What comes."""
        return [f"{self.stream}.{number} " for number in range(self.chunks)]


@dataclass(frozen=True, slots=True)
class Answer:
    """Pieces of a body in one dialect: before the texts, of a text, after them."""

    content_type: str
    before: bytes
    text: bytes
    after: bytes

    def writes(self, order: Order) -> Iterator[bytes]:
        """What is written at each turn; the first has the head, the last what ends the body."""
        pieces = [_http_chunk(self.text.replace(MARK.encode(), t.encode())) for t in order.texts]
        turns = [pieces[i : i + order.together] for i in range(0, len(pieces), order.together)]
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {self.content_type}\r\n"
        turns[0].insert(0, f"{head}transfer-encoding: chunked\r\n\r\n".encode() + self.before)
        turns[-1].append(self.after + b"0\r\n\r\n")
        return (b"".join(turn) for turn in turns)


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _rendered(content_type: str, script: list[Any]) -> Answer:
    pieces = [step.data for step in script if isinstance(step, Body)]
    at = next(number for number, piece in enumerate(pieces) if MARK.encode() in piece)
    before, after = (b"".join(map(_http_chunk, p)) for p in (pieces[:at], pieces[at + 1 :]))
    return Answer(content_type, before, pieces[at], after)


ANSWERS = {
    "/api/generate": _rendered("application/x-ndjson", ndjson(*ollama_generate(MARK))),
    "/v1/chat/completions": _rendered("text/event-stream", sse(*openai_chunks(MARK))),
}


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._writable = True
        self._left = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._left = True

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
        if len(body) < int(fields[b"content-length"]):
            return
        self._received = b""
        request = json.loads(body)
        prompt = request.get("prompt") or request["messages"][0]["content"]
        order = Order(**json.loads(prompt))
        close = fields.get(b"connection") == b"close"
        self._turn(ANSWERS[head.split(b" ", 2)[1].decode()].writes(order), order.pause, close)

    def _turn(self, writes: Iterator[bytes], pause: float, close: bool) -> None:
        if self._left:
            return
        if self._writable:
            data = next(writes, None)
            if data is None:
                if close:
                    self._transport.close()
                return
            self._transport.write(data)
        self._loop.call_later(pause, self._turn, writes, pause, close)


@contextmanager
def running() -> Iterator[str]:
    """Run the server; gives its URL."""
    command = [sys.executable, "-m", __name__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    print("http://{}:{}".format(*server.sockets[0].getsockname()), flush=True)
    await asyncio.to_thread(sys.stdin.read)  # ends with the process that started this one


if __name__ == "__main__":
    asyncio.run(_serve())
