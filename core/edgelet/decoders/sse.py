"""Server-sent events, as the WHATWG HTML standard (section 9.2.6) has browsers read them.

Knows the line format; must never know what `data` holds, but for one question at the end of a
stream: is it whole? Four things differ from the standard on purpose:

- the field `error`, which llamafile and older llama.cpp servers write when a stream fails, is kept;
- the unterminated last block, which the standard drops, is an event if it is whole, because servers
  forget the last newline, and a `ProtocolError` if it is not, because nothing is lost in silence;
- an event with empty `data`, which the standard dispatches, is dropped: it is a keep-alive;
- `id` and `retry` are ignored: core does not reconnect a generation.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgelet.decoders.json_value import parse_json
from edgelet.decoders.lines import EVENT_LIMIT, LineDecoder
from edgelet.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event. `data` is its `data` lines joined with line feeds, `event` its type.

    `error` is the text of the non-standard `error` field, empty for almost every event; an event
    with an `error` may have empty `data`.
    """

    data: str
    event: str = "message"
    error: str = ""


class SSEDecoder(LineDecoder[ServerSentEvent]):
    r"""Decodes a `text/event-stream` body. `limit` is the most bytes of one event: its lines with
    one byte for each line's end, comments aside.

    Lines end with LF, CR or CRLF; text is UTF-8, with U+FFFD for what is not, and with one leading
    byte order mark dropped. A block without `data` and `error` is no event (`event: ping`).

    >>> decoder = SSEDecoder()
    >>> decoder.feed(b'data: {"a"')
    []
    >>> decoder.feed(b": 1}\n\n: keep-alive\n\n")
    [ServerSentEvent(data='{"a": 1}', event='message', error='')]
    >>> decoder.feed(b"data: [DONE]")
    []
    >>> decoder.finish()
    [ServerSentEvent(data='[DONE]', event='message', error='')]
    """

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        super().__init__(limit)
        # The last byte was a CR. It has ended its line already (an event must not wait for the next
        # chunk), so an LF that comes next is the second half of a CRLF and ends nothing.
        self._after_cr = False
        self._data: list[bytes] = []
        self._error: list[bytes] = []
        self._event = b""

    def _decode(self, data: bytes, items: list[ServerSentEvent]) -> None:
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if (
            data.endswith(b"\n\n")
            and data.startswith(b"data: ")
            and not self._partial
            and not self._held
            and len(data) <= self._limit
        ):
            self._decode_blocks(data, items)
        else:
            super()._decode(data, items)

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _decode_blocks(self, data: bytes, items: list[ServerSentEvent]) -> None:
        """Decode a chunk of whole blocks, nearly all of them one `data: …` line: the fast way."""
        for block in data[:-2].split(b"\n\n"):
            if block.startswith(b"data: ") and b"\n" not in block and len(block) > len(b"data: "):
                items.append(ServerSentEvent(_text(block[6:])))
            else:
                for line in block.split(b"\n"):
                    self._line(line, items)
                self._line(b"", items)

    def _line(self, line: bytes, items: list[ServerSentEvent]) -> None:
        if not line:
            self._dispatch(items)
        elif not line.startswith(b":"):
            self._held += len(line) + 1
            self._field(line)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._data.append(value)
            case b"error":
                self._error.append(value)
            case b"event":
                self._event = value

    def _dispatch(self, items: list[ServerSentEvent]) -> None:
        if self._data or self._error:
            data, error = _joined(self._data), _joined(self._error)
            if data or error:
                items.append(ServerSentEvent(data, _text(self._event) or "message", error))
            self._data.clear()
            self._error.clear()
        self._event = b""
        self._held = 0

    def _end(self, line: bytes, items: list[ServerSentEvent]) -> None:
        if line:
            self._line(line, items)
        if self._is_cut(line):
            raise ProtocolError(
                "the stream ended inside an event; the inference host broke off, ask it again"
            )
        self._dispatch(items)

    def _is_cut(self, line: bytes) -> bool:
        """Whether the last block, which ends with the unterminated `line`, lacks a part.

        Fields other than `data` and `error` carry nothing that could be missed; but a line
        without a value may be the beginning of `data: …`.
        """
        if _joined(self._error):
            return False
        if data := _joined(self._data):
            return not _is_whole(data)
        return bool(line) and not line.startswith(b":") and not line.partition(b":")[2].strip()


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _joined(lines: list[bytes]) -> str:
    return _text(b"\n".join(lines))


def _is_whole(data: str) -> bool:
    if data == "[DONE]":
        return True
    try:
        parse_json(data)
    except ProtocolError:
        return False
    return True
