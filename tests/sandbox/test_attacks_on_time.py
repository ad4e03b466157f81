"""Functions that would run for ever. Each is ended, by the limit that it passed, and told so."""

from __future__ import annotations

import time

import pytest

from edgelet_host.sandbox import Grants, Limits
from edgelet_host.sandbox.errors import CpuLimitExceeded, WallClockLimitExceeded
from tests.sandbox.attacks import SHORT, Arena
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Stall

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPUTING = {
    "a loop": "while True: pass",
    "a loop that swallows everything": """
        while True:
            try:
                while True: pass
            except BaseException: pass
    """,
    "a finally that never ends": """
        try:
            raise ValueError
        finally:
            while True: pass
    """,
    "a catastrophic regex": "re.match(r'(a+)+$', 'a' * 64 + 'b')",
    "a huge power": "return Response(str(9 ** (9 ** 9)))",
    "a huge sum in C": "sum(range(10 ** 12))",
    "a sort of C": "sorted(range(3 * 10 ** 6), key=str); sorted(range(3 * 10 ** 6), key=str)",
    "one that never yields": """
        async def busy():
            for _ in range(10 ** 10): pass
        await asyncio.gather(busy(), asyncio.sleep(0))
    """,
    "a callback for ever": """
        loop = asyncio.get_running_loop()
        def again(): loop.call_soon(again)
        again()
        await asyncio.Event().wait()
    """,
    "a destructor": """
        class Never:
            def __del__(self):
                while True: pass
        del (lambda: Never())().__class__
    """,
    "after the response has begun": """
        async def chunks():
            yield "first"
            while True: pass
        return Response.stream(chunks())
    """,
}

WAITING = {
    "time.sleep": "time.sleep(1000)",
    "asyncio.sleep": "await asyncio.sleep(1000)",
    "an event that nobody sets": "await asyncio.Event().wait()",
    "sleeping in a loop that swallows": """
        while True:
            try: time.sleep(1000)
            except BaseException: pass
    """,
    "one that is shielded from being cancelled": """
        async def stubborn():
            while True:
                try: await asyncio.sleep(1000)
                except asyncio.CancelledError: pass
        await asyncio.shield(stubborn())
    """,
}


@pytest.mark.parametrize("body", COMPUTING.values(), ids=COMPUTING)
async def test_who_computes_for_ever_is_ended(arena: Arena, body: str) -> None:
    began = time.monotonic()
    outcome = await arena.run(body)

    assert isinstance(outcome.error, CpuLimitExceeded)
    assert "used more than 600 ms of CPU time" in str(outcome.error)
    assert "cpu_time_hard_limit_ms" in str(outcome.error)
    assert "300 ms of CPU time are used" in outcome.console("edgelet")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("body", WAITING.values(), ids=WAITING)
async def test_who_waits_for_ever_is_ended(arena: Arena, body: str) -> None:
    began = time.monotonic()
    outcome = await arena.run(body, limits=Limits(worker_timeout_ms=700))

    assert isinstance(outcome.error, WallClockLimitExceeded)
    assert "used more than 700 ms of time" in str(outcome.error)
    assert 0.6 < time.monotonic() - began < 5


async def test_who_waits_for_the_host_is_ended_and_the_connection_with_it(arena: Arena) -> None:
    with ScriptedServer([Stall()]) as server:
        outcome = await arena.run(
            "return Response.json(await Session('mistral').run('Why?'))",
            limits=Limits(worker_timeout_ms=700),
            grants=Grants(env={"AI_INFERENCE_API_HOST": server.url}),
        )

        assert isinstance(outcome.error, WallClockLimitExceeded)
        server.wait_until_client_left()


async def test_what_was_sent_before_the_end_arrives(arena: Arena) -> None:
    outcome = await arena.run(COMPUTING["after the response has begun"])

    assert (outcome.status, outcome.body) == (200, b"first")
    assert isinstance(outcome.error, CpuLimitExceeded)


async def test_waiting_is_no_computing(arena: Arena) -> None:
    outcome = await arena.run("await asyncio.sleep(1.5); time.sleep(0.5); return Response('done')")

    assert (outcome.error, outcome.text()) == (None, "done")


async def test_a_module_that_never_loads_is_ended(arena: Arena) -> None:
    from edgelet_host.sandbox import Function

    outcome = await arena.run(Function.of_source("while True: pass", "attacker"), limits=SHORT)

    assert isinstance(outcome.error, CpuLimitExceeded)
