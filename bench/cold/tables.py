"""What was measured, as tables and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.cold.aims import Aim, reached
from bench.cold.folders import FIGURES
from bench.cold.starts import Marks
from rich.console import Console
from rich.table import Table

SHOWN = {"hello": "greeting", "ask": "first word", "embed": "first vector", "again": "next vector"}
STAGES = {
    "scripts": "scripts loaded",
    "listening": "listens",
    "python": "Python compiled",
    "restored": "Python started",
    "loaded": "function loaded",
    "asked": "handler asked",
    "engine": "engine started",
    "weights": "weights read",
    "opened": "model open",
    "embedded": "vector there",
    "answered": "answered",
}
"""What the stages of a start are called. Python, engine and weights come at the same time."""

Seen = dict[str, dict[str, list[Marks]]]
"""The marks of all starts, by way and figure."""


@dataclass(slots=True)
class Figures:
    """All that was measured: starts, those that told of their stages, and Workers that are warm."""

    starts: Seen = field(default_factory=dict)
    stages: Seen = field(default_factory=dict)
    warm: dict[str, list[Marks]] = field(default_factory=dict)

    def aims(self) -> list[tuple[Aim, float]]:
        """The aims and the medians that were reached."""
        medians = {
            way: {name: summary(marks)["answered"]["median"] for name, marks in those.items()}
            for way, those in self.starts.items()
        }
        for way, marks in self.warm.items():
            each = {name: found["median"] for name, found in summary(marks).items()}
            medians.setdefault(way, {}).update(each)
        return reached(medians)

    def as_json(self) -> dict[str, Any]:
        """Median and least value of everything."""
        return {
            "milliseconds": _summaries(self.starts),
            "stages": _summaries(self.stages),
            "warm": {way: summary(marks) for way, marks in self.warm.items()},
            "aims": [
                {"way": aim.way, "figure": aim.shown, "most": aim.most, "reached": value}
                for aim, value in self.aims()
            ],
        }


def summary(marks: Sequence[Marks]) -> dict[str, dict[str, float]]:
    """Median and least value of every mark."""
    return {
        name: {
            "median": statistics.median(each[name] for each in marks),
            "least": min(each[name] for each in marks),
        }
        for name in marks[0]
    }


def show(figures: Figures, console: Console) -> None:
    """Print the tables that there are figures for."""
    starts = _table("ms until the first byte: median (least)", SHOWN.values())
    for way, those in figures.starts.items():
        cells = [_cell(those.get(figure), "answered") for figure in FIGURES]
        starts.add_row(way, *cells, _cell(those.get("embed"), "again"))
    stages = _table("the way to the first vector, ms, medians", STAGES.values())
    for way, those in figures.stages.items():
        medians = _medians(those["embed"])
        stages.add_row(way, *(_number(medians.get(name), 0) for name in STAGES))
    warm = _table("a Worker that is warm, medians", figures.warm)
    of_warm = {way: _medians(marks) for way, marks in figures.warm.items()}
    for name in next(iter(of_warm.values()), {}):
        warm.add_row(name, *(_number(each[name], 2) for each in of_warm.values()))
    aims = _table("aims", ("figure", "at most", "reached"))
    for aim, value in figures.aims():
        aims.add_row(aim.way, aim.shown, f"{aim.most:g}", f"{value:.4g}")
    for table in (starts, stages, warm, aims):
        if table.row_count:
            console.print(table)


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left", no_wrap=not column)
    return table


def _summaries(seen: Seen) -> dict[str, Any]:
    return {
        way: {figure: summary(marks) for figure, marks in those.items()}
        for way, those in seen.items()
    }


def _medians(marks: Sequence[Marks]) -> Mapping[str, float]:
    return {name: each["median"] for name, each in summary(marks).items()}


def _cell(marks: Sequence[Marks] | None, name: str) -> str:
    if marks is None:
        return "–"
    values = summary(marks)[name]
    return f"{values['median']:.0f} ({values['least']:.0f})"


def _number(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}"
