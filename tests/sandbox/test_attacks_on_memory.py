"""Functions that take more than they may: memory, stack, response, console."""

from __future__ import annotations

import asyncio

import pytest

from edgelet_host.sandbox import Limits
from edgelet_host.sandbox.errors import (
    FunctionFailed,
    InstanceFaulted,
    MemoryLimitExceeded,
    ResponseLimitExceeded,
)
from tests.sandbox.attacks import Arena, private_mb

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL = Limits(
    memory_limit_mb=64,
    cpu_time_soft_limit_ms=5_000,
    cpu_time_hard_limit_ms=5_000,
    worker_timeout_ms=10_000,
    response_limit_mb=2,
)

BOMBS = {
    "a list": "kept = []\nwhile True: kept.append(bytes(100_000))",
    "bytes at once": "bytes(500_000_000)",
    "a text doubled": "size = 1\nwhile True: size *= 2; text = 'x' * size",
}

UNBEARABLE = {
    # CPython 3.14 then frees the text twice.
    "a text grown in place": "text = 'x'\nwhile True: text += text",
    "small objects": "kept = [object() for _ in range(10 ** 8)]",
    "a dictionary": "kept = {}\nwhile True: kept[len(kept)] = str(len(kept)) * 100",
}
"""Ways to run out of memory of which CPython itself may die."""

DEEP = {
    "a call in a call": "def deeper(n): return deeper(n + 1)\ndeeper(0)",
    "100,000 calls": """
        sys.setrecursionlimit(10 ** 6)
        def deeper(n): return n and deeper(n - 1)
        deeper(100_000)
        return Response("survived")
    """,
    "JSON": "json.loads('[' * 100_000)",
    "parentheses": "compile('(' * 100_000 + ')' * 100_000, 'deep', 'eval')",
    "a repr": "deep = []\nfor _ in range(100_000): deep = [deep]\nreturn Response(repr(deep))",
    "a destructor": """
        deep = []
        for _ in range(1_000_000): deep = [deep]
        del deep
        return Response("survived")
    """,
    "a comparison": """
        one, two = [], []
        for _ in range(100_000): one, two = [one], [two]
        return Response(str(one == two))
    """,
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
async def test_a_memory_bomb_is_ended(arena: Arena, body: str) -> None:
    outcome = await arena.run(body, limits=SMALL)

    assert isinstance(outcome.error, MemoryLimitExceeded)
    assert "used more than 64 MB of memory" in str(outcome.error)
    assert "memory_limit_mb" in str(outcome.error)


@pytest.mark.parametrize("body", UNBEARABLE.values(), ids=UNBEARABLE)
async def test_memory_that_ends_where_cpython_cannot_bear_it_ends_the_instance(
    arena: Arena, body: str
) -> None:
    outcome = await arena.run(body, limits=SMALL)

    assert isinstance(outcome.error, MemoryLimitExceeded | InstanceFaulted)


async def test_who_catches_a_memory_error_goes_on_within_the_limit(arena: Arena) -> None:
    outcome = await arena.run(
        """
        kept = []
        try:
            while True: kept.append(bytes(1_000_000))
        except MemoryError:
            count = len(kept)
            del kept
        return Response.json(count)
        """,
        limits=SMALL,
    )

    assert 1 <= int(outcome.text()) < 64


async def test_memory_is_given_back(arena: Arena) -> None:
    async def hold() -> None:
        await arena.run("kept = bytes(40_000_000)\nreturn Response('x')", limits=SMALL)

    await asyncio.gather(*(hold() for _ in range(4)))
    before = sum(map(private_mb, arena.sandbox.worker_pids))
    await asyncio.gather(*(hold() for _ in range(24)))
    await asyncio.sleep(0.5)

    assert sum(map(private_mb, arena.sandbox.worker_pids)) < before + 40


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
async def test_depth_ends_the_instance_at_worst(arena: Arena, body: str) -> None:
    outcome = await arena.run(body, limits=SMALL)

    match outcome.error:
        case None:
            assert outcome.text() in ("survived", "True")
        case InstanceFaulted():
            assert "call stack exhausted" in str(outcome.error)
        case FunctionFailed():
            assert "RecursionError" in str(outcome.error)
        case error:
            assert isinstance(error, MemoryLimitExceeded)


@pytest.mark.parametrize(
    "body",
    [
        "return Response(b'x' * 3_000_000)",
        "return Response.stream(b'x' * 1000 for _ in range(10_000))",
        "from wit_world.imports import response\n"
        "response.head(200, '[]')\nresponse.write('x' * 3_000_000)\nreturn Response('')",
    ],
    ids=["whole", "streamed", "past the guest's own code"],
)
async def test_a_giant_response_is_cut_off_and_said_so(arena: Arena, body: str) -> None:
    outcome = await arena.run(body, limits=SMALL)

    assert isinstance(outcome.error, ResponseLimitExceeded)
    assert "used more than 2 MB of response" in str(outcome.error)
    assert len(outcome.body) <= 2_000_000


async def test_a_flood_on_the_console_is_cut_off_and_said_so(arena: Arena) -> None:
    outcome = await arena.run(
        "for _ in range(5000): print('x' * 1000)\nprint('y' * 10_000_000)\nreturn Response('done')",
        limits=SMALL,
    )

    assert outcome.text() == "done"
    assert len(outcome.console("stdout")) == 1_000_000
    assert outcome.console("edgelet") == "more than 1 MB were printed; the rest is dropped\n"
