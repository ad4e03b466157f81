"""Where a component keeps its function: bytes of its memory that are written when it is deployed.

A snapshot of Python is another one each time it is made. So one is made for all functions, with
room in it, and to deploy a function is to write it there.
"""

from __future__ import annotations

SIZE = 4 * 1024 * 1024
"""Bytes of room."""

_PATTERN = b"\xa5edgelet:handler"
_LENGTH = 4
"""Bytes of the function's length, little-endian, before it."""


def room() -> bytes:
    """Room for a function, which is found by what it is filled with."""
    return _PATTERN * (SIZE // len(_PATTERN))


def filled(component: bytes, function: bytes) -> bytes:
    """A component with its room filled. Raises `ValueError` when it is too small, or there is none.

    >>> content(filled(room(), b"{}"))
    b'{}'
    """
    empty = room()
    if len(function) > len(empty) - _LENGTH:
        raise ValueError(f"there is room for {len(empty) - _LENGTH:,} bytes, not {len(function):,}")
    if empty not in component:
        raise ValueError("there is no room for a function")
    written = len(function).to_bytes(_LENGTH, "little") + function
    return component.replace(empty, written.ljust(len(empty), b"\0"))


def content(room: bytes) -> bytes:
    """What room was filled with."""
    return room[_LENGTH : _LENGTH + int.from_bytes(room[:_LENGTH], "little")]
