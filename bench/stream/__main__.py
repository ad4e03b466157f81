"""Streaming: what `Session` adds to a bare HTTP client at the same server.

    ./build.sh bench stream [--quick] [--json FILE]

The scripted server is a process of its own on the loopback interface; llama.cpp's server streams
from a tiny model. Clients take turns and medians are shown, so that a machine whose speed drifts
harms all alike. `Session` makes a connection for every request, so the bare client that it is
compared with does, too; what a kept connection would save stands beside it. *Alone* is a chunk that
the client must wake up for, and counts the time that the client's own thread computes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.stream import measure
from bench.stream.aims import AIMS, PEER, Aim, Samples, reached
from bench.stream.measure import FULL, QUICK, Amounts
from bench.stream.server import running
from rich.console import Console
from rich.table import Table
from tests.servers.llama_server import start_llama_server

from edgelet.dialects import MODES

WIDTH = 165
"""Columns of the tables where they do not go to a terminal."""


def measure_all(amounts: Amounts, console: Console) -> dict[str, Samples]:
    """All figures, by what was measured."""
    found: dict[str, Samples] = {}
    with running() as url:
        for mode in MODES:
            with console.status(f"measuring one stream, {mode}…"):
                found[f"{mode}, async"] = asyncio.run(measure.one_stream(url, mode, amounts))
                found[f"{mode}, sync"] = measure.one_sync_stream(url, mode, amounts)
            with console.status(f"measuring {amounts.streams} streams at once, {mode}…"):
                name = f"{mode}, {amounts.streams} streams at once"
                found[name] = asyncio.run(measure.many_streams(url, mode, amounts))
    with start_llama_server() as url, console.status("measuring llama.cpp's server…"):
        found["llama.cpp's server"] = asyncio.run(measure.llama(url, amounts))
    with console.status("leaving streams…"):
        found["leaving after the first chunk"] = asyncio.run(measure.leaving(amounts.rounds))
    return found


def figures(samples: Samples) -> dict[str, dict[str, float]]:
    """Medians, by client and figure."""
    return {
        client: {name: statistics.median(values) for name, values in of_client.items()}
        for client, of_client in samples.items()
    }


def table(setting: str, samples: Samples) -> Table:
    """A row a figure, a column a client; then what edgelet adds, and the aim."""
    shown = Table(title=setting, title_justify="left")
    medians = figures(samples)
    for column in ("", *medians, "added", "aim"):
        shown.add_column(column, justify="right" if column else "left")
    aims = {aim.figure: aim for aim in AIMS}
    for name in next(iter(medians.values())):
        aim = aims.get(name)
        added = "" if aim is None or not aim.added else _number(reached(aim, samples))
        limit = "" if aim is None else f"≤ {aim.most:g}"
        values = (_number(of_client[name]) for of_client in medians.values())
        shown.add_row(name, *values, added, limit)
    return shown


def report(found: dict[str, Samples]) -> dict[str, Any]:
    """All of it as JSON has it: medians, and each aim with what was reached in every setting."""
    return {
        "versions": {
            "edgelet": version("edgelet"),
            "httpx2": version("httpx2"),
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        },
        "figures": {setting: figures(samples) for setting, samples in found.items()},
        "aims": [_aim(aim, found) for aim in AIMS],
    }


def _aim(aim: Aim, found: dict[str, Samples]) -> dict[str, Any]:
    all_reached = {setting: reached(aim, samples) for setting, samples in found.items()}
    return {
        "figure": aim.figure,
        "at most": aim.most,
        "added to": PEER if aim.added else None,
        "reached": {name: value for name, value in all_reached.items() if value is not None},
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"


def main() -> None:
    """Measure, print tables, and write JSON if a file was named."""
    assert __doc__
    parser = argparse.ArgumentParser(prog="bench stream", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, short answers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args()
    found = measure_all(QUICK if given.quick else FULL, Console(stderr=True))
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for setting, samples in found.items():
        console.print(table(setting, samples))
    if given.json:
        given.json.write_text(json.dumps(report(found), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
