"""The progress of `edgelet embed`: a bar, texts a second and the time left, on terminals only."""

from __future__ import annotations

from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from edgelet_host.cli.console import messages


class EmbedProgress:
    """Shows how many of `total` texts are done, `already` of them before it began."""

    def __init__(self, total: int, already: int, *, shown: bool) -> None:
        console = messages()
        self._done = already
        self._bar = Progress(
            TextColumn("embedding"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _Speed(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
            expand=True,
            speed_estimate_period=60,
        )
        self._task = self._bar.add_task("", total=total, completed=already)

    def within_block(self, done: int, total: int) -> None:
        """So many texts of the block in hand are done."""
        del total
        self._bar.update(self._task, completed=self._done + done)

    def block_done(self, count: int) -> None:
        """A block is done, and kept."""
        self._done += count
        self._bar.update(self._task, completed=self._done)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} texts/s", style="dim")
