"""Newline-delimited JSON, and every other way in which servers write JSON values one after another.

Knows where one value ends and the next begins; must never know what a value means. The rule is that
of Go's `json.Decoder`, which Ollama's own client is built on: a stream of JSON values with white
space, or nothing, between them. One value a line is the rule's usual case and the fast one; blank
lines, CRLF, several values on a line and a value pretty-printed over many lines (llamafile) are the
others.

Only a line feed ends a line. U+2028, U+0085 and the rest of what `str.splitlines` cuts at are
ordinary characters of a JSON string.
"""

from __future__ import annotations

import re
from typing import Any

from edgelet.decoders.json_value import not_json, parse_json, parse_json_prefix
from edgelet.decoders.lines import EVENT_LIMIT, LineDecoder
from edgelet.errors import ProtocolError


class NDJSONDecoder(LineDecoder[Any]):
    r"""Decodes an `application/x-ndjson` or `application/json` body into Python values.

    `limit` is the most bytes of one value, or of one line where a line holds several. A value is
    given out when the line on which it ends is complete, or by `finish`.

    >>> decoder = NDJSONDecoder()
    >>> decoder.feed(b'{"response": "a"}\n{"response": ')
    [{'response': 'a'}]
    >>> decoder.feed(b'"b"}')
    []
    >>> decoder.finish()
    [{'response': 'b'}]
    """

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        super().__init__(limit)
        # A value that does not end on the line where it began: its lines so far, and how many
        # brackets are open. JSON has no line break inside a string, so a string that is open at the
        # end of a line is an error, and only the last line of a stream may have one.
        self._value_lines: list[str] = []
        self._depth = 0
        self._in_string = False

    def _line(self, line: bytes, items: list[Any]) -> None:
        self._take(line, items)
        if self._in_string:
            raise not_json("\n".join(self._value_lines))

    def _end(self, line: bytes, items: list[Any]) -> None:
        self._take(line, items)
        if self._value_lines:
            raise ProtocolError(
                "the stream ended inside a JSON value; the inference host broke off, ask it again"
            )

    def _take(self, line: bytes, items: list[Any]) -> None:
        text = line.decode("utf-8", "replace")
        position = self._follow(text, 0, items) if self._value_lines else 0
        while (begin := _NOT_SPACE.search(text, position)) is not None:
            position = begin.start()
            found = parse_json_prefix(text, position)
            if found is None:
                position = self._follow(text, position, items)
            else:
                value, position = found
                items.append(value)
        if self._value_lines:
            self._held += len(line) + 1

    def _follow(self, text: str, start: int, items: list[Any]) -> int:
        """Add the part of `text` from `start` to the unfinished value; parse that if it is closed.

        The slow way, for a value that a line alone does not hold. It looks at brackets and quotes
        only, at every character once, and parses once, so the total stays linear. Returns the index
        just past the value.
        """
        if not self._value_lines and text[start] not in '{["':
            raise not_json(text[start:])
        end = self._end_of_value(text, start)
        self._value_lines.append(text[start:end])
        if not self._depth and not self._in_string:
            items.append(parse_json("\n".join(self._value_lines)))
            self._value_lines.clear()
            self._held = 0
        return end

    def _end_of_value(self, text: str, start: int) -> int:
        for token in _TOKEN.finditer(text, start):
            match token.lastgroup:
                case "open":
                    self._depth += 1
                case "close":
                    self._depth -= 1
                case "cut":
                    self._in_string = True
                    break
            if not self._depth:
                return token.end()
        return len(text)


_NOT_SPACE = re.compile(r"[^ \t\r]")

# A whole string, a bracket, or the quote of a string that the line does not end. The quantifiers
# are possessive: they never go back, so a string of any length takes linear time and no stack.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<cut>")')
