"""One connection of the scripted server: reads requests, plays scripts, sees the client leave."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.servers.steps import Body, Close, Head, Raw, Reset, Script, Sleep, Stall, WaitFor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class Request:
    """A request as it arrived. Header names are lower-case; instants are `time.monotonic()`.

    `left_at` is the instant at which the client closed the connection before the script was done.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float
    left_at: float | None = None

    @property
    def path(self) -> str:
        """The target without the query."""
        return self.target.partition("?")[0]

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Connection(asyncio.StreamReaderProtocol):
    """An accepted connection. `left` is set, and `left_at` known, once either side closed it.

    `headers` are sent with every head, beside the head's own.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def __init__(
        self, on_open: Callable[[Connection], None], headers: Mapping[str, str] | None = None
    ) -> None:
        self._headers = headers or {}
        self.left = asyncio.Event()
        self.left_at = 0.0

        def opened(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.reader, self.writer = reader, writer
            on_open(self)

        super().__init__(asyncio.StreamReader(), opened)

    def eof_received(self) -> bool | None:
        self._note_end()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._note_end()
        super().connection_lost(exc)

    def _note_end(self) -> None:
        if not self.left.is_set():
            self.left_at = time.monotonic()
            self.left.set()

    async def read_request(self, connection: int) -> Request | None:
        """Read one request with its body; None if the client closed instead of asking."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        if "transfer-encoding" in headers:
            await self.play([Head(501, framing=0)])  # as llamafile does
            return None
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Request(method, target, headers, body, connection, time.monotonic())

    async def play(self, script: Script) -> bool:
        """Do every step; True if the connection can take another request."""
        framing: str | int = "close"
        sent = 0
        for step in script:
            match step:
                case Head():
                    framing = step.framing
                    await self._send(_head(step, self._headers))
                case Body():
                    sent += len(step.data)
                    for piece in _pieces(step):
                        await self._send(_chunk(piece) if framing == "chunked" else piece)
                        await asyncio.sleep(step.pause)
                case Raw(data):
                    await self._send(data)
                case Sleep(seconds):
                    await asyncio.sleep(seconds)
                case WaitFor(event):
                    while not event.is_set():  # noqa: ASYNC110  # the event is another thread's
                        await asyncio.sleep(0.001)
                case Stall():
                    await asyncio.Event().wait()
                case Close():
                    return False
                case Reset():
                    self._reset()
                    return False
        if framing == "chunked":
            await self._send(_chunk(b""))
            return True
        return framing == sent

    async def close(self) -> None:
        """Send what is still to be sent, then close."""
        self.writer.close()
        await self.writer.wait_closed()

    def abort(self) -> None:
        """Close now."""
        self.writer.transport.abort()

    def _reset(self) -> None:
        on, seconds = 1, 0
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", on, seconds))
        self.abort()

    async def _send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


def _head(head: Head, common: Mapping[str, str]) -> bytes:
    match head.framing:
        case "chunked":
            framing = "transfer-encoding: chunked"
        case "close":
            framing = "connection: close"
        case length:
            framing = f"content-length: {length}"
    fields = [f"{name}: {value}" for name, value in {**head.headers, **common}.items()]
    status = f"HTTP/1.1 {head.status} {HTTPStatus(head.status).phrase}"
    return "\r\n".join([status, *fields, framing, "", ""]).encode("latin-1")


def _pieces(body: Body) -> list[bytes]:
    size = body.piece or len(body.data) or 1
    return [body.data[at : at + size] for at in range(0, len(body.data), size)]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
