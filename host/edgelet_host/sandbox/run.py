"""One use of an instance: its terms, what it may still do, and what it has done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from edgelet_host.sandbox.frames import Channel, Frame
from edgelet_host.sandbox.limits import Limits


@dataclass(frozen=True, slots=True)
class Code:
    """A function's modules as the server has them: `code`, `source` and `package` by name."""

    key: str
    modules: dict[str, dict[str, Any]] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an instance is made for; one that is ready serves requests of the same terms."""

    limits: Limits
    code: Code
    env: str
    """The variables, as JSON."""
    folder: str | None


@dataclass(slots=True)
class Run:
    """One use of an instance: what it may still do, and what it has done."""

    terms: Terms
    channel: Channel | None
    """None while a function is loaded ahead, for no request."""
    began: float = field(default_factory=time.monotonic)
    cpu_began: float = field(default_factory=time.thread_time)
    tickets: count[int] = field(default_factory=lambda: count(1))
    asked: dict[int, int] = field(default_factory=dict)
    """Bytes of each effect that is not answered yet."""
    answers: dict[int, Frame] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    """Answers that `wait` has named."""
    held: int = 0
    """Bytes of answers that have not been taken; they count as the instance's memory."""
    models: dict[tuple[str, str | None], str] = field(default_factory=dict)
    """Answers to `open-model` that the server has given ahead."""
    printed: int = 0
    responded: int = 0
    head_sent: bool = False
    is_loading: bool = True
    warned: bool = False
    pending: list[bytes] = field(default_factory=list)
    """Frames to be sent with the request that comes."""
    ended_by: str | None = None
    """The limit that ended it, `cancelled`, or `server gone`."""

    def hold(self, ticket: int, answer: Frame) -> None:
        """Keep an answer until it is taken."""
        self.answers[ticket] = answer
        self.held += len(answer.data)
        if self.held > self.terms.limits.memory_limit_mb * 1024 * 1024:
            self.ended_by = self.ended_by or "memory_limit_mb"

    def taken(self, ticket: int) -> Frame | None:
        """The answer of a ticket, once."""
        self.named.discard(ticket)
        answer = self.answers.pop(ticket, None)
        if answer is not None:
            self.held -= len(answer.data)
        return answer

    def cpu_ms(self) -> float:
        """CPU time so far."""
        return (time.thread_time() - self.cpu_began) * 1000

    def left(self) -> float:
        """Seconds on the wall that are left."""
        return self.terms.limits.worker_timeout_ms / 1000 - (time.monotonic() - self.began)
