"""Messages between the server and its workers: a JSON object, and bytes beside it.

Both ends of a channel are a Unix socket. A frame is the lengths of the object and of the bytes,
4 bytes each, big-endian, then the object, then the bytes. Workers run untrusted code, so no frame
may be longer than `MOST_BYTES`, and nothing of it is ever more than data.
"""

from __future__ import annotations

import json
import select
import socket
import struct
from asyncio import StreamReader
from collections.abc import Callable
from typing import Any, NamedTuple

MOST_BYTES = 256 * 1024 * 1024
_LENGTHS = struct.Struct(">II")
_READ = 256 * 1024
_SLICE = 0.05
"""Seconds between two looks at whether to go on."""


class Frame(NamedTuple):
    """One message."""

    facts: dict[str, Any]
    data: bytes = b""


class ChannelClosed(Exception):
    """The other end is gone."""


class BadFrame(Exception):
    """The other end sends what is no frame."""


def packed(facts: dict[str, Any], data: bytes = b"") -> bytes:
    """A frame's bytes.

    >>> packed({"is": "chunk"}, b"Hi")[8:]
    b'{"is":"chunk"}Hi'
    """
    head = json.dumps(facts, separators=(",", ":")).encode()
    return b"".join((_LENGTHS.pack(len(head), len(data)), head, data))


async def read_frame(reader: StreamReader) -> Frame:
    """The next frame; raises `asyncio.IncompleteReadError` at the end, and `BadFrame`."""
    head, data = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    _check(head, data)
    body = await reader.readexactly(head + data)
    return Frame(_facts(body[:head]), body[head:])


class Channel:
    """The worker's end: blocking, but never for longer than a slice of time without a look."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._received = bytearray()
        self._held = bytearray()
        self._readable = select.poll()
        self._readable.register(end, select.POLLIN)
        self._either = select.poll()
        self._either.register(end, select.POLLIN | select.POLLOUT)

    def receive(self, seconds: float | None) -> Frame | None:
        """The next frame; `None` when none comes within `seconds` (`None`: wait for ever).

        Raises `ChannelClosed`, and `BadFrame`.
        """
        while True:
            frame = self._arrived(take=True)
            if frame is not None:
                return frame
            if not self._readable.poll(None if seconds is None else max(seconds, 0) * 1000):
                return None
            self._read()

    def next(self) -> Frame | None:
        """The next frame if it is here, which is still to be received. Raises as `receive`."""
        if self._readable.poll(0):
            self._read()
        return self._arrived(take=False)

    def hold(self, frame: bytes) -> int:
        """Send a frame with the next `flush`; returns how many bytes are held."""
        self._held += frame
        return len(self._held)

    def flush(self, going_on: Callable[[], bool]) -> None:
        """Send what is held, or give up when `going_on` says no; the rest stays held.

        `going_on` is asked whenever the other end has no room. Raises `ChannelClosed`.
        """
        while self._held:
            try:
                del self._held[: self._socket.send(self._held)]
                continue
            except BlockingIOError:
                pass
            except OSError:
                raise ChannelClosed from None
            if not going_on():
                return
            for _, event in self._either.poll(_SLICE * 1000):
                if event & ~select.POLLOUT:
                    self._read()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            raise ChannelClosed from None
        if not data:
            raise ChannelClosed
        self._received += data

    def _arrived(self, *, take: bool) -> Frame | None:
        if len(self._received) < _LENGTHS.size:
            return None
        head, data = _LENGTHS.unpack_from(self._received)
        _check(head, data)
        first, end = _LENGTHS.size + head, _LENGTHS.size + head + data
        if len(self._received) < end:
            return None
        frame = Frame(
            _facts(bytes(self._received[_LENGTHS.size : first])), bytes(self._received[first:end])
        )
        if take:
            del self._received[:end]
        return frame


def _check(head: int, data: int) -> None:
    if head + data > MOST_BYTES:
        raise BadFrame(f"a frame of {head + data} bytes")


def _facts(head: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(head)
    except (ValueError, RecursionError):
        raise BadFrame("a frame whose head is no JSON") from None
    if not isinstance(facts, dict):
        raise BadFrame("a frame whose head is no object")
    return facts
