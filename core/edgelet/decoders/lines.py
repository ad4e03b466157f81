"""What every stream decoder shares: chunks become lines, and a stream that failed stays failed.

Knows bytes, lines and the limit; must never know what a line means, which is for `SSEDecoder` and
`NDJSONDecoder` to say.

Two goals shape it. *Linear time*: a chunk is searched once, and the fragments of a line are joined
once, so 8 MB sent in slivers cost no more than 8 MB sent whole; the naive way (append, search from
the start again) is quadratic, and a denial of service. *Bounded memory*: see `EVENT_LIMIT`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from edgelet.errors import ProtocolError

Item = TypeVar("Item")

EVENT_LIMIT = 8 * 1024 * 1024
"""The default for the most bytes of one event.

Without a limit, a host that never ends a line fills the memory of whoever reads it. 8 MB is what
Ollama's own client lets one line have (`maxBufferSize` in its `api/client.go`), so no answer of a
server in use comes near it.
"""


class LineDecoder(ABC, Generic[Item]):
    """The common part of the decoders: `feed` bytes, get the items they complete, `finish`.

    `limit` is the most bytes that one event may have. Items that were complete before the bytes
    went wrong are never lost: `feed` returns them first, and the *next* call raises. (`feed(b"")`
    asks for that error without waiting for more bytes.) Once an error has been raised, every later
    call raises one that says so; a decoder reads one stream, and is not used after `finish`.
    """

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._limit = limit
        # The first bytes, while they may still become a byte order mark; None once that is decided.
        self._head: bytes | None = b""
        # The line that has begun and not ended.
        self._partial = bytearray()
        # Bytes of the lines that belong to the unfinished event; the subclass counts them.
        self._held = 0
        self._failure: str | None = None
        self._failure_was_raised = False

    def feed(self, data: bytes) -> list[Item]:
        """Return the items that `data`, the next bytes of the stream, completes; often none.

        Raises `ProtocolError` when the stream breaks its protocol or the limit.
        """
        self._raise_if_failed()
        if not data:
            return []
        if self._head is not None:
            data = self._without_byte_order_mark(data)
        items: list[Item] = []
        try:
            self._decode(data, items)
        except ProtocolError as error:
            self._failure = str(error)
            if not items:
                self._raise_if_failed()
        return items

    def finish(self) -> list[Item]:
        """Return the items that the end of the stream completes.

        Raises `ProtocolError` if the stream ended where something must follow.
        """
        self._raise_if_failed()
        items: list[Item] = []
        try:
            if self._head:  # one or two bytes of a byte order mark that never came
                self._decode(self._head, items)
            self._end(bytes(self._partial), items)
        except ProtocolError as error:
            self._failure = str(error)
            self._raise_if_failed()
        self._failure = "the stream has ended"
        self._failure_was_raised = True
        return items

    @abstractmethod
    def _line(self, line: bytes, items: list[Item]) -> None:
        """Take one whole line, without its terminator; append what it completes to `items`."""

    @abstractmethod
    def _end(self, line: bytes, items: list[Item]) -> None:
        """Take the end of the stream; `line`, perhaps empty, is the last and has no terminator."""

    def _decode(self, data: bytes, items: list[Item]) -> None:
        """Cut `data` at line feeds and hand on the lines; a subclass may put a faster way first."""
        lines = data.split(b"\n")
        last = lines.pop()
        if lines:
            if self._partial:
                lines[0] = bytes(self._partial) + lines[0]
                self._partial.clear()
            for line in lines:
                self._check_limit(len(line))
                self._line(line, items)
        self._partial += last
        self._check_limit(len(self._partial))

    def _check_limit(self, line: int) -> None:
        if self._held + line > self._limit:
            raise ProtocolError(
                f"one event of the stream is longer than {self._limit} bytes; "
                f"the inference host must send smaller ones"
            )

    def _without_byte_order_mark(self, data: bytes) -> bytes:
        head = (self._head or b"") + data
        if len(head) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BYTE_ORDER_MARK)

    def _raise_if_failed(self) -> None:
        if self._failure is None:
            return
        if self._failure_was_raised:
            raise ProtocolError(
                f"this stream cannot be read further: {self._failure}; "
                f"send the request again and read its answer with a new decoder"
            )
        self._failure_was_raised = True
        raise ProtocolError(self._failure)


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
