"""Cold starts: from the start of a process to the first answer, in every JavaScript host.

    ./build.sh bench cold [--rounds N] [--host NAME] [--json FILE]

A function is deployed by `edgelet functions deploy`, in both languages. Each start is a new process
that is asked as soon as it listens: for a greeting, for the first word of a language model that
answers at once, and for a vector. Turns alternate; medians and least values are shown. Files are in
the system's cache. What the function is stands in `functions.py`, what is started in `folders.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from bench.browser.peer import peer_models
from bench.cold.folders import (
    FIGURES,
    HOSTS,
    Way,
    deployed_ways,
    deployed_workers,
    peer_ways,
)
from bench.cold.functions import WORKERS, write_project
from bench.cold.starts import HasUrl, Marks, start, start_worker
from bench.serve.servers import install_package
from rich.console import Console
from rich.table import Table
from tests.deploy.workers import running_worker
from tests.js.package import export_models
from tests.js.workerd.workerd import NEWEST, bundle_worker, serve_worker
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "bench-cold"
"""Beside the packages, so that folders can share files with them; the peer's model is kept."""

SHOWN = {"hello": "greeting", "ask": "first word", "embed": "first vector", "again": "next vector"}
STAGES = {
    "listening": "listens",
    "loaded": "function loaded",
    "asked": "handler asked",
    "read": "weights read",
    "embedded": "vector there",
    "answered": "answered",
}
"""What the stages of a start are called, in their order."""

Starts = Mapping[tuple[str, str], Callable[[], Marks]]
"""What starts a way once and asks for a figure, by both names."""

Seen = dict[str, dict[str, list[Marks]]]
"""The marks of all starts, by way and figure."""


def measured(hosts: Sequence[str], rounds: int) -> tuple[Seen, Seen]:
    """All starts, and those that tell of their stages; a round before the first warms files."""
    figures: Seen = {}
    stages: Seen = {}
    WORK.mkdir(parents=True, exist_ok=True)
    answer = ndjson(*ollama_generate("Because ", "of Rayleigh."))
    with (
        ScriptedServer(answer) as server,
        tempfile.TemporaryDirectory(dir=WORK) as name,
    ):
        work = Path(name)
        write_project(work / "project")
        for host in hosts:
            if host == "workerd":
                figures |= _alternated(_workers(work, server.url), rounds)
                continue
            ways = deployed_ways(work / "project", work, host)
            ways += peer_ways(work, peer_models(WORK / "hub")) if host == "node" else []
            figures |= _alternated(_starts(ways, server.url, stages=False), rounds)
            stages |= _alternated(_starts(ways, server.url, stages=True), rounds)
    return figures, stages


def _starts(ways: Sequence[Way], url: str, *, stages: bool) -> Starts:
    return {
        (way.name, figure): partial(start, way, figure, url)
        for way in ways
        if way.stages == stages
        for figure in way.figures
    }


def _workers(work: Path, url: str) -> Starts:
    """The function as it is deployed, and a Worker of a user's own around the package."""
    project = work / "workerd"
    project.mkdir()
    install_package(project, native=False)
    models = export_models(work / "models")
    serves: dict[str, Callable[..., AbstractContextManager[HasUrl]]] = {
        name: partial(running_worker, folder)
        for name, folder in deployed_workers(work / "project", work).items()
    }
    for name, source in WORKERS.items():
        (project / f"{name}.mjs").write_text(source)
        script = bundle_worker(name, project)
        way = "workerd, the package" + (", without snapshot" if "without" in name else "")
        serves[way] = partial(_served, script, models)
    return {
        (way, figure): partial(start_worker, serve, figure, url)
        for way, serve in serves.items()
        for figure in FIGURES
    }


def _served(script: Path, models: Path, **variables: str) -> AbstractContextManager[HasUrl]:
    return serve_worker(script, models, NEWEST, variables)


def _alternated(starts: Starts, rounds: int) -> Seen:
    seen: Seen = {}
    for number in range(rounds + 1):
        order = list(starts.items())
        for (way, figure), begin in order if number % 2 == 0 else reversed(order):
            marks = begin()
            if number:
                seen.setdefault(way, {}).setdefault(figure, []).append(marks)
    return {way: seen[way] for way in dict.fromkeys(way for way, _ in starts)}


def summary(marks: Sequence[Marks]) -> dict[str, dict[str, float]]:
    """Median and least value of every mark."""
    return {
        name: {
            "median": statistics.median(each[name] for each in marks),
            "least": min(each[name] for each in marks),
        }
        for name in marks[0]
    }


def show(figures: Seen, stages: Seen, console: Console) -> None:
    """Print the tables."""
    table = Table(title="ms from the start of the process: median (least)", title_justify="left")
    for column in ("", *SHOWN.values()):
        table.add_column(column, justify="right" if column else "left")
    for way, those in figures.items():
        cells = [_cell(those.get(figure), "answered") for figure in FIGURES]
        table.add_row(way, *cells, _cell(those.get("embed"), "again"))
    console.print(table)
    if not stages:
        return
    stage = Table(title="the way to the first vector, ms, medians", title_justify="left")
    for column in ("", *STAGES.values()):
        stage.add_column(column, justify="right" if column else "left")
    for way, those in stages.items():
        marks = summary(those["embed"])
        stage.add_row(way, *(f"{marks[name]['median']:.0f}" for name in STAGES))
    console.print(stage)


def _cell(marks: Sequence[Marks] | None, name: str) -> str:
    if marks is None:
        return "–"
    values = summary(marks)[name]
    return f"{values['median']:.0f} ({values['least']:.0f})"


def main() -> None:
    """Measure, then print tables; with `--json`, write the figures, too."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="starts of each kind (9)")
    parser.add_argument("--host", action="append", choices=[*HOSTS, "workerd"], help="only these")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    given = parser.parse_args()
    busy = os.getloadavg()[0]
    figures, stages = measured(given.host or [*HOSTS, "workerd"], given.rounds)
    facts = {
        "cores": os.cpu_count(),
        "rounds": given.rounds,
        "load average before": busy,
        "load average after": os.getloadavg()[0],
    }
    if given.json:
        whole = {
            **facts,
            **{
                name: {
                    way: {figure: summary(marks) for figure, marks in those.items()}
                    for way, those in seen.items()
                }
                for name, seen in (("milliseconds", figures), ("stages", stages))
            },
        }
        given.json.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", "utf-8")
    console = Console(width=None if os.isatty(1) else 130)
    show(figures, stages, console)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
