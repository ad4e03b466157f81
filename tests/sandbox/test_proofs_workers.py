"""Worker processes that are killed, frozen or thought so, while many requests are under way."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from edgelet import EdgeletError, Request
from edgelet_host.sandbox import Function, Grants, workers
from edgelet_host.sandbox.errors import WorkerLost
from tests.sandbox.attacks import Arena
from tests.sandbox.attacks import arena as new_arena
from tests.sandbox.proofs import undisturbed

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT = Function.of_source(
    """
import asyncio
from edgelet import Response, serve

@serve
async def handler(request):
    async def numbers():
        for n in range(10):
            yield f"{request.query['n']} "
            await asyncio.sleep(0.01)
    return Response.stream(numbers())
""",
    "counting",
)


async def count(arena: Arena, number: int) -> str:
    """What became of a request: `right`, `lost` with a reason, or whatever else it was."""
    try:
        answer = await arena.sandbox.respond(
            COUNT, Request(f"http://localhost/?n={number}"), grants=Grants(env={})
        )
        text = await answer.text()
    except EdgeletError as error:
        told = "was not tried again, because it may have had effects" in str(error)
        return "lost" if told and isinstance(error, WorkerLost) else repr(error)
    return "right" if text == f"{number} " * 10 else f"wrong: {text!r}"


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def until(arena: Arena, gone: int) -> None:
    """Wait until there are two workers, none of which is that one."""
    async with asyncio.timeout(60):
        while len(pids := arena.sandbox.worker_pids) < 2 or gone in pids:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_of_two_workers_killed_in_turn_under_load_nothing_is_lost_silently() -> None:
    async with new_arena(concurrent_instances=8) as arena:
        await arena.sandbox.compiled(COUNT)
        asking = [asyncio.create_task(count(arena, number)) for number in range(120)]
        for _ in range(3):
            await asyncio.sleep(0.2)
            killed = arena.sandbox.worker_pids[0]
            os.kill(killed, signal.SIGKILL)
            await until(arena, killed)
            assert not is_there(killed)
        outcomes = Counter(await asyncio.gather(*asking))

        assert set(outcomes) <= {"right", "lost"}, outcomes
        assert outcomes.total() == 120
        assert outcomes["lost"] <= 3 * 4, "four slots each"
        assert outcomes["right"] >= 120 - 3 * 4
        async with undisturbed(arena):
            assert await count(arena, 7) == "right"


async def test_a_frozen_worker_is_killed_and_what_it_held_is_told_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "_PING_SECONDS", 0.2)
    async with new_arena(concurrent_instances=2) as arena:
        await arena.sandbox.compiled(COUNT)
        frozen = arena.sandbox.worker_pids[0]
        os.kill(frozen, signal.SIGSTOP)
        outcomes = await asyncio.gather(*(count(arena, number) for number in range(20)))
        await until(arena, frozen)

        assert Counter(outcomes) == {"right": 19, "lost": 1}
        assert not is_there(frozen)
        async with undisturbed(arena):
            pass


async def test_a_server_that_was_held_up_itself_does_not_kill_its_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "_PING_SECONDS", 0.2)
    async with new_arena() as arena, undisturbed(arena):
        for pid in arena.sandbox.worker_pids:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(0.3)  # both have been asked, and are not heard yet
        for pid in arena.sandbox.worker_pids:
            os.kill(pid, signal.SIGCONT)
        time.sleep(2.0)  # noqa: ASYNC251 (what is proved)
        await asyncio.sleep(0.6)


async def test_a_worker_that_cannot_begin_is_tried_again_and_complained_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with new_arena() as arena:
        killed = arena.sandbox.worker_pids[0]
        with monkeypatch.context() as patched:
            patched.setattr(workers.sys, "executable", "/nonexistent")
            os.kill(killed, signal.SIGKILL)
            async with asyncio.timeout(30):
                while not arena._printed:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        assert "a worker could not be started" in arena._printed[0].text
        await until(arena, killed)
        async with undisturbed(arena):
            pass


async def test_the_environment_of_a_worker_has_nothing_of_the_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "s3cret")
    async with new_arena() as arena:
        for pid in arena.sandbox.worker_pids:
            assert environment(pid) in (b"", b"LC_CTYPE=C.UTF-8\0")
