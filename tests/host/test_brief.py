"""A text that is alone and quickly done runs on the event loop's own thread; all else elsewhere."""

from __future__ import annotations

import asyncio
import math
import threading
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgelet import Session, use_host
from edgelet_host.engine import Engine
from edgelet_host.native import NativeHost, native_host
from edgelet_host.store import ModelStore

MODEL = "all-MiniLM-L6-v2"


@pytest.fixture
def threads(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that batches ran on, in turn."""
    seen: list[int] = []
    run = Engine.run

    def recorded(self: Engine, *arguments: Any) -> memoryview:
        seen.append(threading.get_ident())
        return run(self, *arguments)

    monkeypatch.setattr(Engine, "run", recorded)
    return seen


def here() -> int:
    return threading.get_ident()


@asynccontextmanager
async def measured(host: NativeHost | None, threads: list[int]) -> AsyncIterator[Session]:
    """A session on `host` that knows how long a text takes: its first one has run, on a thread."""
    assert host is not None
    with use_host(host):
        session = Session(MODEL)
        await session.run("Hello world")
        assert here() not in threads
        threads.clear()
        yield session


async def test_a_brief_text_runs_where_it_is_asked_for(threads: list[int]) -> None:
    async with measured(NativeHost(brief=math.inf), threads) as session:
        await session.run("Hello world")

    assert threads == [here()]


async def test_where_a_text_runs_changes_no_bit_of_its_vector(threads: list[int]) -> None:
    async with measured(NativeHost(), threads) as session:
        elsewhere = await session.run("Hello world")
    async with measured(NativeHost(brief=math.inf), threads) as session:
        assert await session.run("Hello world") == elsewhere


async def test_a_program_s_own_host_keeps_brief_texts(
    threads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgelet_host.native.BRIEF", math.inf)
    async with measured(native_host(), threads) as session:
        await session.run("Hello world")

    assert threads == [here()]


@pytest.mark.parametrize("host", [NativeHost(), NativeHost(brief=1e-6)])
async def test_servers_and_longer_texts_leave_the_loop_alone(
    threads: list[int], host: NativeHost
) -> None:
    async with measured(host, threads) as session:
        await session.run("Hello world")

    assert len(threads) == 1
    assert here() not in threads


async def test_texts_that_come_together_are_shared_out(threads: list[int]) -> None:
    async with measured(NativeHost(brief=math.inf), threads) as session:
        await asyncio.gather(*(session.run(f"text {number}") for number in range(8)))

    assert threads
    assert here() not in threads


async def test_a_list_is_no_brief_text(threads: list[int]) -> None:
    async with measured(NativeHost(brief=math.inf), threads) as session:
        await session.run(["Hello", "world"])

    assert threads
    assert here() not in threads


async def test_a_deadline_that_has_passed_stops_a_brief_text(threads: list[int]) -> None:
    async with measured(NativeHost(brief=math.inf), threads) as session:
        with pytest.raises(TimeoutError):
            await session.run("Hello world", timeout=1e-9)

    assert not threads


def test_one_slow_run_is_hardly_believed_and_a_fast_one_at_once(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine.open(ModelStore().artefact(MODEL, "fp32"))
    tokens, lengths = array("i", [101, 7592, 102]), array("i", [3])

    def after_a_run_of(seconds: float) -> float:
        instants = iter((0.0, seconds))
        clock = SimpleNamespace(perf_counter=lambda: next(instants))
        monkeypatch.setattr("edgelet_host.engine.time", clock)
        engine.run(tokens, lengths, "sentence_embedding", alone=True)
        return engine.expected_seconds(30)

    assert engine.expected_seconds(30) == math.inf
    assert after_a_run_of(3.0) == pytest.approx(30)
    assert after_a_run_of(300.0) == pytest.approx(33)
    assert after_a_run_of(1.5) == pytest.approx(15)
