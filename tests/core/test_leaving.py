"""Leaving a call, in every way: what was opened is closed, at once and once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edgelet import (
    AbortController,
    Aborted,
    AbortSignal,
    EdgeletError,
)
from edgelet.dialects import DIALECTS
from edgelet.generation import GenerateOptions, Generation
from edgelet.inference_host import InferenceHost
from edgelet.testing import FakeHost, FakeResponse
from tests.core.slow_host import SESSION, SlowHost, line


async def test_cancelling_the_task_closes_the_response() -> None:
    with SlowHost([0, 5], responses=[FakeResponse([line("a")])]) as host:
        task = asyncio.create_task(SESSION.run("Why?"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert host.closed == 1


async def test_cancelling_while_an_error_body_arrives_closes_the_response() -> None:
    with SlowHost([0, 5], responses=[FakeResponse([b"x"], status=500)]) as host:
        task = asyncio.create_task(SESSION.run("Why?"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert host.closed == 1


async def test_leaving_the_context_early_closes_the_response() -> None:
    with FakeHost(reply="a b c") as host:
        async with await SESSION.run("Why?", stream=True) as stream:
            await anext(stream)
            assert host.closed == 0
        assert host.closed == 1
        await stream.aclose()
        assert host.closed == 1


async def test_breaking_out_of_the_loop_closes_the_response() -> None:
    with FakeHost(reply="a b c") as host:
        async for _ in await SESSION.run("Why?", stream=True):
            break
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert host.closed == 1


async def test_a_stream_that_ended_stays_ended() -> None:
    with FakeHost(reply="a"):
        stream = await SESSION.run("Why?", stream=True)
        assert len([chunk async for chunk in stream]) == 1
        assert [chunk async for chunk in stream] == []


async def test_a_signal_that_has_fired_stops_a_call_before_it_begins() -> None:
    controller = AbortController()
    controller.abort("never mind")
    with FakeHost(reply="a") as host, pytest.raises(Aborted, match="never mind"):
        await SESSION.run("Why?", signal=controller.signal)

    assert host.requests == []


async def test_a_signal_ends_a_wait_and_closes_the_response() -> None:
    controller = AbortController()
    with SlowHost([0, 5], responses=[FakeResponse([line("a")])]) as host:
        asyncio.get_running_loop().call_later(0.05, controller.abort)
        with pytest.raises(Aborted):
            await SESSION.run("Why?", signal=controller.signal)

    assert host.closed == 1


async def test_cancelling_a_call_with_a_silent_signal_is_a_cancellation() -> None:
    signal = AbortController().signal
    with SlowHost([0, 5], responses=[FakeResponse([line("a")])]) as host:
        task = asyncio.create_task(SESSION.run("Why?", signal=signal))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert host.closed == 1
    assert signal._listeners == []


def test_a_signal_fires_once_and_forgets_its_listeners() -> None:
    controller = AbortController()
    heard: list[str] = []
    controller.signal.add_event_listener("abort", lambda: heard.append("one"))
    controller.signal.add_event_listener("click", lambda: heard.append("two"))
    controller.signal.remove_event_listener("abort", print)
    controller.abort("first")
    controller.abort("second")

    assert heard == ["one"]
    assert controller.signal.reason == "first"


def test_a_generation_that_was_never_opened_has_nothing_to_close() -> None:
    host = InferenceHost("http://host")
    request = host.request("/api/generate", {})
    generation = Generation(host, request, DIALECTS["ollama"], GenerateOptions())

    assert list(generation.close()) == []
    assert list(generation.close()) == []
    assert generation.ended


@pytest.mark.parametrize(("status", "seconds"), [(200, [0.0, 5.0]), (500, [0.0, 5.0])])
async def test_a_wait_that_is_dropped_unfinished_performs_nothing_more(
    status: int, seconds: list[float]
) -> None:
    with SlowHost(seconds, responses=[FakeResponse([b"x"], status=status)]) as host:
        call = SESSION.run("Why?")
        call.send(None)
        await asyncio.sleep(0.01)
        call.send(None)
        call.close()

    assert host.closed == 0


async def test_a_signal_fired_between_chunks_closes_the_response_at_once() -> None:
    controller = AbortController()
    with FakeHost(responses=[FakeResponse([line("a") + line("b"), line("c")])]) as host:
        stream = await SESSION.run("Why?", stream=True, signal=controller.signal)
        await anext(stream)
        controller.abort("enough")
        await asyncio.sleep(0.01)
        assert host.closed == 1
        with pytest.raises(Aborted, match="enough"):
            await anext(stream)

    assert controller.signal._listeners == []


async def test_a_signal_fired_in_another_thread_ends_a_wait() -> None:
    controller = AbortController()
    with SlowHost([0, 5], responses=[FakeResponse([line("a")])]) as host:
        call = asyncio.create_task(SESSION.run("Why?", signal=controller.signal))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(controller.abort)
        with pytest.raises(Aborted):
            await call

    assert host.closed == 1


async def test_a_signal_fired_while_a_listener_is_added_is_heard() -> None:
    class Racy(AbortSignal):
        def add_event_listener(self, type: str, listener: Any) -> None:
            self._fire("raced")
            super().add_event_listener(type, listener)

    with SlowHost([0, 5]), pytest.raises(Aborted, match="raced"):
        await SESSION.run("Why?", signal=Racy())


async def test_a_signal_does_not_keep_a_stream_alive() -> None:
    signal = AbortController().signal
    with FakeHost(reply="a b c") as host:
        stream = await SESSION.run("Why?", stream=True, signal=signal)
        await anext(stream)
        del stream
        await asyncio.sleep(0.01)
        assert host.closed == 1
    AbortController().abort()


async def test_a_signal_fired_after_the_end_changes_nothing() -> None:
    controller = AbortController()
    with FakeHost(reply="a"):
        stream = await SESSION.run("Why?", stream=True, signal=controller.signal)
        chunks = [chunk async for chunk in stream]
        assert controller.signal._listeners == []
        controller.abort()
        assert [chunk async for chunk in stream] == []

    assert len(chunks) == 1


async def test_two_tasks_cannot_read_one_stream() -> None:
    with SlowHost([0, 0.1], responses=[FakeResponse([line("a", done=True)])]):
        stream = await SESSION.run("Why?", stream=True)
        first = asyncio.create_task(anext(stream))
        await asyncio.sleep(0.01)
        with pytest.raises(EdgeletError, match="another task is reading this stream"):
            await anext(stream)
        assert (await first)["response"] == "a"


async def test_closing_a_stream_that_another_task_reads_ends_its_loop() -> None:
    with SlowHost([0, 0.1], responses=[FakeResponse([line("a"), line("b")])]) as host:
        stream = await SESSION.run("Why?", stream=True)

        async def read() -> list[Any]:
            return [chunk async for chunk in stream]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        await stream.aclose()
        assert await reading == []
        assert host.closed == 1


async def test_a_stream_stays_with_its_event_loop() -> None:
    with FakeHost(reply="a b"):
        stream = await SESSION.run("Why?", stream=True)

        def elsewhere() -> None:
            asyncio.run(stream.aclose())

        with pytest.raises(EdgeletError, match="belongs to another event loop"):
            await asyncio.to_thread(elsewhere)
        assert len([chunk async for chunk in stream]) == 2


async def test_cancelling_while_a_stream_closes_closes_it_all_the_same() -> None:
    class SlowClose(FakeHost):
        async def close(self, response: Any) -> None:
            await asyncio.sleep(0.02)
            await super().close(response)

    with SlowClose(reply="a b c") as host:
        stream = await SESSION.run("Why?", stream=True)
        closing = asyncio.create_task(stream.aclose())
        await asyncio.sleep(0.01)
        closing.cancel()
        await asyncio.wait([closing])
        await asyncio.sleep(0.05)
        assert host.closed == 1


async def test_a_signal_that_fires_as_the_answer_arrives_comes_too_late() -> None:
    controller = AbortController()

    class Firing(FakeHost):
        async def receive(self, response: Any) -> list[bytes]:
            controller.abort()
            return await super().receive(response)

    with Firing(reply="a"):
        answer = await SESSION.run("Why?", signal=controller.signal)

    assert answer["response"] == "a"


def test_a_signal_may_fire_after_the_event_loop_ended() -> None:
    controller = AbortController()

    async def leave() -> Any:
        stream = await SESSION.run("Why?", stream=True, signal=controller.signal)
        await anext(stream)
        return stream

    with FakeHost(reply="a b"):
        stream = asyncio.run(leave())
        controller.abort()

    assert stream is not None
