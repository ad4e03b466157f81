"""What is aimed at, beside what was reached. A figure that misses its aim is no failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.cold import warm

COMPRESSED = "the bundle without its model, compressed, MB"


@dataclass(frozen=True, slots=True)
class Aim:
    """The most that a figure of a way should be; `shown` is what the figure means."""

    way: str
    figure: str
    shown: str
    most: float


def _each(way: str, figure: str, shown: str, most: float) -> tuple[Aim, ...]:
    """The same aim for the function in both languages."""
    ways = (way.format(language) for language in ("Python", "JavaScript"))
    return tuple(Aim(each, figure, shown, most) for each in ways)


AIMS = (
    *_each("workerd, {}, second isolate", "ask", "first word, ms", 500),
    *_each("workerd, {}, second isolate", "embed", "first vector, ms", 1300),
    *_each("deno, {}, --native", "embed", "first vector, ms", 700),
    Aim("workerd, Python", warm.OVERHEAD, warm.OVERHEAD, 2),
    *_each("workerd, {}", warm.VECTOR, warm.VECTOR, 80),
    *_each("workerd, {}", warm.LONG, warm.LONG, 80),
    *_each("workerd, {}", COMPRESSED, COMPRESSED, 9),
)


def reached(figures: Mapping[str, Mapping[str, float]]) -> list[tuple[Aim, float]]:
    """The aims whose figures are there, by way and figure."""
    return [
        (aim, figures[aim.way][aim.figure])
        for aim in AIMS
        if aim.figure in figures.get(aim.way, {})
    ]
