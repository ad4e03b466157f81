"""Limits that fire on time and are told by name; retries that were asked for."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from edgelet import (
    AbortController,
    BetweenChunksTimeout,
    ConnectionFailed,
    ConnectTimeout,
    FirstChunkTimeout,
    InferenceHostError,
    Session,
    TotalTimeout,
)
from edgelet.effects import TransportFailed
from edgelet.testing import FakeHost, FakeResponse
from tests.core.slow_host import SESSION, SlowHost, collect, line


async def test_the_first_chunk_limit_counts_from_the_request() -> None:
    with (
        SlowHost([0.1, 5], responses=[FakeResponse([line("a")])]) as host,
        pytest.raises(FirstChunkTimeout, match=r"waited 0\.2 s for the first chunk"),
    ):
        await SESSION.run("Why?", first_chunk_timeout=0.2)

    assert host.closed == 1


async def test_the_between_chunks_limit_counts_each_silence() -> None:
    response = FakeResponse([line("a"), line("b"), line("c"), line("d")])
    with SlowHost([0, 0, 0.1, 0.1, 5], responses=[response]):
        chunks, error = await collect(between_chunks_timeout=0.25)

    assert len(chunks) == 3
    assert isinstance(error, BetweenChunksTimeout)


async def test_a_pause_of_the_reader_is_no_silence_of_the_server() -> None:
    with FakeHost(responses=[FakeResponse([line("a"), line("b", done=True)])]):
        stream = await SESSION.run("Why?", stream=True, between_chunks_timeout=0.05)
        async for _ in stream:
            await asyncio.sleep(0.1)


async def test_the_total_limit_ends_an_answer_however_lively() -> None:
    response = FakeResponse([line("a")] * 100)
    with SlowHost([0.05] * 100, responses=[response]) as host:
        chunks, error = await collect(timeout=0.3)

    assert 0 < len(chunks) < 10
    assert isinstance(error, TotalTimeout)
    assert host.closed == 1


async def test_the_total_limit_bounds_the_head_too() -> None:
    with SlowHost([5]), pytest.raises(TotalTimeout, match=r"waited 0\.1 s for the call"):
        await SESSION.run("Why?", timeout=0.1)


async def test_the_total_limit_bounds_an_embedding() -> None:
    class Stuck(FakeHost):
        async def open_model(self, effect: Any) -> Any:
            await asyncio.sleep(5)

    with Stuck(), pytest.raises(TotalTimeout):
        await Session("gte-small").run("a", timeout=0.1)


async def test_without_limits_nothing_fires() -> None:
    limits = dict.fromkeys(
        ("timeout", "connect_timeout", "first_chunk_timeout", "between_chunks_timeout")
    )
    with SlowHost([0.05] * 3, responses=[FakeResponse([line("a", done=True)])]):
        chunks, error = await collect(**limits)

    assert (len(chunks), error) == (1, None)


async def test_a_connection_that_takes_too_long_names_its_limit() -> None:
    with (
        FakeHost(responses=[TransportFailed("connect timeout", "slow")]),
        pytest.raises(ConnectTimeout, match=r"allow more with connect_timeout="),
    ):
        await SESSION.run("Why?")


async def test_nothing_is_sent_again_unless_asked() -> None:
    with FakeHost(responses=[TransportFailed("connect", "refused")] * 2) as host:
        with pytest.raises(ConnectionFailed):
            await SESSION.run("Why?")
        assert len(host.requests) == 1


async def test_retries_are_made_and_told(caplog: pytest.LogCaptureFixture) -> None:
    busy = FakeResponse([b'{"error": "busy"}'], status=503, headers={"retry-after": "0"})
    good = FakeResponse([line("a", done=True)])
    with (
        caplog.at_level(logging.WARNING, "edgelet"),
        FakeHost(responses=[busy, TransportFailed("connect", "refused"), good]) as host,
    ):
        answer = await SESSION.run("Why?", retries=2)

    assert answer["response"] == "a"
    assert len(host.requests) == 3
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "retry 1 of 2 in 0.5 s",
        "retry 2 of 2 in 1 s",
    ]


async def test_the_last_retry_fails_with_the_servers_words() -> None:
    busy = FakeResponse([b'{"error": "busy"}'], status=429, headers={"retry-after": "soon"})
    with (
        FakeHost(responses=[busy, busy]),
        pytest.raises(InferenceHostError, match="429: busy"),
    ):
        await SESSION.run("Why?", retries=1)


async def test_a_refusal_is_not_sent_again() -> None:
    refusal = FakeResponse([b'{"error": "no such model"}'], status=404)
    with FakeHost(responses=[refusal, refusal]) as host:
        with pytest.raises(InferenceHostError):
            await SESSION.run("Why?", retries=3)
        assert len(host.requests) == 1


async def test_a_passed_deadline_is_not_sent_again() -> None:
    with SlowHost([5, 5]) as host:
        with pytest.raises(FirstChunkTimeout):
            await SESSION.run("Why?", retries=1, first_chunk_timeout=0.1)
        assert len(host.requests) == 0


async def test_a_retry_that_cannot_happen_in_time_is_not_waited_for() -> None:
    busy = FakeResponse([b'{"error": "busy"}'], status=429, headers={"retry-after": "30"})
    with (
        FakeHost(responses=[busy, busy]) as host,
        pytest.raises(InferenceHostError, match="429: busy"),
    ):
        await SESSION.run("Why?", retries=2, timeout=0.2)

    assert len(host.requests) == 1


async def test_an_error_body_that_stalls_does_not_hold_back_the_status() -> None:
    response = FakeResponse([b'{"error": "no model"}', b"never"], status=404)
    with (
        SlowHost([0, 0, 60], responses=[response]),
        pytest.raises(InferenceHostError, match="404: no model"),
    ):
        await asyncio.wait_for(SESSION.run("Why?"), 10)


async def test_a_deadline_that_passed_first_is_the_one_that_is_told() -> None:
    class SlowToLeave(FakeHost):
        async def receive(self, response: Any) -> list[bytes]:
            try:
                await asyncio.sleep(5)
            finally:
                await asyncio.sleep(0.1)
            return []

    controller = AbortController()
    asyncio.get_running_loop().call_later(0.1, controller.abort)
    with SlowToLeave(reply="a"), pytest.raises(TotalTimeout):
        await SESSION.run("Why?", timeout=0.05, signal=controller.signal)
