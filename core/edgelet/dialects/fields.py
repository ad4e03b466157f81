"""Reading single fields of untrusted JSON: the expected type, or nothing.

A server that sends a number where a text belongs is odd but not fatal: the raw chunk still shows
it.
"""

from __future__ import annotations

from typing import Any


def text(value: object) -> str:
    """The string, or `""`."""
    return value if isinstance(value, str) else ""


def items(value: object) -> tuple[Any, ...]:
    """The list's items, or `()`."""
    return tuple(value) if isinstance(value, list) else ()


def count(value: object) -> int | None:
    """The whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
