"""The sandbox: what a request costs in an instance of its own, and beside what a user could pick.

    ./build.sh bench sandbox [--quick] [--json]

Turns alternate and medians are shown. How each figure is taken stands in `measure.py`, the
functions in `functions.py`, the peers in `peers.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Any

from bench.sandbox import measure, peers
from bench.sandbox.functions import NOOP, STREAM
from rich.console import Console
from rich.table import Table

from edgelet_host.native import NativeHost
from edgelet_host.sandbox import Sandbox

CLIENTS = (1, 8, 64)
TEXTS = (1, 64)


async def measured(*, quick: bool) -> dict[str, Any]:
    """All figures, by name."""
    rounds, requests, instances = (30, 160, 8) if quick else (200, 1280, 24)
    host = NativeHost()
    async with AsyncExitStack() as stack:

        async def sandbox(**options: Any) -> Sandbox:
            return await stack.enter_async_context(Sandbox(workers=2, host=host, **options))

        fresh = await sandbox(ahead=0)
        kinds = {
            "fresh instance": fresh,
            "prepared instance": await sandbox(),
            "reused instance": await sandbox(reuse="per-worker"),
        }
        handler = measure.in_process(NOOP)
        ways: dict[str, measure.Ask] = {
            name: lambda request, s=each: s.respond(NOOP, request) for name, each in kinds.items()
        }
        ways["CPython in process"] = lambda request: measure.respond(handler, request)
        await measure.interleaved(ways, measure.noop_request, 5)
        figures: dict[str, Any] = {
            "no-op, ms": medians(
                await measure.interleaved(ways, measure.noop_request, rounds, measure.PAUSE)
            ),
            "no-op without a pause, ms": medians(
                {
                    name: [
                        await measure.milliseconds(ask, measure.noop_request) for _ in range(rounds)
                    ]
                    for name, ask in ways.items()
                }
            ),
            "requests a second": {
                name: {
                    str(clients): round(await measure.throughput(ask, clients, requests))
                    for clients in CLIENTS
                }
                for name, ask in ways.items()
                if name != "CPython in process"
            },
        }
        for texts in TEXTS:
            figures[f"embed {texts}, ms"] = medians(
                await measure.embedding(kinds, host, texts, max(rounds // 4, 10))
            )
        figures["first request after a change, ms"] = measure.median(
            await measure.boot(fresh, max(rounds // 10, 5))
        )
        stream = measure.in_process(STREAM)
        figures["a streamed chunk, µs"] = {
            "fresh instance": await measure.chunk(lambda r: fresh.respond(STREAM, r), 20_000),
            "CPython in process": await measure.chunk(lambda r: measure.respond(stream, r), 20_000),
        }
    idle, busy = await measure.memory(instances)
    figures["private memory of an instance, MB"] = {"idle": idle, "busy": busy}
    figures["peers, a process a request, ms"] = medians(
        {
            "Python": [peers.python_process() for _ in range(5)],
            "Pyodide in Node": [peers.pyodide_in_node() for _ in range(5)],
        }
    )
    return figures


def medians(figures: dict[str, list[float]]) -> dict[str, float]:
    """The median of each way."""
    return {name: measure.median(each) for name, each in figures.items()}


def show(figures: dict[str, Any]) -> None:
    """Print one table, a row a figure."""
    table = Table(title=f"{os.cpu_count()} cores, wasmtime {version('wasmtime')}")
    for column in ("figure", "way", "value"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for name, figure in figures.items():
        rows = figure if isinstance(figure, dict) else {"": figure}
        for number, (way, value) in enumerate(rows.items()):
            table.add_row("" if number else name, way, shown(value))
        table.add_section()
    Console().print(table)


def shown(value: object) -> str:
    """A figure as text; several are those of more and more clients."""
    if isinstance(value, dict):
        return " / ".join(f"{each} ({clients} clients)" for clients, each in value.items())
    return f"{value:.2f}"


def main() -> None:
    """Measure, then print a table or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    arguments = parser.parse_args()
    figures = asyncio.run(measured(quick=arguments.quick))
    if arguments.json:
        print(json.dumps(figures, indent=1, ensure_ascii=False))
    else:
        show(figures)


if __name__ == "__main__":
    main()
