"""Serving: functions under `edgelet functions serve`, and the same in plain Deno beside them.

    ./build.sh bench serve [--quick] [--json FILE]

Every server is a process of its own, asked over the loopback interface by clients that keep their
connections; client and servers share the machine's cores. edgelet checks a token with each request,
plain Deno nothing. Turns alternate and medians are shown. How each figure is taken stands in
`measure.py`, the functions in `functions.py`, what serves them in `servers.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench.serve import measure
from bench.serve.functions import write_project
from bench.serve.measure import CLIENTS, FULL, QUICK, Amounts, Places
from bench.serve.servers import install_package
from rich.console import Console
from rich.table import Table


async def measured(amounts: Amounts) -> dict[str, Any]:
    """All figures, by name."""
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as name:
        folder = Path(name)
        packages = {
            engine: install_package(folder / engine, native=engine == "onnxruntime-node")
            for engine in ("onnxruntime-web", "onnxruntime-node")
        }
        places, watched = (Places(folder / kind, packages) for kind in ("loads", "starts"))
        write_project(_made(places.project))
        write_project(_made(watched.project), amounts.starts)
        loads = await measure.loads(places, amounts)
        memory = await measure.memory(places, amounts)
        starts = await measure.starts(watched, amounts)
        starts |= await measure.server_starts(places, amounts)
    return {
        "cores": os.cpu_count(),
        "rounds": amounts.rounds,
        "load average before": busy,
        "load average after": os.getloadavg()[0],
        "loads": {
            function: {
                way: {clients: measure.summary(rounds) for clients, rounds in figures.items()}
                for way, figures in ways.items()
            }
            for function, ways in loads.items()
        },
        "milliseconds": {
            figure: {way: statistics.median(each) for way, each in ways.items()}
            for figure, ways in starts.items()
        },
        "own memory, MB": memory,
    }


def show(figures: dict[str, Any], console: Console) -> None:
    """Print the tables."""
    facts = f"{figures['cores']} cores, load before {figures['load average before']:.1f}"
    table = Table(title=f"requests/s, p50 and p99 in ms, by clients at once ({facts})")
    for column in ("function", "way", *map(str, CLIENTS)):
        table.add_column(column, justify="right" if column.isdigit() else "left")
    for function, ways in figures["loads"].items():
        for number, (way, by_clients) in enumerate(ways.items()):
            cells = (_cell(by_clients[str(clients)]) for clients in CLIENTS)
            table.add_row("" if number else function, way, *cells)
        table.add_section()
    console.print(table)
    console.print(_caveats(figures))
    once = Table(title="once")
    for column in ("figure", "way", "value"):
        once.add_column(column, justify="right" if column == "value" else "left")
    for figure, ways in figures["milliseconds"].items():
        for number, (way, value) in enumerate(ways.items()):
            once.add_row("" if number else figure, way, f"{value:.0f} ms")
        once.add_section()
    for number, (way, value) in enumerate(figures["own memory, MB"].items()):
        once.add_row("" if number else "own memory", way, f"{value:.1f} MB")
    console.print(once)


def _caveats(figures: dict[str, Any]) -> str:
    sentences = [
        f"Clients and servers share {figures['cores']} cores. The client alone asks a server that",
        "does nothing: a way that reaches as many requests/s is limited by the client.",
        f"The load average was {figures['load average after']:.1f} at the end.",
    ]
    if figures["rounds"] > 1:
        worst = min(
            each["slowest round to fastest"]
            for ways in figures["loads"].values()
            for by_clients in ways.values()
            for each in by_clients.values()
        )
        sentences.append(f"The noisiest load's slowest round reached {worst:.0%} of its fastest.")
    return " ".join(sentences)


def _cell(figures: dict[str, float]) -> str:
    rate, p50, p99 = (figures[name] for name in ("requests/s", "p50, ms", "p99, ms"))
    return f"{rate:.0f}/s  {p50:.1f}  {p99:.1f}"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def main() -> None:
    """Measure, then print tables; with `--json`, write the figures, too."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    arguments = parser.parse_args()
    figures = asyncio.run(measured(QUICK if arguments.quick else FULL))
    if arguments.json:
        text = json.dumps(figures, indent=1, ensure_ascii=False)
        arguments.json.write_text(f"{text}\n", "utf-8")
    show(figures, Console(width=None if os.isatty(1) else 130))


if __name__ == "__main__":
    main()
