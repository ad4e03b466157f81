"""The guest's event loop: asyncio's own, whose selector is the host's `wait`.

There are no sockets, threads or signals to wait for in a component, only tickets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

Wait = Callable[[float | None], str]
"""`effects.wait` of `world.wit`."""


class TicketLoop(asyncio.BaseEventLoop):
    """An event loop in which a future is resolved when its ticket is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.wait: Wait = _wait_for_nothing
        self._selector = self  # where BaseEventLoop looks for events
        self._waiting: dict[int, asyncio.Future[int]] = {}

    async def answered(self, ticket: int) -> int:
        """Return when the ticket is answered: the answer's length in bytes."""
        future: asyncio.Future[int] = self.create_future()
        self._waiting[ticket] = future
        try:
            return await future
        finally:
            del self._waiting[ticket]

    def block(self, ticket: int) -> int:
        """As `answered`; meanwhile nothing else runs, and no other answer is missed."""
        answered: dict[int, int] = {}
        while ticket not in answered:
            answered = self.select(None)
            self._process_events(answered)
        return answered[ticket]

    def select(self, timeout: float | None) -> dict[int, int]:
        """The lengths of the answers that came within `timeout` seconds, by ticket.

        `None`: wait as long as it takes for one.
        """
        if timeout is not None and timeout <= 0 and not self._waiting:
            return {}
        named = [each.split(":") for each in self.wait(timeout).split(",") if each]
        return {int(ticket): int(length) for ticket, length in named}

    def _process_events(self, event_list: dict[int, int]) -> None:
        for ticket, length in event_list.items():
            future = self._waiting.get(ticket)
            if future is not None and not future.done():
                future.set_result(length)

    def _write_to_self(self) -> None:
        """Nothing to wake up: there is one thread."""

    async def shutdown_default_executor(self, *_: float | None) -> None:
        """No threads, no executor."""


def run(loop: TicketLoop, main: Any) -> None:
    """Run a coroutine to its end, and cancel what it left behind."""
    asyncio.events._set_running_loop(None)  # noqa: SLF001 (a snapshot may have frozen another)
    try:
        loop.run_until_complete(main)
    finally:
        _cancel_all(loop)


def _cancel_all(loop: TicketLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


def _wait_for_nothing(seconds: float | None) -> str:
    time.sleep(seconds or 0)
    return ""
