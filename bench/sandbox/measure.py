"""How each figure is taken."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.sandbox.functions import EMBED, NOOP, WAIT, changed
from bench.texts import texts as english

from edgelet import Request, Response, Session, use_host
from edgelet.functions import Handler, loading, respond
from edgelet_host.native import NativeHost
from edgelet_host.sandbox import Function, Sandbox

Ask = Callable[[Request], Awaitable[Response]]

SHORT = english("short", 64)

PAUSE = 0.02
"""Seconds between two requests of a client that lets the sandbox prepare its next instance."""
SETTLED = 2.5
"""Seconds after which a worker has given back what is free."""


def noop_request() -> Request:
    """A request that asks for nothing."""
    return Request("http://localhost/")


def embed_request(texts: int) -> Request:
    """A request to embed so many short texts."""
    return Request("http://localhost/", method="POST", body=json.dumps(SHORT[:texts]))


def in_process(function: Function) -> Handler:
    """The function's handler, in this process."""
    with loading() as loaded:
        exec(function.modules[0].source, {"__name__": "main"})
    return loaded.handler


async def milliseconds(ask: Ask, request: Callable[[], Request]) -> float:
    """Milliseconds from a request to the last byte of its response."""
    began = time.perf_counter()
    response = await ask(request())
    await response.bytes()
    assert response.ok
    return (time.perf_counter() - began) * 1e3


async def interleaved(
    ways: dict[str, Ask], request: Callable[[], Request], rounds: int, pause: float = 0.0
) -> dict[str, list[float]]:
    """Milliseconds of each way, in turn, so that a machine whose speed drifts harms all alike."""
    figures: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, ask in ways.items():
            await asyncio.sleep(pause)
            figures[name].append(await milliseconds(ask, request))
    return figures


async def throughput(ask: Ask, clients: int, requests: int) -> float:
    """Requests a second that so many clients get answered, each asking one after the other."""

    async def client() -> None:
        for _ in range(requests // clients):
            await milliseconds(ask, noop_request)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return requests // clients * clients / (time.perf_counter() - began)


async def boot(sandbox: Sandbox, rounds: int) -> list[float]:
    """Milliseconds of the first request after a change of the code, compiling it included."""
    figures = []
    for number in range(rounds):
        function = changed(number)
        figures.append(
            await milliseconds(
                lambda request, f=function: sandbox.respond(f, request), noop_request
            )
        )
    return figures


async def chunk(ask: Ask, chunks: int) -> float:
    """Microseconds a chunk of a streamed response."""
    began = time.perf_counter()
    response = await ask(Request(f"http://localhost/?chunks={chunks}"))
    assert (await response.text()).count("\n") == chunks
    return (time.perf_counter() - began) / chunks * 1e6


async def memory(instances: int) -> tuple[float, float]:
    """Private MB of an idle instance, ready for a request, and of a busy one, in one worker."""
    async with Sandbox(workers=1, concurrent_instances=instances, ahead=0) as bare:
        await asyncio.gather(*(_answer(bare, NOOP) for _ in range(instances)))
        await asyncio.sleep(SETTLED)
        without = private_mb(bare.worker_pids[0])
        waiting = [await bare.respond(WAIT, noop_request()) for _ in range(instances)]
        bodies = [aiter(response.body) for response in waiting]
        for body in bodies:  # one that is dropped would end its instance
            assert await anext(body)
        await asyncio.sleep(SETTLED)
        busy = (private_mb(bare.worker_pids[0]) - without) / instances
        for response in waiting:
            await response.aclose()
    async with Sandbox(workers=1, concurrent_instances=instances, ahead=instances) as ready:
        await asyncio.gather(*(_answer(ready, NOOP) for _ in range(instances)))
        await asyncio.sleep(SETTLED)
        idle = (private_mb(ready.worker_pids[0]) - without) / instances
    return idle, busy


def private_mb(pid: int) -> float:
    """Megabytes of memory that only this process has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1e3


async def _answer(sandbox: Sandbox, function: Function) -> bytes:
    return await (await sandbox.respond(function, noop_request())).bytes()


async def embedding(
    sandboxes: dict[str, Sandbox], host: NativeHost, texts: int, rounds: int
) -> dict[str, list[float]]:
    """Milliseconds to embed so many texts, natively and in functions."""
    with use_host(host):
        handler = in_process(EMBED)
        ways: dict[str, Ask] = {"CPython": lambda request: respond(handler, request)}
        for name, sandbox in sandboxes.items():
            ways[name] = lambda request, s=sandbox: s.respond(EMBED, request)
        await Session("all-MiniLM-L6-v2").run(SHORT[:texts])
        await interleaved(ways, lambda: embed_request(texts), 3)
        return await interleaved(ways, lambda: embed_request(texts), rounds, PAUSE)


def median(figures: list[float]) -> float:
    """The median."""
    return statistics.median(figures)
