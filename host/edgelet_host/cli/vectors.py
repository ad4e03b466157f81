"""Vectors for people and for files: as JSON, as a sparkline, and how near two of them are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import mul

_BARS = "▁▂▃▄▅▆▇█"


def json_vector(values: Iterable[float]) -> str:
    """Float32 values as a JSON array; nine digits bring every float32 back exactly.

    >>> json_vector([0.5, -1e-20])
    '[0.5, -1e-20]'
    """
    return "[" + ", ".join(["%.9g" % value for value in values]) + "]"  # noqa: UP031 (the fastest)


def first_values(values: Sequence[float], count: int) -> str:
    """The first values, for a person.

    >>> first_values([0.5, -0.25, 1.0], 2)
    ' 0.5000 -0.2500 …'
    """
    shown = " ".join(f"{value:7.4f}" for value in values[:count])
    return shown + (" …" if len(values) > count else "")


def sparkline(values: Sequence[float], width: int) -> str:
    """A picture of a vector in at most `width` characters: each is the mean of its neighbours.

    >>> sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)
    '▁▂▃▄▅▆▇█'
    """
    width = min(width, len(values))
    edges = [place * len(values) // width for place in range(width + 1)]
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    scale = (len(_BARS) - 1) / ((high - low) or 1.0)
    return "".join(_BARS[round((mean - low) * scale)] for mean in means)


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """The cosine of the angle between two vectors; 0 where one of them is all zeros."""
    lengths = math.sqrt(sum(map(mul, a, a)) * sum(map(mul, b, b)))
    return sum(map(mul, a, b)) / lengths if lengths else 0.0
