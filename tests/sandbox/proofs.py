"""A stricter neighbour than an arena's: each of its answers comes soon, and no worker is lost."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edgelet_host.sandbox import Function
from tests.sandbox.attacks import Arena, attack

SOON = 5.0
"""Seconds. A neighbour is asked in some ten milliseconds, but machines that test are slow."""

_IMPORTS = """
import array, builtins, marshal
from componentize_py_types import Err
from wit_world.imports import console, effects, files, modules, response

def taken(ticket):
    try:
        return effects.take(ticket)
    except Err as error:
        return f"{error.value.kind}: {error.value.reason}"

named = set()

def answers(*tickets):
    while not named.issuperset(tickets):
        named.update(int(each.split(":")[0]) for each in effects.wait(5.0).split(",") if each)
    return [taken(ticket) for ticket in tickets]

def answer(ticket):
    return answers(ticket)[0]

def integers(*values):
    return array.array("i", values).tobytes().decode("latin-1")

def send(url, headers="[]", method="GET"):
    return effects.send(method, url, headers, "", None)
"""


def past_core(body: str) -> Function:
    """A function whose handler does that, with the component's imports in its hands."""
    return attack(f"{_IMPORTS}\n{textwrap.dedent(body)}")


@asynccontextmanager
async def undisturbed(arena: Arena, soon: float = SOON) -> AsyncIterator[None]:
    """Before, within and after the context a neighbour answers: each time, rightly and soon."""
    pids = set(arena.sandbox.worker_pids)
    await _ask(arena, soon)
    asking = asyncio.create_task(_keep_asking(arena, soon))
    try:
        yield
        await asyncio.sleep(0.05)
        assert not asking.done(), asking.result()
    finally:
        asking.cancel()
        await asyncio.wait([asking])
    await asyncio.gather(*(_ask(arena, soon) for _ in range(4)))
    assert set(arena.sandbox.worker_pids) == pids, "a worker was lost"


async def _keep_asking(arena: Arena, soon: float) -> None:
    while True:
        await _ask(arena, soon)
        await asyncio.sleep(0.01)


async def _ask(arena: Arena, soon: float) -> None:
    async with asyncio.timeout(soon):
        await arena.ask_neighbour()


def own_memory_mb(pids: list[int]) -> int:
    """What the processes hold that no file backs."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return sum(int(each.partition("RssAnon:")[2].split()[0]) for each in statuses) // 1024


async def given_back(arena: Arena, at_most_mb: int) -> None:
    """Wait until the workers' memory is down to that; it is soon."""
    for _ in range(50):
        if own_memory_mb(arena.sandbox.worker_pids) <= at_most_mb:
            return
        await asyncio.sleep(0.1)
    held = [own_memory_mb([pid]) for pid in arena.sandbox.worker_pids]
    raise AssertionError(f"the workers hold {held} MB, which is more than {at_most_mb}")
