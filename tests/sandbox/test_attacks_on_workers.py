"""Worker processes that die or freeze under load: nothing is lost silently, and they come back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from edgelet import EdgeletError, Request
from edgelet_host.sandbox import Grants
from edgelet_host.sandbox.errors import QueueFull, WorkerLost
from tests.sandbox.attacks import Arena, attack
from tests.sandbox.attacks import arena as new_arena

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAIT = attack("await asyncio.sleep(0.1)\nreturn Response(request.query['n'])", "waiting")


async def ask(arena: Arena, number: int, counts: Counter[str]) -> None:
    request = Request(f"http://localhost/?n={number}")
    try:
        response = await arena.sandbox.respond(WAIT, request, grants=Grants(env={}))
        counts["right" if await response.text() == str(number) else "wrong"] += 1
    except WorkerLost as lost:
        counts[f"lost: {'died' in str(lost)}"] += 1
    except EdgeletError as error:
        counts[str(error)] += 1


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def replaced(arena: Arena, before: list[int]) -> None:
    deadline = time.monotonic() + 30
    while len(now := arena.sandbox.worker_pids) < 2 or set(now) == set(before):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGABRT])
async def test_a_worker_that_dies_under_load_loses_only_what_it_held(
    shared_arena: Arena, how: signal.Signals
) -> None:
    await shared_arena.ask_neighbour()
    counts: Counter[str] = Counter()
    asking = [asyncio.create_task(ask(shared_arena, n, counts)) for n in range(150)]
    await asyncio.sleep(0.15)
    before = shared_arena.sandbox.worker_pids
    os.kill(before[0], how)
    await asyncio.gather(*asking)

    assert counts["right"] + counts["lost: True"] == 150, counts
    assert 1 <= counts["lost: True"] <= 32
    await replaced(shared_arena, before)
    await shared_arena.ask_neighbour()
    assert not is_alive(before[0])


@pytest.mark.parametrize("silence", [0.0, 1.5], ids=["at once", "after a silence"])
async def test_whoever_streams_from_a_worker_that_dies_is_told(
    shared_arena: Arena, silence: float
) -> None:
    stream = attack(
        "async def chunks():\n    yield 'first'\n    await asyncio.sleep(60)\n"
        "return Response.stream(chunks())"
    )
    response = await shared_arena.sandbox.respond(stream, Request("http://localhost/"))
    body = aiter(response.body)
    assert await anext(body) == b"first"
    before = shared_arena.sandbox.worker_pids
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(silence)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(WorkerLost, match=r"signal 9.*was not tried again"):
        await anext(body)
    await replaced(shared_arena, before)
    await shared_arena.ask_neighbour()


async def test_a_queue_that_is_full_refuses_at_once() -> None:
    async with new_arena(concurrent_instances=2, queue_length=3) as arena:
        await arena.sandbox.compiled(WAIT)
        slow = attack("await asyncio.sleep(0.5)\nreturn Response('done')")
        await arena.sandbox.compiled(slow)
        asking = [asyncio.create_task(arena.run(slow)) for _ in range(5)]
        await asyncio.sleep(0.2)
        refused = await arena.run(slow)
        answered = await asyncio.gather(*asking)

        assert isinstance(refused.error, QueueFull)
        assert "all 2 instances are busy and 3 requests wait already" in str(refused.error)
        assert [each.text() for each in answered] == ["done"] * 5


async def test_who_leaves_the_queue_leaves_its_place_to_the_next() -> None:
    async with new_arena(concurrent_instances=2, queue_length=10) as arena:
        slow = attack("await asyncio.sleep(0.3)\nreturn Response('done')")
        await arena.sandbox.compiled(slow)
        asking = [asyncio.create_task(arena.run(slow)) for _ in range(6)]
        await asyncio.sleep(0.1)
        for task in asking[2:4]:
            task.cancel()
        results = await asyncio.gather(*asking, return_exceptions=True)

        assert [isinstance(each, asyncio.CancelledError) for each in results] == (
            [False, False, True, True, False, False]
        )


async def test_the_end_of_the_sandbox_leaves_no_process() -> None:
    async with new_arena() as arena:
        pids = arena.sandbox.worker_pids
        busy = asyncio.create_task(arena.run("while True: pass"))
        await asyncio.sleep(0.2)

    await asyncio.wait([busy])
    assert not any(map(is_alive, pids))
