"""Shows what the model store is doing: bars on a terminal, one line a step elsewhere.

Nothing appears while there is nothing to do: a model that is ready sends no events.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from edgelet_host.cli.console import messages, say

if TYPE_CHECKING:
    from edgelet_host.store import Progress as Event


class ModelProgress:
    """A listener for the store's events, which come from any thread. Leaving it clears the bars.

    >>> with ModelProgress() as listener:  # doctest: +SKIP
    ...     ModelStore(progress=listener).pull("gte-small")
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._bars: Progress | None = None
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._said: set[tuple[str, str, str]] = set()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            if self._quiet:
                return
            if messages().is_terminal:
                self._draw(event)
            else:
                self._say_once(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Clear the bars, and show nothing more. May be called twice."""
        with self._lock:
            self._quiet = True
            if self._bars is not None:
                self._bars.stop()
                self._bars = None

    def _draw(self, event: Event) -> None:
        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=messages(),
                transient=True,
            )
            self._bars.start()
        key = (event.step, event.file or event.message)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(_label(event), total=None)
        self._bars.update(
            self._tasks[key],
            completed=event.done_bytes,
            total=event.total_bytes,
            visible=True,
        )

    def _say_once(self, event: Event) -> None:
        key = (event.step, event.file, event.message)
        if key not in self._said:
            self._said.add(key)
            size = "" if event.total_bytes is None else f" ({decimal(event.total_bytes)})"
            say(_label(event) + size)


def _label(event: Event) -> str:
    return event.message or f"{event.step} {event.file}".strip()
