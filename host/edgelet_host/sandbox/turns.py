"""Whose turn it is to compute in a worker process.

Instances that start at once in one process hold each other up: each maps memory, faults pages in
and asks Python's one lock for leave. So an instance takes its turn before it computes, and gives it
back when it waits, when it is done, or when its first slice of time is over: who computes for long
runs beside the others, and holds up nobody.
"""

from __future__ import annotations

import threading

_LONGEST_WAIT = 0.5
"""Seconds after which an instance no longer waits for its turn."""


class Turns:
    """The turn of one worker process."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def take(self) -> bool:
        """Wait for the turn, for a while; whether it is this one's now."""
        return self._turn.acquire(timeout=_LONGEST_WAIT)

    def give(self) -> None:
        """Let the next one have its turn."""
        self._turn.release()
