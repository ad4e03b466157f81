"""What edgelet aims at, beside what it reaches: data and arithmetic, never a judgement that stops.

All figures come from one run's results, as `__main__.py` writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.embed.contenders import CONTENDERS, PLAIN, REFERENCE

Results = Mapping[str, Any]

PEERS = {
    bits: [each.name for each in CONTENDERS if each.role == "peer" and each.bits == bits]
    for bits in ("fp32", "int8")
}


@dataclass(frozen=True, slots=True)
class Aim:
    """An aim and how to find what was reached: a list of where and how much.

    `most`: reached when the figure is at most `goal`, else when it is at least that.
    """

    name: str
    goal: float
    found: Callable[[Results], Iterable[tuple[str, float]]]
    most: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """One aim in one place."""

    name: str
    where: str
    goal: float
    most: bool
    figure: float

    @property
    def met(self) -> bool:
        """Whether the figure is as good as the goal."""
        return self.figure <= self.goal if self.most else self.figure >= self.goal


def reached(results: Results) -> list[Reached]:
    """Every aim that this run has figures for."""
    return [
        Reached(aim.name, where, aim.goal, aim.most, figure)
        for aim in AIMS
        for where, figure in aim.found(results)
    ]


def _times(
    own: str, others: Sequence[str], *, turned: bool = False
) -> Callable[[Results], Iterable[tuple[str, float]]]:
    """How many times the texts/s of the fastest of `others` edgelet reaches, or the other way."""

    def found(results: Results) -> Iterable[tuple[str, float]]:
        cells: dict[str, dict[str, float]] = {}
        for row in results["speed"]:
            cells.setdefault(_where(row, row["set"]), {})[row["contender"]] = row["texts/s"]
        for where, rates in cells.items():
            theirs = [rates[name] for name in others if name in rates]
            if own in rates and theirs:
                times = rates[own] / max(theirs)
                yield where, 1 / times if turned else times

    return found


def _over_bare(results: Results) -> Iterable[tuple[str, float]]:
    p50 = {(_where(row), row["contender"]): row["p50 ms"] for row in results["singles"]}
    for (where, name), bare in p50.items():
        own = p50.get((where, name.replace("bare", "edgelet")))
        if name.startswith("bare ") and own:
            yield f"{where}, {name.removeprefix('bare ')}", own / bare


def _together(results: Results) -> Iterable[tuple[str, float]]:
    for row in results["together"]:
        for unbatched, which in (("in turn/s", "one after another"), ("threads/s", "on threads")):
            yield f"{_where(row)}, {row['contender']}, {which}", row["together/s"] / row[unbatched]


def _linear(results: Results) -> Iterable[tuple[str, float]]:
    costs = {row["texts"]: row["µs a text"] for row in results["linear"]}
    if len(costs) > 1:
        yield f"{max(costs):,} against {min(costs):,} texts", costs[max(costs)] / costs[min(costs)]


def _growth(results: Results) -> Iterable[tuple[str, float]]:
    for row in results["linear"]:
        if row["growth MB"] is not None:
            yield f"{row['texts']:,} texts", row["growth MB"]


def _quality(name: str, figure: str) -> Callable[[Results], Iterable[tuple[str, float]]]:
    def found(results: Results) -> Iterable[tuple[str, float]]:
        if row := results["quality"].get(name):
            yield f"{row['texts']} texts", row[figure]

    return found


def _start(results: Results) -> Iterable[tuple[str, float]]:
    if row := results["starts"].get("edgelet fp32"):
        yield "median", row["median"]


def _start_times(results: Results) -> Iterable[tuple[str, float]]:
    own, plain = (results["starts"].get(name) for name in ("edgelet fp32", PLAIN))
    if own and plain:
        yield "medians", own["median"] / plain["median"]


def _import(results: Results) -> Iterable[tuple[str, float]]:
    if row := results["import"]:
        engine = "with" if row["brings onnxruntime"] else "without"
        yield f"median, {engine} onnxruntime", row["median"]


def _where(row: Mapping[str, Any], *more: str) -> str:
    return ", ".join((row["model"], f"{row['threads']} threads", *more))


AIMS = (
    Aim("fp32: times the fastest fp32 peer", 1.6, _times("edgelet fp32", PEERS["fp32"])),
    Aim("int8: times the fastest int8 peer", 2.0, _times("edgelet int8", PEERS["int8"])),
    Aim("int8: times sentence-transformers fp32", 3.5, _times("edgelet int8", [REFERENCE])),
    Aim(
        "OpenVINO f32: times edgelet fp32",
        1.2,
        _times("edgelet fp32", ["OpenVINO f32"], turned=True),
        most=True,
    ),
    Aim("one text, p50: times the bare onnxruntime call", 1.02, _over_bare, most=True),
    Aim("64 callers: times calls without batches", 2.0, _together),
    Aim("cost of a text in a long list: times that in a short one", 1.1, _linear, most=True),
    Aim("memory beyond the result, MB more than for the first list", 50, _growth, most=True),
    Aim("int8: the same ten nearest neighbours", 0.95, _quality("edgelet int8", "neighbours")),
    Aim("q8: mean cosine to fp32", 0.9999, _quality("edgelet q8", "mean")),
    Aim("import edgelet, ms", 60, _import, most=True),
    Aim("first embedding of a fresh process, fp32, ms", 400, _start, most=True),
    Aim("the same, times onnxruntime and tokenizers alone", 1.0, _start_times, most=True),
)
