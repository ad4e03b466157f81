"""Streaming: what `Session` adds to a bare HTTP client, and how soon it lets a server go.

    ./build.sh bench stream [--json]

The server is the scripted one of the tests, on the loopback interface; rounds are interleaved,
and medians are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time

import httpx2
from rich.console import Console
from rich.table import Table
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Stall

from edgelet import Session

CHUNKS = 1000
ROUNDS = 20


async def ours(url: str) -> tuple[float, float]:
    """Milliseconds to the first chunk, and microseconds a chunk after it."""
    started = time.perf_counter()
    async with await Session("m", host=url).run("Why?", stream=True) as stream:
        await anext(stream)
        first = time.perf_counter()
        count = len([chunk async for chunk in stream])
    return (first - started) * 1e3, (time.perf_counter() - first) / count * 1e6


async def bare(url: str) -> tuple[float, float]:
    """The same by httpx2 and `json.loads`, on a connection of its own."""
    started = time.perf_counter()
    first = 0.0
    count = 0
    async with (
        httpx2.AsyncClient(verify=False) as client,
        client.stream("POST", f"{url}/api/generate", json={"prompt": "Why?"}) as response,
    ):
        async for line in response.aiter_lines():
            json.loads(line)
            first = first or time.perf_counter()
            count += 1
    return (first - started) * 1e3, (time.perf_counter() - first) / (count - 1) * 1e6


async def disconnect(url: str, server: ScriptedServer) -> float:
    """Milliseconds from leaving a stream to the server's seeing it."""
    server.disconnected.clear()
    server.requests.clear()
    async with await Session("m", host=url).run("Why?", stream=True) as stream:
        await anext(stream)
        left = time.monotonic()
    return (await server.client_left() - left) * 1e3


async def measure() -> dict[str, tuple[float, float] | float]:
    """All figures."""
    script = ndjson(*ollama_generate(*(f"word {number}" for number in range(CHUNKS))))
    with ScriptedServer(script) as server:
        rounds = [(await ours(server.url), await bare(server.url)) for _ in range(ROUNDS)]
    with ScriptedServer([*script[:2], Stall()]) as server:
        left = [await disconnect(server.url, server) for _ in range(ROUNDS)]

    def median(client: int, figure: int) -> float:
        return statistics.median(each[client][figure] for each in rounds)

    return {
        "first chunk, ms": (median(0, 0), median(1, 0)),
        "a chunk, µs": (median(0, 1), median(1, 1)),
        "left to disconnected, ms": statistics.median(left),
    }


def main() -> None:
    """Measure, then print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    figures = asyncio.run(measure())
    if parser.parse_args().json:
        print(json.dumps(figures, indent=1, ensure_ascii=False))
        return
    table = Table()
    for column in ("", "edgelet", "httpx2"):
        table.add_column(column)
    for name, figure in figures.items():
        pair = figure if isinstance(figure, tuple) else (figure, None)
        table.add_row(name, *("" if value is None else f"{value:.2f}" for value in pair))
    Console().print(table)


if __name__ == "__main__":
    main()
