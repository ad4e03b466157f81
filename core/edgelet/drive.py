"""The asyncio driver: performs core's effects on a `Host`, with deadlines and cancellation.

This is the one module of core that knows asyncio; CPython and the WASI guest share it. It carries
answers in and failures back, and decides nothing: which deadline, which error and what comes next
are the steps' own business.

asyncio takes longer to import than all else of edgelet, so it is imported where it is used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar
from weakref import proxy

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
from edgelet.errors import Aborted, EdgeletError
from edgelet.host import Host

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


def clock() -> float:
    """The present instant, in seconds, on the clock that deadlines are measured by."""
    import asyncio

    return asyncio.get_running_loop().time()


def in_event_loop() -> bool:
    """Whether the caller runs inside an event loop, where waiting would block it."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def runner() -> asyncio.Runner:
    """An event loop of one's own, for a synchronous face over the asynchronous one."""
    import asyncio

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
                await _pause(effect.not_before - clock(), effect.deadline, signal)
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
    import asyncio

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(drive(each, host, signal)) for each in steps]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _pause(seconds: float, deadline: float | None, signal: AbortSignalLike | None) -> None:
    import asyncio

    await _wait(asyncio.sleep(seconds), deadline, signal)


async def _wait(
    work: Coroutine[Any, Any, T], deadline: float | None, signal: AbortSignalLike | None
) -> T:
    """Await `work`, no longer than until `deadline` and no longer than `signal` is silent."""
    try:
        if deadline is None and signal is None:
            return await work
        return await _wait_within(work, deadline, signal)
    except TransportFailed as failure:
        failure.at = clock()
        raise


async def _wait_within(
    work: Coroutine[Any, Any, T], deadline: float | None, signal: AbortSignalLike | None
) -> T:
    import asyncio

    fired = False
    try:
        async with asyncio.timeout_at(deadline) as limit:
            if signal is None:
                return await work
            loop = asyncio.get_running_loop()

            def fire() -> None:
                nonlocal fired
                if not limit.expired():
                    fired = True
                    limit.reschedule(loop.time())

            with _listening(signal, loop, fire):
                if signal.aborted:
                    work.close()
                    raise Aborted(signal.reason)
                return await work
    except TimeoutError:
        if fired and signal is not None:
            raise Aborted(signal.reason) from None
        if deadline is not None and limit.expired():
            raise DeadlinePassed(max(clock(), deadline)) from None
        raise


@contextmanager
def _listening(
    signal: AbortSignalLike, loop: asyncio.AbstractEventLoop, hear: Callable[[], object]
) -> Iterator[None]:
    """Call `hear` on the loop if the signal fires, from whichever thread, within the context."""
    listening = True

    def heard() -> None:
        if listening:
            hear()

    def fired() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(heard)

    signal.add_event_listener("abort", fired)
    try:
        yield
    finally:
        listening = False
        signal.remove_event_listener("abort", fired)


class Opened(Protocol):
    """What a `Stream` reads: an answer that has begun, such as a `Generation`."""

    ended: bool

    def receive(self) -> Steps[list[Any]]:
        """Wait for the next chunks: all that are ready, and `[]` only at the end."""
        ...

    def close(self) -> Steps[None]:
        """Give up what has not arrived yet. May be called twice."""
        ...


class Stream(Generic[T]):
    """The chunks of one answer, as they arrive: an async iterator and a context manager.

    Leaving it early, by `async with`, `aclose()` or dropping the last reference, closes the
    connection to the server at once.

    >>> async with await session.run("Why?", stream=True) as stream:  # doctest: +SKIP
    ...     async for chunk in stream:
    ...         print(chunk["response"], end="")
    """

    def __init__(
        self,
        opened: Opened,
        view: Callable[[Any], T],
        host: Host,
        signal: AbortSignalLike | None,
    ) -> None:
        import asyncio

        self._opened = opened
        self._view = view
        self._host = host
        self._signal = signal
        self._loop = asyncio.get_running_loop()
        self._ready: deque[T] = deque()
        self._reading = False
        self._aborted = False
        self._listener = ExitStack()
        if signal is not None:
            this = proxy(self)  # a signal must not keep a stream alive

            def hear() -> None:
                this._stop()  # noqa: SLF001 (this is self)

            self._listener.enter_context(_listening(signal, self._loop, hear))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        self._check_reader()
        while not self._ready:
            if self._aborted and self._signal is not None:
                raise Aborted(self._signal.reason)
            if self._opened.ended:
                self._listener.close()
                raise StopAsyncIteration
            self._reading = True
            try:
                chunks = await drive(self._opened.receive(), self._host, self._signal)
            finally:
                self._reading = False
            self._ready.extend(map(self._view, chunks))
        return self._ready.popleft()

    def take_ready(self) -> T | None:
        """The next chunk, if it is here already: for a caller outside the event loop.

        None says nothing of the stream's end: whether one comes, `anext` alone can tell.
        """
        if self._signal is not None and self._signal.aborted:
            return None  # the loop is told when it runs next, and says so
        try:
            return self._ready.popleft()
        except IndexError:
            return None

    async def aclose(self) -> None:
        """Close the connection; what has not been read is dropped. May be called twice."""
        import asyncio

        self._check_loop()
        self._listener.close()
        self._ready.clear()
        if not self._opened.ended:
            await asyncio.shield(_closing_task(self._opened, self._host))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        opened = getattr(self, "_opened", None)
        if opened is None or opened.ended or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(_closing_task, opened, self._host)

    def _stop(self) -> None:
        """The signal fired: a wait in progress hears it itself, a pause between waits does not."""
        if not self._reading and not self._opened.ended:
            self._aborted = True
            self._ready.clear()
            _closing_task(self._opened, self._host)

    def _check_reader(self) -> None:
        self._check_loop()
        if self._reading:
            raise EdgeletError(
                "another task is reading this stream; let one task read and hand chunks on"
            )

    def _check_loop(self) -> None:
        import asyncio

        if self._loop is not asyncio.get_running_loop():
            raise EdgeletError("this stream belongs to another event loop; read it where it began")


_closing: set[asyncio.Task[None]] = set()
"""The event loop itself holds its tasks only weakly."""


def _closing_task(opened: Opened, host: Host) -> asyncio.Task[None]:
    """Close an answer to the end, whatever becomes of whoever asked for it."""
    import asyncio

    task = asyncio.get_running_loop().create_task(drive(opened.close(), host))
    _closing.add(task)
    task.add_done_callback(_closing.discard)
    return task
