"""Headers as functions write them, in both directions: JSON, a list of pairs of texts."""

from __future__ import annotations

import json

_MOST_CHARACTERS = 256 * 1024
"""JSON is read at once, and nothing else is done meanwhile."""


def header_pairs(text: str) -> list[list[str]] | None:
    """The pairs of names and values; `None` when the text is no such list, or too long.

    >>> header_pairs('[["accept", "text/plain"]]')
    [['accept', 'text/plain']]
    """
    try:
        pairs = json.loads(text) if len(text) <= _MOST_CHARACTERS else None
    except (ValueError, RecursionError):
        return None
    is_valid = isinstance(pairs, list) and all(
        isinstance(pair, list) and [type(each) for each in pair] == [str, str] for pair in pairs
    )
    return pairs if is_valid else None
