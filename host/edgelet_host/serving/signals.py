"""Ctrl-C and SIGTERM: the server stops in order, and everything that it started ends with it.

uvicorn's own handling would end this process before functions had been given up.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Within this context, a signal stops what runs; leaving it after SIGINT, `KeyboardInterrupt`.

    `stop` is called at the first one; until it is set, the task that entered is cancelled. Further
    ones are passed over: stopping has its deadlines.
    """

    def __init__(self) -> None:
        self.stop: Callable[[], object] | None = None
        self._received: list[int] = []

    def __enter__(self) -> Self:
        """Begin to listen, in the main thread; elsewhere there is nothing to hear."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._hear) for each in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        """Listen no more."""
        for each, handler in self._before.items():
            signal.signal(each, handler)
        if signal.SIGINT in self._received:
            raise KeyboardInterrupt
        return bool(self._received) and kind is asyncio.CancelledError

    def _hear(self, number: int, _: FrameType | None) -> None:
        self._received.append(number)
        if len(self._received) == 1:
            self._loop.call_soon_threadsafe(self._react)

    def _react(self) -> None:
        if self.stop is not None:
            self.stop()
        elif self._task is not None:
            self._task.cancel()
