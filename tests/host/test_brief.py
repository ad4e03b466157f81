"""A text that is alone and quickly done runs on the event loop's own thread; all else elsewhere."""

from __future__ import annotations

import asyncio
import math
import threading
from array import array
from pathlib import Path
from typing import Any

import pytest

from edgelet import Session, use_host
from edgelet_host.engine import Engine
from edgelet_host.native import NativeHost
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


async def test_a_brief_text_runs_where_it_is_asked_for(threads: list[int]) -> None:
    with use_host(NativeHost(brief=math.inf)):
        session = Session(MODEL)
        first, second = await session.run("Hello world"), await session.run("Hello world")

    # How long the first takes is not known beforehand.
    assert threads[0] != here()
    assert threads[1] == here()
    assert first == second


async def test_a_text_that_takes_longer_leaves_the_loop_alone(threads: list[int]) -> None:
    with use_host(NativeHost(brief=1e-6)):
        for _ in range(3):
            await Session(MODEL).run("Hello world")

    assert here() not in threads


async def test_servers_run_nothing_on_their_loop(threads: list[int]) -> None:
    with use_host(NativeHost()):
        for _ in range(3):
            await Session(MODEL).run("Hello world")

    assert here() not in threads


async def test_texts_that_come_together_are_shared_out(threads: list[int]) -> None:
    with use_host(NativeHost(brief=math.inf)):
        session = Session(MODEL)
        await session.run("Hello world")
        threads.clear()
        await asyncio.gather(*(session.run(f"text {number}") for number in range(8)))

    assert here() not in threads


async def test_a_list_is_no_brief_text(threads: list[int]) -> None:
    with use_host(NativeHost(brief=math.inf)):
        session = Session(MODEL)
        await session.run("Hello world")
        threads.clear()
        await session.run(["Hello", "world"])

    assert here() not in threads


async def test_a_deadline_that_has_passed_stops_a_brief_text(threads: list[int]) -> None:
    with use_host(NativeHost(brief=math.inf)):
        session = Session(MODEL)
        await session.run("Hello world")
        threads.clear()
        with pytest.raises(TimeoutError):
            await session.run("Hello world", timeout=1e-9)

    assert not threads


def test_what_to_expect_follows_what_was_measured(model_folder: Path) -> None:
    engine = Engine.open(ModelStore().artefact(MODEL, "fp32"))
    tokens, lengths = array("i", [101, 7592, 102]), array("i", [3])
    assert engine.expected_seconds(3) == math.inf

    engine.run(tokens, lengths, "sentence_embedding", alone=True)
    first = engine.expected_seconds(3)
    engine.run(tokens, lengths, "sentence_embedding", alone=True)

    assert engine.expected_seconds(300) == pytest.approx(100 * engine.expected_seconds(3))
    # One slow run is not believed.
    assert 0 < engine.expected_seconds(3) <= first * 1.11
