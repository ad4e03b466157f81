"""Work that waits for pollables, under tickets: `wait`, `take` and `cancel` of `world.wit`."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from typing import Any

from componentize_py_types import Err
from wit_world.imports import monotonic_clock, poll

Work = Generator[Any, None, str]
"""Yields the pollable that it waits for, returns its answer, raises `Failed`.

Whoever yields a pollable drops it, as all that is begun, when the work ends or is closed.
"""

_FOR_EVER = 2**62


@dataclass(frozen=True)
class Failed(Exception):
    """`failure` of `world.wit`."""

    kind: str
    reason: str


class Tickets:
    """Work in progress, and the answers that nobody has taken yet."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._working: dict[int, tuple[Any, Work]] = {}
        self._answers: dict[int, str | Failed] = {}
        self._unnamed: list[int] = []

    def begin(self, work: Work) -> int:
        """The ticket of that work, which is begun."""
        ticket = next(self._numbers)
        self._advance(ticket, work)
        return ticket

    def answered(self, answer: str | Failed) -> int:
        """The ticket of what is done, or has failed, already."""
        ticket = next(self._numbers)
        self._answered(ticket, answer)
        return ticket

    def wait(self, seconds: float | None) -> str:
        """See `world.wit`."""
        if not self._unnamed:
            self._poll(seconds)
        named, self._unnamed = self._unnamed, []
        return ",".join(f"{ticket}:{self._length(ticket)}" for ticket in named)

    def take(self, ticket: int) -> str:
        """See `world.wit`."""
        answer = self._answers.pop(ticket)
        if isinstance(answer, Failed):
            raise Err(answer)
        return answer

    def cancel(self, ticket: int) -> None:
        """See `world.wit`."""
        if ticket in self._working:
            _, work = self._working.pop(ticket)
            work.close()
        elif self._answers.pop(ticket, None) is not None and ticket in self._unnamed:
            self._unnamed.remove(ticket)

    def pause(self, seconds: float) -> None:
        """See `world.wit`."""
        with _timer(seconds) as timer:
            timer.block()

    def _poll(self, seconds: float | None) -> None:
        working = list(self._working.items())
        pollables = [pollable for _, (pollable, _) in working]
        with _timer(_FOR_EVER if seconds is None else seconds) as timer:
            ready = poll.poll([*pollables, timer])
        for index in ready:
            if index < len(working):
                ticket, (_, work) = working[index]
                del self._working[ticket]
                self._advance(ticket, work)

    def _advance(self, ticket: int, work: Work) -> None:
        try:
            self._working[ticket] = (next(work), work)
        except StopIteration as done:
            self._answered(ticket, done.value)
        except Failed as failed:
            self._answered(ticket, failed)

    def _answered(self, ticket: int, answer: str | Failed) -> None:
        self._answers[ticket] = answer
        self._unnamed.append(ticket)

    def _length(self, ticket: int) -> int:
        answer = self._answers[ticket]
        return 0 if isinstance(answer, Failed) else len(answer)


def _timer(seconds: float) -> Any:
    nanoseconds = min(max(seconds, 0) * 1e9, _FOR_EVER)
    return monotonic_clock.subscribe_duration(int(nanoseconds))
