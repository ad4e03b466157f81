"""Functions that hold the processor from where Python code has no say, or before they are asked."""

from __future__ import annotations

import asyncio
import time

import pytest

from edgelet_host.sandbox import Function, Limits
from edgelet_host.sandbox.errors import (
    CpuLimitExceeded,
    FunctionFailed,
    InstanceFaulted,
    WallClockLimitExceeded,
)
from tests.sandbox.attacks import SHORT, Arena
from tests.sandbox.attacks import arena as new_arena
from tests.sandbox.proofs import past_core, undisturbed

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPUTING = {
    "SQLite's C code": """
        import sqlite3
        endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT * FROM c"
        sqlite3.connect(":memory:").execute(f"SELECT max(x) FROM ({endless})").fetchall()
    """,
    "a search in C": "while True: (b'a' * 1_000_000).count(b'aa')",
    "a trace function": """
        def never(*_):
            while True: pass
        sys.settrace(never)
        (lambda: None)()
    """,
    "an error that describes itself for ever": """
        class Error(Exception):
            def __str__(self):
                while True: pass
        raise Error
    """,
    "a header whose text is never done": """
        class Text(str):
            def lower(self):
                while True: pass
        return Response("", headers=[(Text("a"), "b")])
    """,
    "an import hook": """
        class Finder:
            def find_spec(self, *_):
                while True: pass
        sys.meta_path.insert(0, Finder())
        import nothing
    """,
    "tasks that breed": """
        async def breed():
            asyncio.create_task(breed())
            await asyncio.sleep(0)
        await breed()
        await asyncio.Event().wait()
    """,
}

FLOODS = {
    "nothing to the console": "while True: console.write('stdout', '')",
    "letters to the console": "while True: console.write('stdout', 'x')",
    "nothing to the response": "response.head(200, '[]')\nwhile True: response.write('')",
    "a wait for nothing": "while True: effects.wait(0.0)",
    "tickets given up": "while True: effects.cancel(effects.read_request())",
    "responses closed": "while True: effects.close(7)",
    "models opened": "while True: effects.open_model('all-MiniLM-L6-v2', None)",
    "modules asked for": "while True: modules.source('main')",
    "files asked for": "while True:\n    try: files.read('/etc/passwd')\n    except Err: pass",
}

FOR_EVER = {
    "a wait without end": "effects.wait(None)",
    "a wait for infinity": "effects.wait(float('inf'))",
    "a pause for infinity": "effects.pause(float('inf'))",
    "pauses without end": "while True: effects.pause(0.2)",
    "a stream that trickles": """
        async def chunks():
            while True:
                yield "drop"
                await asyncio.sleep(0.1)
        return Response.stream(chunks())
    """,
}

BLOCKING = {
    "select": "import select\nselect.select([], [], [], 3600)",
    "poll": "import select\nselect.poll().poll(3_600_000)",
    "a lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "a queue": "import queue\nqueue.Queue().get()",
}

NUMBERS = ["float('nan')", "float('-inf')", "-1.0", "0.0", "5e-324"]


@pytest.mark.parametrize("body", COMPUTING.values(), ids=COMPUTING)
async def test_who_computes_in_odd_places_is_ended(watched: Arena, body: str) -> None:
    began = time.monotonic()
    outcome = await watched.run(body)

    assert isinstance(outcome.error, CpuLimitExceeded)
    assert "used more than 600 ms of CPU time" in str(outcome.error)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("body", FLOODS.values(), ids=FLOODS)
async def test_who_floods_the_host_is_ended_and_disturbs_nobody(watched: Arena, body: str) -> None:
    outcome = await watched.run(past_core(body))

    assert isinstance(outcome.error, CpuLimitExceeded | WallClockLimitExceeded)


@pytest.mark.parametrize("body", FOR_EVER.values(), ids=FOR_EVER)
async def test_who_waits_past_core_is_ended(watched: Arena, body: str) -> None:
    began = time.monotonic()
    outcome = await watched.run(past_core(body), limits=Limits(worker_timeout_ms=500))

    assert isinstance(outcome.error, WallClockLimitExceeded)
    assert "used more than 500 ms of time; allow more with worker_timeout_ms" in str(outcome.error)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("body", BLOCKING.values(), ids=BLOCKING)
async def test_what_would_block_ends_the_instance_at_once(watched: Arena, body: str) -> None:
    outcome = await watched.run(body)

    assert isinstance(outcome.error, InstanceFaulted)


@pytest.mark.parametrize("number", NUMBERS)
async def test_odd_numbers_of_seconds_are_no_time_at_all(watched: Arena, number: str) -> None:
    outcome = await watched.run(
        past_core(f"effects.pause({number})\nreturn Response('awake')"),
        limits=Limits(worker_timeout_ms=5_000),
    )

    assert outcome.text() == "awake"


SLEEPS = "import time\ntime.sleep(4)\n"
SPINS = "import time\nend = time.monotonic() + 4\nwhile time.monotonic() < end: pass\n"
SERVES = (
    "from edgelet import Response, serve\n@serve\ndef handler(request): return Response('slow')\n"
)
PATIENT = Limits(
    cpu_time_soft_limit_ms=9_000, cpu_time_hard_limit_ms=9_000, worker_timeout_ms=9_000
)


@pytest.mark.parametrize("loads", [SLEEPS, SPINS], ids=["sleeps", "spins"])
async def test_a_function_that_loads_slowly_keeps_nobody_waiting(
    shared_arena: Arena, loads: str
) -> None:
    """After a request its instance is made ahead, in a slot that anybody may be given."""
    async with undisturbed(shared_arena, soon=3.0):
        outcome = await shared_arena.run(Function.of_source(loads + SERVES), limits=PATIENT)
        assert outcome.text() == "slow", outcome

        async with asyncio.timeout(3.0):
            other = [Function.of_source(SERVES, f"other-{n}") for n in range(8)]
            answers = await asyncio.gather(*(shared_arena.run(each) for each in other))
        assert [each.text() for each in answers] == ["slow"] * 8


async def test_a_slow_load_ahead_does_not_cost_the_next_request_its_worker(
    shared_arena: Arena,
) -> None:
    """The server counts from when a slot is given the request, the slot from when it begins."""
    stubborn = Function.of_source(
        "import asyncio, time\nfrom edgelet import serve\ntime.sleep(2.5)\n"
        "@serve\nasync def handler(request): await asyncio.sleep(60)\n"
    )
    async with undisturbed(shared_arena):
        for _ in range(2):
            outcome = await shared_arena.run(stubborn, limits=Limits(worker_timeout_ms=3_000))
            assert isinstance(outcome.error, WallClockLimitExceeded), outcome


@pytest.mark.parametrize("turns", range(0, 12, 2))
async def test_a_request_that_is_cancelled_as_it_begins_frees_its_slot(turns: int) -> None:
    """Before it is sent, before its code is asked for, before that arrives, or soon after."""
    endless = Function.of_source(
        "import asyncio\nfrom edgelet import serve\n"
        "@serve\nasync def handler(request): await asyncio.sleep(60)\n"
    )
    async with new_arena(concurrent_instances=2) as arena:
        await arena.sandbox.compiled(endless)
        await arena.ask_neighbour()
        for _ in range(2):
            asking = [
                asyncio.create_task(arena.run(endless, limits=Limits(worker_timeout_ms=60_000)))
                for _ in range(2)
            ]
            while len(arena.sandbox._exchanges) < 2:  # noqa: ASYNC110 (no later than that)
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            for each in asking:
                each.cancel()
            async with asyncio.timeout(10):
                await asyncio.gather(*(arena.ask_neighbour() for _ in range(4)))


async def test_an_error_of_endless_words_is_told_in_few(watched: Arena) -> None:
    """Its class's name and its message are the function's to choose, and read by the server."""
    for raising in (
        "raise type('A' * 5_000_000, (Exception,), {})('x')",
        "raise ValueError('\\0' * 20_000_000)",
        "raise ValueError('\\n' * 5_000_000)",
        "raise ValueError('é.' * 5_000_000)",
    ):
        outcome = await watched.run(raising, limits=PATIENT)

        assert isinstance(outcome.error, FunctionFailed)
        assert len(str(outcome.error)) < 100_000
        assert len(outcome.error.traceback) < 100_000


async def test_a_module_of_endless_source_is_refused_in_few_words(watched: Arena) -> None:
    deep = Function.of_source(f"x = {'(' * 50_000}{')' * 50_000}")
    outcome = await watched.run(deep, limits=SHORT)

    assert outcome.error is not None
    assert len(str(outcome.error)) < 1_000
