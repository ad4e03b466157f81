"""One connection to a server, byte by byte: what an HTTP client would hide."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

SECONDS = 30.0
"""How long the server may let a test wait."""

Head = tuple[int, list[tuple[str, str]]]
"""The status of an answer, and its fields, their names in lower case."""


class Wire:
    """A connection that is open. Everything that is read must come within `SECONDS`.

    `headers` are those of every request.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._headers = {"host": "localhost", **(headers or {})}
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), SECONDS)
        self._unread = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        """Send a request, or the beginning of one."""
        fields = {**self._headers, **(headers or {})}
        lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + body)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send_chunk(self, data: bytes) -> None:
        """A chunk of a request's body; an empty one ends it."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def flood(self) -> None:
        """Send a body, until the server takes no more of it for a while."""
        self._socket.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            while True:
                self._socket.send(bytes(65536))
        self._socket.settimeout(SECONDS)

    def head(self) -> Head:
        """The head of the next answer."""
        first, *lines = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = [line.partition(":") for line in lines if line]
        return int(first.split(" ")[1]), [(n.lower(), v.strip()) for n, _, v in fields]

    def chunk(self) -> bytes:
        """The next chunk of an answer's body; an empty one is its end."""
        size = int(self._read_until(b"\r\n"), 16)
        return self.read(size + 2)[:-2]

    def body(self, head: Head) -> bytes:
        """All of an answer's body, by what its head says of it."""
        fields = dict(head[1])
        if fields.get("transfer-encoding") == "chunked":
            return b"".join(iter(self.chunk, b""))
        return self.read(int(fields.get("content-length", 0)))

    def read(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._receive()
        data = bytes(self._unread[:size])
        del self._unread[:size]
        return data

    def reset(self) -> None:
        """Break the connection, as the network does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _read_until(self, end: bytes) -> bytes:
        while (at := self._unread.find(end)) < 0:
            self._receive()
        return self.read(at + len(end))[: -len(end)]

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        assert data, f"the server closed the connection after {bytes(self._unread)!r}"
        self._unread += data
