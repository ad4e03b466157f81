"""Functions that take memory where it is not their own: in the worker, in the server, for good."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from edgelet_host.sandbox import Grants, Limits
from edgelet_host.sandbox.errors import (
    CpuLimitExceeded,
    InstanceFaulted,
    MemoryLimitExceeded,
    ResponseLimitExceeded,
)
from tests.sandbox.attacks import Arena
from tests.sandbox.proofs import given_back, own_memory_mb, past_core, undisturbed
from tests.sandbox.running import AT_LEISURE
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head

pytestmark = pytest.mark.asyncio(loop_scope="module")

SMALL = replace(AT_LEISURE, memory_limit_mb=64)
LARGE = replace(AT_LEISURE, memory_limit_mb=512)
SHORT_AND_SMALL = Limits(
    memory_limit_mb=64, cpu_time_soft_limit_ms=2_000, cpu_time_hard_limit_ms=2_000
)
ROOM_MB = 150
"""For both workers, which hold 50 to 80 MB with their instances that are ready."""

BOMBS = {
    "bytes": "kept = []\nwhile True: kept.append(bytes(1_000_000))",
    "small objects": "kept = []\nwhile True: kept.append([kept])",
    "classes": "kept = []\nwhile True: kept.append(type('A', (), {}))",
    "tasks": "kept = []\nwhile True: kept.append(asyncio.create_task(asyncio.sleep(1)))",
    "functions": "kept = []\nwhile True: kept.append(lambda: kept)",
    "texts": "kept = []\nwhile True: kept.append(str(len(kept)) * 10_000)",
    "a set": "kept = set()\nwhile True: kept.add(len(kept))",
    "an array": "import array\narray.array('d', bytes(8)) * 10 ** 8",
    "a large integer": "1 << 10 ** 10",
    "a table in memory": """
        import sqlite3
        table = sqlite3.connect(":memory:")
        table.execute("CREATE TABLE t (b BLOB)")
        while True: table.execute("INSERT INTO t VALUES (zeroblob(1000000))")
    """,
    "a compressed bomb": """
        import zlib
        packer, bomb = zlib.compressobj(), b""
        for _ in range(100): bomb += packer.compress(bytes(1_000_000))
        zlib.decompress(bomb + packer.flush())
    """,
    "a format": "'%1000000000d' % 1",
    "a body": "return Response('x' * 10 ** 9)",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
async def test_a_bomb_is_ended_and_its_memory_given_back(watched: Arena, body: str) -> None:
    outcome = await watched.run(body, limits=SMALL)

    if "sqlite3" in body:  # which says so in words of its own
        assert "MemoryError" in str(outcome.error) or isinstance(outcome.error, MemoryLimitExceeded)
    else:
        assert isinstance(outcome.error, MemoryLimitExceeded), outcome
        assert "used more than 64 MB of memory; allow more with memory_limit_mb" in str(
            outcome.error
        )
    await given_back(watched, ROOM_MB)


async def test_who_swallows_every_memory_error_stays_within_the_limit(watched: Arena) -> None:
    before = own_memory_mb(watched.sandbox.worker_pids)
    outcome = await watched.run(
        """
        kept = []
        while True:
            try:
                while True: kept.append(bytearray(10_000))
            except MemoryError:
                print("full")
        """,
        limits=SHORT_AND_SMALL,
    )

    assert isinstance(outcome.error, CpuLimitExceeded)
    assert "full" in outcome.console("stdout")
    await given_back(watched, max(ROOM_MB, before))


@pytest.mark.parametrize("compressed", [False, True], ids=["as it is", "as a bomb of gzip"])
async def test_an_answer_that_is_larger_than_the_memory_ends_who_reads_it(
    watched: Arena, compressed: bool
) -> None:
    size = 100_000_000
    script = [Head(), Body(bytes(size))]
    if compressed:
        script = [Head(headers={"content-encoding": "gzip"}), Body(gzip.compress(bytes(size)))]
    with ScriptedServer(script) as server:
        grants = Grants(env={"AI_INFERENCE_API_HOST": server.url})
        whole = f"answer = await fetch('{server.url}')\nreturn Response(await answer.bytes())"
        pieces = f"""
            answer, size = await fetch("{server.url}"), 0
            async for piece in answer.body:
                size += len(piece)
            return Response(str(size))
        """
        first = await watched.run(whole, limits=SMALL, grants=grants)
        second = await watched.run(pieces, limits=LARGE, grants=grants)

    assert isinstance(first.error, MemoryLimitExceeded)
    assert second.text() == str(size), "whoever reads piece by piece has room for all of them"
    await given_back(watched, ROOM_MB)


@pytest.mark.parametrize("piece", [100, 1_000, 10_000])
async def test_an_answer_that_comes_when_the_memory_is_full_ends_who_reads_it(
    watched: Arena, piece: int
) -> None:
    """The component model has no word for that: what does not fit would overwrite the instance."""
    with ScriptedServer([Head(), Body(bytes(200_000))]) as server:
        outcome = await watched.run(
            f"""
            answer, kept = await fetch("{server.url}"), []
            try:
                while True: kept.append(bytearray({piece}))
            except MemoryError:
                pass
            return Response(await answer.bytes())
            """,
            limits=SMALL,
            grants=Grants(env={"AI_INFERENCE_API_HOST": server.url}),
        )

    assert isinstance(outcome.error, MemoryLimitExceeded)


async def test_answers_that_are_never_taken_count_as_memory(shared_arena: Arena) -> None:
    async with undisturbed(shared_arena):
        pass
    before = own_memory_mb(shared_arena.sandbox.worker_pids)

    with ScriptedServer([Head(), Body(bytes(150_000_000))]) as server:
        async with undisturbed(shared_arena):
            outcome = await shared_arena.run(
                past_core(
                    f"""
                    response_number = json.loads(answer(send("{server.url}")))["response"]
                    while True:
                        effects.receive(response_number)
                        effects.pause(0.005)
                    """
                ),
                limits=SMALL,
                grants=Grants(env={"AI_INFERENCE_API_HOST": server.url}),
            )

    assert isinstance(outcome.error, MemoryLimitExceeded)
    # Nobody is asked meanwhile, so that it is not by chance that the 64 MB are collected.
    await given_back(shared_arena, before + 40)


HUGE = {
    "a head of empty lists": "response.head(200, '[' + '[],' * 20_000_000 + '[]]')",
    "a head that grows as JSON": "response.head(200, '[[\"a\", \"' + 'é' * 20_000_000 + '\"]]')",
    "a head of control characters": "response.head(200, json.dumps([['a', '\\1' * 9_000_000]]))",
    "a deep head": "response.head(200, '[' * 200_000)",
    "a text of all bytes": "response.head(200, '[]')\nresponse.write('\\u0100')",
}


@pytest.mark.parametrize("body", HUGE.values(), ids=HUGE)
async def test_a_head_is_measured_before_it_is_read(watched: Arena, body: str) -> None:
    outcome = await watched.run(past_core(f"{body}\nreturn Response('x')"), limits=LARGE)

    assert "the request was ended: it" in str(outcome.error), outcome
    await given_back(watched, ROOM_MB)


QUESTIONS = {
    "headers": "send('http://127.0.0.1/', '[' + '[],' * 9_000_000 + '[]]')",
    "a URL": "send('http://127.0.0.1/' + 'é' * 9_000_000)",
    "a method": "send('http://127.0.0.1/', method='A' * 9_000_000)",
    "a text": "effects.encode(1, 'é' * 9_000_000)",
    "lengths": "effects.run_model(1, '', 'x' * 9_000_000, 'sentence_embedding', False)",
    "a model's name": "effects.open_model('x' * 9_000_000, None)",
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
async def test_a_question_is_measured_before_it_is_sent(watched: Arena, question: str) -> None:
    outcome = await watched.run(
        past_core(f"return Response(answer({question}))"),
        limits=LARGE,
        grants=Grants(env={}, allow_hosts=("127.0.0.1",)),
    )

    assert outcome.text() == "exchange: a question may have 4 MB of text at most"


async def test_a_write_that_no_limit_allows_does_not_reach_the_server(watched: Arena) -> None:
    body = "response.head(200, '[]')\nresponse.write('x' * {})\nreturn Response('')"
    outcome = await watched.run(past_core(body.format(110_000_000)), limits=LARGE)
    assert isinstance(outcome.error, ResponseLimitExceeded)
    assert "used more than 100 MB of response; allow more with response_limit_mb" in str(
        outcome.error
    )

    outcome = await watched.run(past_core(body.format(200_000_000)), limits=LARGE)
    assert isinstance(outcome.error, InstanceFaulted)
    assert "too much data is being copied" in str(outcome.error)
    await given_back(watched, ROOM_MB)
