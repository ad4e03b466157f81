"""The results as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bench.embed.aims import Results, reached
from rich.console import Console
from rich.table import Table

Row = Mapping[str, Any]


def show(results: Results, console: Console) -> None:
    """Print every table that there are figures for."""
    for (model, threads), rows in _grouped(results["speed"], "model", "threads").items():
        place = f"{model}, {threads} {'thread' if threads == 1 else 'threads'}"
        singles = {
            row["contender"]: row
            for row in results["singles"]
            if (row["model"], row["threads"]) == (model, threads)
        }
        console.print(_speed(place, rows, singles, results))
        if any(row["contender"].startswith("edgelet") for row in rows):
            console.print(_ratios(place, rows))
    if results["quality"] or results["starts"]:
        console.print(_once(results))
    for name in ("together", "linear"):
        if results[name]:
            console.print(_plain(results[name]))
    console.print(_aims(results))
    for name, why in results["failed"].items():
        console.print(f"{name} was left out: {why}", style="yellow")
    console.print(", ".join(f"{name} {value}" for name, value in results["facts"].items()))


def _speed(place: str, rows: list[Row], singles: Mapping[str, Row], results: Results) -> Table:
    table = Table(title=f"{place}: texts/s, tokens/s, share of the peak", title_justify="left")
    kinds = list(dict.fromkeys(row["set"] for row in rows))
    wholes = results["sets"]
    for column in ("", *kinds, "one text, p50, p99 ms", "peak MB"):
        table.add_column(column, justify="right" if column else "left")
    by_name = _grouped(rows, "contender")
    for name in dict.fromkeys([*(key for (key,) in by_name), *singles]):
        cells = {row["set"]: row for row in by_name.get((name,), [])}
        one = singles.get(name)
        peaks = [row["peak MB"] for row in cells.values() if row["peak MB"]]
        table.add_row(
            name,
            *(_cell(cells.get(kind), wholes) for kind in kinds),
            f"{one['p50 ms']:.2f} {one['p99 ms']:6.2f}" if one else "–",
            f"{max(peaks):.0f}" if peaks else "–",
        )
    table.caption = (
        "In brackets: how many texts a turn had, the first of the set, where it was not the whole "
        "set. Their lengths are mixed as in the whole. *: measured once, because it is far behind."
    )
    return table


def _cell(row: Row | None, wholes: Mapping[str, int]) -> str:
    if row is None:
        return "–"
    part = f" ({row['texts']})" if row["texts"] < wholes[row["set"]] else ""
    once = "*" if row["far behind"] else ""
    return f"{row['texts/s']:.1f}{once} {row['tokens/s']:7.0f} {row['of peak']:4.0%}{part}"


def _ratios(place: str, rows: list[Row]) -> Table:
    table = Table(title=f"{place}: edgelet's texts/s / theirs", title_justify="left")
    kinds = list(dict.fromkeys(row["set"] for row in rows))
    rates = {(row["contender"], row["set"]): row["texts/s"] for row in rows}
    mine = [name for (name,) in _grouped(rows, "contender") if name.startswith("edgelet")]
    table.add_column("")
    for kind in kinds:
        for own in mine:
            table.add_column(f"{kind}\n{own.removeprefix('edgelet ')}", justify="right")
    for (name,) in _grouped(rows, "contender"):
        cells = (rates[own, kind] / rates[name, kind] for kind in kinds for own in mine)
        table.add_row(name, *(f"{cell:.2f}" for cell in cells))
    return table


def _once(results: Results) -> Table:
    table = Table(title="quality against fp32; first embedding", title_justify="left")
    columns = ("", "cosine, mean", "least", "same ten neighbours", "fresh process, ms", "least")
    for column in columns:
        table.add_column(column, justify="right" if column else "left")
    for name in dict.fromkeys([*results["quality"], *results["starts"]]):
        near, start = results["quality"].get(name), results["starts"].get(name)
        table.add_row(
            name,
            *(f"{near[key]:.5f}" if near else "–" for key in ("mean", "least")),
            f"{near['neighbours']:.1%}" if near else "–",
            *(f"{start[key]:.0f}" if start else "–" for key in ("median", "least")),
        )
    return table


def _plain(rows: list[Row]) -> Table:
    table = Table()
    for column in rows[0]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(f"{v:.1f}" if isinstance(v, float) else f"{v}" for v in row.values()))
    return table


def _aims(results: Results) -> Table:
    table = Table(title="aims", title_justify="left")
    for column in ("aim", "where", "goal", "reached", ""):
        table.add_column(column, justify="right" if column in {"goal", "reached"} else "left")
    last = None
    for each in reached(results):
        digits = 5 if each.goal < 1 else 0 if each.goal >= 50 else 2
        table.add_row(
            each.name if each.name != last else "",
            each.where,
            f"{'≤' if each.most else '≥'} {each.goal:g}",
            f"{each.figure:.{digits}f}",
            "✓" if each.met else "✗",
        )
        last = each.name
    return table


def _grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups
