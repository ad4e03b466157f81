"""Cold starts: how long it takes until the first answer, in every JavaScript host.

    ./build.sh bench cold [--rounds N] [--host NAME] [--json FILE]

A function is deployed by `edgelet functions deploy`, in both languages. Each start is a new process
that is asked as soon as it listens: for a greeting, for the first word of a language model that
answers at once, and for a vector. In workerd it is also a second isolate of a process that runs
already; in Chromium it is a visitor who is new, or one who returns. Turns alternate; medians and
least values are shown. Files are in the system's cache, and nothing crosses a network.

What the function is stands in `functions.py`, what is started in `folders.py`, `workers.py` and
`visits.py`, what is changed for that in `copies.py`. `aims.py` has what is aimed at.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench.browser.chromium import executable
from bench.browser.peer import peer_models
from bench.cold.aims import COMPRESSED
from bench.cold.folders import HOSTS, Way, deployed_ways, peer_ways
from bench.cold.functions import LANGUAGES, write_project
from bench.cold.starts import Marks, start
from bench.cold.tables import Figures, Seen, show
from bench.cold.visits import Visitor, served, visit, visitors
from bench.cold.warm import warmed
from bench.cold.workers import compressed, measured_ways, worker_ways
from playwright.sync_api import sync_playwright
from rich.console import Console
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "bench-cold"
"""Beside the packages, so that folders can share files with them; the peer's model is kept."""

ALL_HOSTS = (*HOSTS, "workerd", "chromium")

ROUNDS = 3
WIDTH = 170
"""Columns of the tables where they do not go to a terminal."""

_Asked = TypeVar("_Asked", Way, Visitor)


def measured(hosts: Sequence[str], rounds: int) -> Figures:
    """All figures of those hosts."""
    figures = Figures()
    WORK.mkdir(parents=True, exist_ok=True)
    answer = ndjson(*ollama_generate("Because ", "of Rayleigh."))
    with (
        ScriptedServer(answer, cors=True) as server,
        tempfile.TemporaryDirectory(dir=WORK) as name,
    ):
        work = Path(name)
        write_project(work / "project")
        for host in hosts:
            match host:
                case "chromium":
                    _visits(figures, work, rounds, server.url)
                case "workerd":
                    ways = worker_ways(work / "project", work)
                    _starts(figures, ways, partial(start, inference_host=server.url), rounds)
                    figures.warm = _warm(work, rounds, server.url)
                case _:
                    ways = deployed_ways(work / "project", work, host)
                    ways += peer_ways(work, peer_models(WORK / "hub")) if host == "node" else []
                    _starts(figures, ways, partial(start, inference_host=server.url), rounds)
    return figures


def _starts(
    figures: Figures, ways: Sequence[_Asked], begin: Callable[[_Asked, str], Marks], rounds: int
) -> None:
    """Add all starts of those ways, and then those that tell of their stages."""
    for stages, seen in ((False, figures.starts), (True, figures.stages)):
        starts = {
            (way.name, figure): partial(begin, way, figure)
            for way in ways
            if way.stages == stages
            for figure in way.figures
        }
        seen.update(_alternated(starts, rounds))


def _visits(figures: Figures, work: Path, rounds: int, url: str) -> None:
    with served(work) as site, sync_playwright() as playwright:
        begin = partial(visit, playwright.chromium, site, inference_host=url)
        _starts(figures, visitors(work / "project", work), begin, rounds)


def _warm(work: Path, rounds: int, url: str) -> dict[str, list[Marks]]:
    ways = measured_ways(work)
    seen = _alternated({(way.name, ""): partial(warmed, way, url) for way in ways}, rounds)
    found = {}
    for way, language in zip(ways, LANGUAGES, strict=True):
        size = {COMPRESSED: compressed(work / "project", work, language)}
        found[way.name] = [{**marks, **size} for marks in seen[way.name][""]]
    return found


def _alternated(starts: Mapping[tuple[str, str], Callable[[], Marks]], rounds: int) -> Seen:
    """The marks of all rounds; one before the first warms files, and makes visitors return."""
    seen: Seen = {way: {} for way, _ in starts}
    for number in range(rounds + 1):
        order = list(starts.items())
        for (way, figure), begin in order if number % 2 == 0 else reversed(order):
            marks = begin()
            if number:
                seen[way].setdefault(figure, []).append(marks)
    return seen


def main() -> None:
    """Measure, then print tables; with `--json`, write the figures, too."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"starts of each kind ({ROUNDS})"
    )
    parser.add_argument("--host", action="append", choices=ALL_HOSTS, help="only these")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    given = parser.parse_args()
    hosts = given.host or ALL_HOSTS
    if "chromium" in hosts:
        with sync_playwright() as playwright:
            executable(playwright.chromium)  # or say at once that there is none
    busy = os.getloadavg()[0]
    figures = measured(hosts, given.rounds)
    facts = {
        "cores": os.cpu_count(),
        "rounds": given.rounds,
        "load average before": busy,
        "load average after": os.getloadavg()[0],
    }
    if given.json:
        text = json.dumps({**facts, **figures.as_json()}, indent=1, ensure_ascii=False)
        given.json.write_text(f"{text}\n", "utf-8")
    console = Console(width=None if os.isatty(1) else WIDTH)
    show(figures, console)
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
