"""JSON as RFC 8259 has it, and nothing that Python adds to it.

Knows text; must never know where the text came from. Whatever is wrong with a text, the answer is
`ProtocolError`: a syntax error, `NaN` or `Infinity` (Python reads them, the standard does not have
them), nesting too deep for the parser, an integer with more digits than Python converts.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from edgelet.errors import ProtocolError

EXCERPT = 80
"""The most characters of an offending text that an error message repeats."""


def parse_json(text: str) -> Any:
    """Return the value of one JSON text, which white space may surround.

    Raises `ProtocolError` if `text` is anything else.

    >>> parse_json(' {"done": true} ')
    {'done': True}
    >>> parse_json("NaN")
    Traceback (most recent call last):
    edgelet.errors.ProtocolError: expected JSON, got 'NaN'
    """
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise not_json(text) from None


def parse_json_prefix(text: str, start: int) -> tuple[Any, int] | None:
    """Return the JSON value that begins at `text[start]` and the index just past it, or None."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None


def not_json(text: str) -> ProtocolError:
    """Make the error for a text that is not JSON, with the beginning of that text."""
    text = text.strip()
    shown = text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
    return ProtocolError(f"expected JSON, got {shown!r}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
