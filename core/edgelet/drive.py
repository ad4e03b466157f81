"""The asyncio driver: performs core's effects on a `Host`, with deadlines and cancellation.

This is the one module of core that knows asyncio; CPython and the WASI guest share it. It carries
answers in and failures back, and decides nothing: which deadline, which error and what comes next
are the steps' own business.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Generic, Self, TypeVar

from edgelet.abort import AbortSignalLike
from edgelet.effects import (
    Close,
    DeadlinePassed,
    Effect,
    Env,
    OpenModel,
    Receive,
    RunModel,
    Send,
    Steps,
    TransportFailed,
)
from edgelet.errors import Aborted
from edgelet.generation import Generation
from edgelet.host import Host

T = TypeVar("T")


def clock() -> float:
    """The present instant, in seconds, on the clock that deadlines are measured by."""
    return asyncio.get_running_loop().time()


def in_event_loop() -> bool:
    """Whether the caller runs inside an event loop, where waiting would block it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def runner() -> asyncio.Runner:
    """An event loop of one's own, for a synchronous face over the asynchronous one."""
    return asyncio.Runner()


async def drive(steps: Steps[T], host: Host, signal: AbortSignalLike | None = None) -> T:
    """Run `steps` to their end on `host` and return their result.

    Cancelling the awaiting task, or firing `signal`, throws into the steps, which close what they
    opened, and then raises `asyncio.CancelledError` or `edgelet.Aborted`.
    """
    answer: Any = None
    failure: BaseException | None = None
    while True:
        try:
            effect = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration as stop:
            result: T = stop.value
            return result
        answer, failure = None, None
        try:
            answer = await _perform(effect, host, signal)
        except GeneratorExit:
            raise
        except BaseException as error:  # the steps decide what it means
            failure = error


async def _perform(effect: Effect, host: Host, signal: AbortSignalLike | None) -> Any:
    match effect:
        case Receive(response, within, deadline):
            if within is not None:
                silence = clock() + within
                deadline = silence if deadline is None else min(silence, deadline)
            return await _wait(host.receive(response), deadline, signal)
        case Env(name):
            return host.env(name)
        case RunModel():
            return await _wait(host.run_model(effect), effect.deadline, signal)
        case Send():
            if effect.not_before is not None:
                await _wait(asyncio.sleep(effect.not_before - clock()), effect.deadline, signal)
            head = await _wait(host.send(effect), effect.deadline, signal)
            return replace(head, at=clock())
        case Close(response):
            return await host.close(response)
        case OpenModel():
            return await _wait(host.open_model(effect), effect.deadline, signal)
    return await _together(effect.steps, host, signal)


async def _together(
    steps: tuple[Steps[Any], ...], host: Host, signal: AbortSignalLike | None
) -> list[Any]:
    if len(steps) == 1:
        return [await drive(steps[0], host, signal)]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(drive(each, host, signal)) for each in steps]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _wait(
    work: Coroutine[Any, Any, T], deadline: float | None, signal: AbortSignalLike | None
) -> T:
    """Await `work`, no longer than until `deadline` and no longer than `signal` is silent."""
    try:
        async with asyncio.timeout_at(deadline) as limit:
            return await (work if signal is None else _unless_aborted(work, signal))
    except TimeoutError:
        if deadline is not None and limit.expired():
            raise DeadlinePassed(max(clock(), deadline)) from None
        raise
    except TransportFailed as failure:
        failure.at = clock()
        raise


async def _unless_aborted(work: Coroutine[Any, Any, T], signal: AbortSignalLike) -> T:
    if signal.aborted:
        work.close()
        raise Aborted(signal.reason)
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    fired = False

    def abort() -> None:
        nonlocal fired
        fired = True
        loop.call_soon_threadsafe(task.cancel)

    signal.add_event_listener("abort", abort)
    try:
        return await task
    except asyncio.CancelledError:
        if fired and not _is_being_cancelled():
            raise Aborted(signal.reason) from None
        raise
    finally:
        signal.remove_event_listener("abort", abort)


def _is_being_cancelled() -> bool:
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


class Stream(Generic[T]):
    """The chunks of one generation, as they arrive: an async iterator and a context manager.

    Leaving it early, by `async with`, `aclose()` or dropping the last reference, closes the
    connection to the inference host at once.

    >>> async with await session.run("Why?", stream=True) as stream:  # doctest: +SKIP
    ...     async for chunk in stream:
    ...         print(chunk["response"], end="")
    """

    def __init__(
        self,
        generation: Generation,
        view: Callable[[dict[str, Any]], T],
        host: Host,
        signal: AbortSignalLike | None,
    ) -> None:
        self._generation = generation
        self._view = view
        self._host = host
        self._signal = signal
        self._loop = asyncio.get_running_loop()
        self._ready: deque[T] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._ready:
            if self._generation.ended:
                raise StopAsyncIteration
            chunks = await drive(self._generation.receive(), self._host, self._signal)
            self._ready.extend(map(self._view, chunks))
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Close the connection; what has not been read is dropped. May be called twice."""
        self._ready.clear()
        await drive(self._generation.close(), self._host)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        generation = getattr(self, "_generation", None)
        if generation is None or generation.ended or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(_close_later, generation, self._host)


_closing: set[asyncio.Task[None]] = set()
"""The event loop itself holds its tasks only weakly."""


def _close_later(generation: Generation, host: Host) -> None:
    task = asyncio.get_running_loop().create_task(drive(generation.close(), host))
    _closing.add(task)
    task.add_done_callback(_closing.discard)
