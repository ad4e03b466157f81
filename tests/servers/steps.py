"""The steps of a scripted answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import threading


class Step:
    """One thing that the server does."""


@dataclass(frozen=True)
class Head(Step):
    """Send the status line and headers.

    `framing` says how the end of the body is marked: chunked transfer coding, the end of the
    connection, or that many bytes (`Content-Length`).
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Literal["chunked", "close"] | int = "chunked"


@dataclass(frozen=True)
class Body(Step):
    """Send bytes of the body, in pieces of `piece` bytes with `pause` seconds after each.

    With the chunked framing each piece is one chunk.
    """

    data: bytes
    piece: int | None = None
    pause: float = 0.0


@dataclass(frozen=True)
class Raw(Step):
    """Send bytes as they are: a slow head in parts, a broken head, a broken chunk."""

    data: bytes


@dataclass(frozen=True)
class Sleep(Step):
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class WaitFor(Step):
    """Wait until the test sets `event`."""

    event: threading.Event


@dataclass(frozen=True)
class Stall(Step):
    """Send nothing more, until the client leaves or the server stops."""


@dataclass(frozen=True)
class Close(Step):
    """Close the connection, whether the body is complete or not."""


@dataclass(frozen=True)
class Reset(Step):
    """Break the connection with a TCP reset; what the client has not read by then may be lost."""


Script = Iterable[Step]
"""Steps in order; a generator may make an answer that never ends. After the last one the body is
complete, and the connection stays open for the next request if the framing allows."""
