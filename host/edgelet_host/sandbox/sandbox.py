"""`Sandbox`: runs Python functions in WebAssembly, an instance for each request."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Literal, Self

from edgelet.errors import EdgeletError, OptionError
from edgelet.http import Request, Response
from edgelet_host.engine import available_cores
from edgelet_host.native import NativeHost
from edgelet_host.sandbox.capabilities import KnownModels
from edgelet_host.sandbox.component import Progress, prepared_component
from edgelet_host.sandbox.errors import FunctionNotBooted, InstanceFaulted, WorkerLost
from edgelet_host.sandbox.exchange import Exchange, Printed, Task
from edgelet_host.sandbox.frames import Frame, read_frame
from edgelet_host.sandbox.function import Function, compiled_modules
from edgelet_host.sandbox.grants import Grants
from edgelet_host.sandbox.limits import Limits
from edgelet_host.sandbox.pool import Pool
from edgelet_host.sandbox.workers import Slot

Reuse = Literal["never", "per-worker"]

_COMPILING = Limits(
    memory_limit_mb=512,
    cpu_time_soft_limit_ms=60_000,
    cpu_time_hard_limit_ms=60_000,
    worker_timeout_ms=120_000,
)


class Sandbox:
    """Worker processes that run functions. Use it as an async context manager.

    `workers` is the number of processes, by default one a core. `concurrent_instances` is how many
    instances run at once, over all of them, and `queue_length` how many requests may wait for one.
    `ahead` is how many slots of a worker keep an instance ready for the function they ran last.
    `reuse="per-worker"` keeps an instance for the requests that follow, as an edge runtime does
    with its isolates: faster by far, but what a request leaves behind is there for the next one. By
    default every request gets an instance of its own, and nobody else does.

    `host` answers what functions ask for. `progress` is told of work that takes seconds.

    >>> async with Sandbox() as sandbox:  # doctest: +SKIP
    ...     function = Function.of_source("…")
    ...     response = await sandbox.respond(function, Request("http://localhost/"))
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        concurrent_instances: int = 64,
        queue_length: int = 256,
        ahead: int = 2,
        reuse: Reuse = "never",
        host: NativeHost | None = None,
        console: Callable[[Printed], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        workers = available_cores() if workers is None else workers
        if workers < 1 or concurrent_instances < 1 or queue_length < 0 or ahead < 0:
            raise OptionError("a sandbox needs at least one worker and one instance")
        if reuse not in ("never", "per-worker"):
            raise OptionError.unknown("reuse", reuse, ("never", "per-worker"))
        self._ahead = ahead
        self._reuse = reuse
        self._host = host or NativeHost()
        self._console = console or _print
        self._progress = progress
        self._pool = Pool(workers, max(concurrent_instances, workers), queue_length, self._complain)
        self._compiled: dict[str, asyncio.Task[bytes]] = {}
        self._known: dict[str, KnownModels] = {}
        self._exchanges: set[Exchange] = set()

    async def __aenter__(self) -> Self:
        """Prepare the component, start the workers.

        Raises `ModelError` when the one, `EdgeletError` when the other cannot be done.
        """
        component = await asyncio.to_thread(prepared_component, self._progress)
        try:
            await self._pool.start(component)
        except (asyncio.IncompleteReadError, OSError) as error:
            await self.aclose()
            raise EdgeletError(f"no worker process could be started: {error}") from error
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.aclose()

    async def aclose(self) -> None:
        """End every instance and every worker."""
        for exchange in list(self._exchanges):
            exchange.cancel()
        await self._pool.stop()
        endings = [exchange.ended for exchange in self._exchanges]
        await asyncio.gather(*endings, return_exceptions=True)

    async def respond(
        self,
        function: Function,
        request: Request,
        *,
        limits: Limits | None = None,
        grants: Grants | None = None,
    ) -> Response:
        """Run the function on a request; the response's body arrives as the function makes it.

        Leaving the body unread (`await response.aclose()`), or cancelling, ends the instance.

        Raises `FunctionNotBooted`, `FunctionFailed`, a `LimitExceeded`, `InstanceFaulted`,
        `WorkerLost` or `QueueFull`; the body raises the same when it breaks off.
        """
        limits, grants = limits or Limits(), grants or Grants()
        modules = await self.compiled(function)
        slot = await self._pool.acquire(function.key)
        task = Task(
            function=function.name,
            key=function.key,
            modules=modules,
            limits=limits,
            grants=grants,
            reuse=self._reuse == "per-worker",
            ahead=self._ahead > slot.worker.slots.index(slot),
            console=self._console,
            known=self._known.setdefault(function.key, {}),
        )
        exchange = Exchange(slot, task, self._host, request)
        self._exchanges.add(exchange)
        exchange.ended.add_done_callback(lambda _: self._ended(exchange, slot, task))
        return await exchange.response()

    async def compiled(self, function: Function) -> bytes:
        """A function's modules by name, as JSON: `code` (marshalled, as text), `source`, `package`.

        They are compiled once, however many ask at once, and are kept for the requests that follow.
        Raises `FunctionNotBooted`.
        """
        compiling = self._compiled.get(function.key)
        if compiling is None:
            compiling = asyncio.create_task(self._compile(function))
            self._compiled[function.key] = compiling
        try:
            return await asyncio.shield(compiling)
        except BaseException:
            if compiling.done() and self._compiled.get(function.key) is compiling:
                del self._compiled[function.key]
            raise

    def forget(self, function: Function) -> None:
        """Drop what was compiled of a function that will not be asked again."""
        self._compiled.pop(function.key, None)
        self._known.pop(function.key, None)

    @property
    def worker_pids(self) -> list[int]:
        """The numbers of the worker processes."""
        return [worker.pid for worker in self._pool.workers]

    async def _compile(self, function: Function) -> bytes:
        slot = await self._pool.acquire(None)
        try:
            sources = json.dumps({module.file: module.source for module in function.modules})
            slot.tell({"do": "compile", "limits": asdict(_COMPILING)}, sources.encode())
            frame = await self._compiled_frame(slot)
        except (asyncio.IncompleteReadError, OSError):
            await slot.worker.ended.wait()
            raise WorkerLost(function.name, slot.worker.reason) from None
        finally:
            self._pool.release(slot)
        match frame.facts.get("failed"):
            case None:
                return compiled_modules(function, json.loads(frame.data))
            case "raised":
                facts = frame.facts
                raise FunctionNotBooted(function.name, facts["detail"], facts["reason"])
            case "trapped":
                raise InstanceFaulted(function.name, frame.facts["reason"])
            case _:
                reason = f"compiling it took more than {frame.facts['by']} allows"
                raise FunctionNotBooted(function.name, reason)

    @staticmethod
    async def _compiled_frame(slot: Slot) -> Frame:
        while True:
            frame = await read_frame(slot.reader)
            if frame.facts.get("is") == "end":
                return frame

    def _ended(self, exchange: Exchange, slot: Slot, task: Task) -> None:
        self._exchanges.discard(exchange)
        slot.prepared = task.key if task.ahead or task.reuse else None
        self._pool.release(slot)

    def _complain(self, sentence: str) -> None:
        self._console(Printed("-", "-", "edgelet", f"{sentence}\n"))


def _print(printed: Printed) -> None:
    """Console output, on this process's standard error."""
    for line in printed.text.splitlines():
        shown = "".join(
            each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}"
            for each in line
        )
        sys.stderr.write(f"[{printed.request_id} {printed.function}] {shown}\n")
