"""Giving up a call from outside: `AbortController` and `AbortSignal`, as the web has them.

A signal is passed to `Session.run(..., signal=...)`; `controller.abort()` then ends the call, and
its connection, at once. Any object with the same members will do. Cancelling the task that awaits
the call does the same without a signal.

Source: DOM standard, section 3 "Aborting ongoing activities"; names are in Python's spelling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class AbortSignalLike(Protocol):
    """What a call needs of a signal."""

    @property
    def aborted(self) -> bool:
        """Whether the signal has fired."""
        ...

    @property
    def reason(self) -> object:
        """What `abort()` was given."""
        ...

    def add_event_listener(self, type: str, listener: Callable[[], object]) -> None:  # noqa: A002
        """Call `listener` when the signal fires; the only `type` is `"abort"`."""
        ...

    def remove_event_listener(self, type: str, listener: Callable[[], object]) -> None:  # noqa: A002
        """Take back `add_event_listener`."""
        ...


class AbortSignal:
    """Says whether, and why, its controller was told to abort."""

    def __init__(self) -> None:
        self._aborted = False
        self._reason: object = None
        self._listeners: list[Callable[[], object]] = []

    @property
    def aborted(self) -> bool:
        """Whether the signal has fired."""
        return self._aborted

    @property
    def reason(self) -> object:
        """What `abort()` was given."""
        return self._reason

    def add_event_listener(self, type: str, listener: Callable[[], object]) -> None:  # noqa: A002
        """Call `listener` once, in the thread that aborts, when the signal fires."""
        if type == "abort":
            self._listeners.append(listener)

    def remove_event_listener(self, type: str, listener: Callable[[], object]) -> None:  # noqa: A002
        """Take back `add_event_listener`; unknown listeners are ignored."""
        if type == "abort" and listener in self._listeners:
            self._listeners.remove(listener)

    def _fire(self, reason: object) -> None:
        if self._aborted:
            return
        self._aborted, self._reason = True, reason
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()


class AbortController:
    """Makes a signal and fires it.

    >>> controller = AbortController()
    >>> controller.abort("enough")
    >>> controller.signal.aborted, controller.signal.reason
    (True, 'enough')
    """

    def __init__(self) -> None:
        self.signal = AbortSignal()

    def abort(self, reason: object = None) -> None:
        """Fire the signal; a second call does nothing."""
        self.signal._fire(reason)  # noqa: SLF001 (a controller and its signal are one thing)
