"""How each figure is taken."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.serve.client import Connection, Load, Target, first_answer, load
from bench.serve.functions import ASKED, HELLO_JS, HELLO_PY, changed, function_file
from bench.serve.servers import Running, children, edgelet, nothing, plain_deno

CLIENTS = (1, 12, 64)
"""12 is the load of Supabase's own test of its runtime."""

EDGELET = {"py": "edgelet, Python", "js": "edgelet, JavaScript"}


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured. `seconds` is how long one round of one load lasts."""

    rounds: int
    seconds: float
    starts: int
    instances: int


FULL = Amounts(rounds=5, seconds=1.0, starts=5, instances=24)
QUICK = Amounts(rounds=1, seconds=0.3, starts=1, instances=8)


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are: the project, and what plain Deno loads to embed, by the engine it has."""

    project: Path
    packages: Mapping[str, Path]

    def file(self, name: str) -> Path:
        """The file of a function in JavaScript."""
        return self.project / "functions" / name / "index.ts"

    def plain(self) -> dict[str, dict[str, Callable[[], AbstractContextManager[Running]]]]:
        """The functions under plain Deno, by what they do and the name of the way."""
        return {
            "hello": {"plain Deno": partial(plain_deno, self.file("hello-js"))},
            "embed": {
                f"plain Deno, {engine}": partial(plain_deno, self.file("embed-js"), preload=module)
                for engine, module in self.packages.items()
            },
        }


def function(server: Running, name: str) -> Target:
    """A function that edgelet serves; those with a number are copies."""
    asked = ASKED[name.partition("-")[0]]
    return Target(server.port, f"/functions/v1/{name}", asked, server.headers)


async def loads(places: Places, amounts: Amounts) -> dict[str, dict[str, dict[str, list[Load]]]]:
    """The rounds of every function, way and number of clients. Turns alternate."""
    with ExitStack() as stack:
        served = stack.enter_context(edgelet(places.project))
        ways = {
            (name, way): function(served, f"{name}-{language}")
            for name in ASKED
            for language, way in EDGELET.items()
        }
        for name, those in places.plain().items():
            for way, start in those.items():
                server = stack.enter_context(start())
                ways[name, way] = Target(server.port, "/", ASKED[name], {})
        idle = stack.enter_context(nothing())
        ways["nothing", "the client alone"] = Target(idle.port, "/", ASKED["hello"], served.headers)
        for target in ways.values():  # engines compile their hot code while they are young
            await first_answer(target)
            await load(target, 4, amounts.seconds)
        seen: dict[str, dict[str, dict[str, list[Load]]]] = {}
        for number in range(amounts.rounds):
            order = list(ways.items())
            for (name, way), target in order if number % 2 == 0 else reversed(order):
                figures = seen.setdefault(name, {}).setdefault(way, {})
                for clients in CLIENTS:
                    one = await load(target, clients, amounts.seconds)
                    figures.setdefault(str(clients), []).append(one)
        return seen


async def starts(places: Places, amounts: Amounts) -> dict[str, dict[str, list[float]]]:
    """Milliseconds until the first answer, from the start of the process or the change of its code.

    The functions of edgelet are copies that nobody has asked before. Its server runs already: it
    has compiled those in Python when it started, and loaded the model when another was asked.
    """
    figures: dict[str, dict[str, list[float]]] = {}

    def add(figure: str, way: str, began: float) -> None:
        figures.setdefault(figure, {}).setdefault(way, []).append(_since(began))

    async with _watched(places) as (served, edits):
        for number in range(-1, amounts.starts):  # the first round warms files and models
            keep = number >= 0
            for name in ASKED:
                for language, way in EDGELET.items():
                    copy = f"{name}-{language}-{number}" if keep else f"{name}-{language}"
                    began = time.perf_counter()
                    await first_answer(function(served, copy))
                    if keep:
                        add(f"first answer, {name}", way, began)
                for way, start in places.plain()[name].items():
                    began = time.perf_counter()
                    with start() as server:
                        await first_answer(Target(server.port, "/", ASKED[name], {}))
                        if keep:
                            add(f"first answer, {name}", way, began)
            for way, (file, source, target) in edits.items():
                began = time.perf_counter()
                file.write_text(changed(source, number))
                await first_answer(target, f"Hello {number} ".encode())
                if keep:
                    add("first answer of changed code, hello", way, began)
    return figures


async def server_starts(places: Places, amounts: Amounts) -> dict[str, dict[str, list[float]]]:
    """Milliseconds from the start of edgelet's server until it listens, and has embedded a text."""
    figures: dict[str, list[float]] = {"until it listens": [], "until its first vector": []}
    for _ in range(amounts.starts):
        began = time.perf_counter()
        with edgelet(places.project) as served:
            figures["until it listens"].append(_since(began))
            await first_answer(function(served, "embed-py"))
            figures["until its first vector"].append(_since(began))
    return {"start of edgelet's server": figures}


Edit = tuple[Path, str, Target]
"""A function that is changed: its file, what that holds, and how it is asked."""


@asynccontextmanager
async def _watched(places: Places) -> AsyncIterator[tuple[Running, dict[str, Edit]]]:
    """The server, and functions that are changed while they are watched."""
    plain = places.project.parent / "watched.ts"
    plain.write_text(HELLO_JS)
    with edgelet(places.project) as served, plain_deno(plain, "--watch") as watched:
        edits = {
            EDGELET[language]: (
                function_file(places.project, f"hello-{language}"),
                source,
                function(served, f"hello-{language}"),
            )
            for language, source in (("py", HELLO_PY), ("js", HELLO_JS))
        }
        target = Target(watched.port, "/", ASKED["hello"], {})
        yield served, {**edits, "plain Deno, --watch": (plain, HELLO_JS, target)}


async def memory(places: Places, amounts: Amounts) -> dict[str, float]:
    """MB of what runs a function that has answered, beside those of the server itself."""
    figures = {}
    with edgelet(places.project) as served:
        before = own_mb(served.pid)
        for name in ASKED:
            target = function(served, f"{name}-js")
            await first_answer(target)
            await load(target, 4, amounts.seconds)
            [pid] = children(served.pid, f"functions/{name}-js/")
            figures[f"{name}: edgelet, JavaScript, a process"] = own_mb(pid)
        figures["edgelet, the server, before a model was loaded"] = before
        figures["edgelet, the server, with a model"] = own_mb(served.pid)
        figures["edgelet, Python, an instance"] = await _instance(served, amounts.instances)
    for name, those in places.plain().items():
        for way, start in those.items():
            with start() as server:
                target = Target(server.port, "/", ASKED[name], {})
                await first_answer(target)
                await load(target, 4, amounts.seconds)
                figures[f"{name}: {way}, a process"] = own_mb(server.pid)
    return figures


async def _instance(served: Running, instances: int) -> float:
    """What the workers grow by when so many requests wait in them, for each."""
    workers = children(served.pid, "edgelet_host.sandbox.worker")
    await asyncio.gather(*(first_answer(function(served, "hello-py")) for _ in range(instances)))
    await asyncio.sleep(0.5)
    without = sum(map(own_mb, workers))
    waiting = Target(served.port, "/functions/v1/wait-py", b"", served.headers).request
    async with AsyncExitStack() as stack:
        for _ in range(instances):
            connection = await stack.enter_async_context(Connection(served.port))
            await connection.begun(waiting)
        return (sum(map(own_mb, workers)) - without) / instances


def own_mb(pid: int) -> float:
    """MB that a process has written to and has for itself.

    Not what it has mapped of its program: whether that is shared depends on who else runs it.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    own = ("Private_Dirty:", "Swap:")
    return sum(int(line.split()[1]) for line in lines if line.startswith(own)) / 1e3


def summary(rounds: list[Load]) -> dict[str, float]:
    """Requests a second, the median of the rounds; percentiles of all requests of all rounds."""
    rates = [len(each.milliseconds) / each.seconds for each in rounds]
    every = sorted(value for each in rounds for value in each.milliseconds)
    return {
        "requests/s": statistics.median(rates),
        "p50, ms": every[len(every) // 2],
        "p99, ms": every[min(len(every) * 99 // 100, len(every) - 1)],
        "slowest round to fastest": min(rates) / max(rates),
    }


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1e3
