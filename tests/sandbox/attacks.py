"""What the proofs share: a sandbox, a neighbour that must keep answering, and running an attack."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edgelet import EdgeletError, Request
from edgelet_host.sandbox import Function, Grants, Limits, Printed, Sandbox

NEIGHBOUR = Function.of_source(
    """
from edgelet import Response, serve

seen = []

@serve
async def handler(request):
    seen.append(request.query["n"])
    return Response.json(seen)
""",
    "neighbour",
)

_HEAD = """
import asyncio, json, os, re, sys, time
from edgelet import Request, Response, Session, fetch, serve

@serve
async def handler(request):
"""

SHORT = Limits(cpu_time_soft_limit_ms=300, cpu_time_hard_limit_ms=600, worker_timeout_ms=20_000)
"""Enough for what is well-behaved; attacks end soon."""


@dataclass
class Outcome:
    """What an attack came to: a response, or the error it ended with."""

    status: int = 0
    body: bytes = b""
    error: EdgeletError | None = None
    printed: list[Printed] = field(default_factory=list)

    def text(self) -> str:
        return self.body.decode()

    def console(self, stream: str) -> str:
        return "".join(each.text for each in self.printed if each.stream == stream)


def attack(body: str, name: str = "attacker") -> Function:
    """A function whose handler does that."""
    return Function.of_source(_HEAD + textwrap.indent(textwrap.dedent(body).strip(), "    "), name)


class Arena:
    """A sandbox with a neighbour in it."""

    def __init__(self, sandbox: Sandbox, printed: list[Printed]) -> None:
        self.sandbox = sandbox
        self.answers = 0
        self._printed = printed

    async def run(
        self,
        function: Function | str,
        *,
        limits: Limits = SHORT,
        grants: Grants | None = None,
        url: str = "http://localhost/",
    ) -> Outcome:
        """Run an attack to its end."""
        if isinstance(function, str):
            function = attack(function)
        self._printed.clear()
        outcome = Outcome()
        grants = grants or Grants(env={})
        try:
            response = await self.sandbox.respond(
                function, Request(url), limits=limits, grants=grants
            )
            outcome.status = response.status
            async for chunk in response.body:
                outcome.body += chunk
        except EdgeletError as error:
            outcome.error = error
        outcome.printed = [each for each in self._printed if each.function == function.name]
        return outcome

    async def ask_neighbour(self) -> None:
        """It answers, it is right, and it remembers nothing."""
        number = str(self.answers)
        request = Request(f"http://localhost/?n={number}")
        response = await self.sandbox.respond(NEIGHBOUR, request, grants=Grants(env={}))
        assert await response.json() == [number]
        self.answers += 1

    async def keep_asking(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.ask_neighbour()
            await asyncio.sleep(0.02)


@asynccontextmanager
async def arena(**options: object) -> AsyncIterator[Arena]:
    """An arena of two workers."""
    printed: list[Printed] = []
    async with Sandbox(workers=2, console=printed.append, **options) as sandbox:  # type: ignore[arg-type]
        yield Arena(sandbox, printed)


@asynccontextmanager
async def neighbour(arena: Arena) -> AsyncIterator[None]:
    """Within the context the neighbour is asked again and again; it must answer all the while."""
    await arena.ask_neighbour()
    before = arena.answers
    asking = asyncio.create_task(arena.keep_asking())
    try:
        yield
        await asyncio.sleep(0.1)  # it is asked at least once while the attack is on, or just over
    finally:
        assert not asking.done(), asking.result()
        asking.cancel()
        await asyncio.wait([asking])
    assert arena.answers > before
    await arena.ask_neighbour()


def private_mb(pid: int) -> float:
    """Memory that only this process has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1000
