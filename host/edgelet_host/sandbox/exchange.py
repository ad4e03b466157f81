"""One request over one slot: what the instance asks is answered, what it answers is handed on."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from asyncio import IncompleteReadError
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from edgelet.errors import EdgeletError
from edgelet.http import Request, Response
from edgelet_host.native import NativeHost
from edgelet_host.sandbox.capabilities import Capabilities, KnownModels
from edgelet_host.sandbox.errors import (
    LIMITS,
    FunctionFailed,
    FunctionNotBooted,
    InstanceFaulted,
    WallClockLimitExceeded,
    WorkerLost,
)
from edgelet_host.sandbox.frames import BadFrame, Frame, read_frame
from edgelet_host.sandbox.grants import Grants
from edgelet_host.sandbox.limits import Limits
from edgelet_host.sandbox.response_body import ResponseBody
from edgelet_host.sandbox.workers import Slot

INLINE_BODY_BYTES = 256 * 1024
"""A request's body of that size goes along with it; a longer one is read piece by piece."""
_GRACE_SECONDS = 2.0
"""How much later than the worker the server ends an instance: by killing its worker."""
_MOST_EFFECTS = 1024


@dataclass(frozen=True, slots=True)
class Printed:
    """Console output of a function: `stream` is `stdout`, `stderr`, or `edgelet` for a warning."""

    request_id: str
    function: str
    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be run: a function's code by its key, and under which terms."""

    function: str
    key: str
    modules: bytes = field(repr=False)
    """What a worker is told that has not met the function; see `compiled_modules`."""
    limits: Limits
    grants: Grants
    reuse: bool
    ahead: bool
    console: Callable[[Printed], None]
    known: KnownModels
    """Models that the function has opened before; it will again, and is spared asking."""
    request_id: str = field(default_factory=lambda: secrets.token_hex(8))


class Exchange:
    """Runs a task on a slot, which is busy until `ended` is done."""

    def __init__(self, slot: Slot, task: Task, host: NativeHost, request: Request) -> None:
        self._slot = slot
        self._task = task
        self._request = request
        self._capabilities = Capabilities(host, task.grants, aiter(request.body), task.known)
        self._effects: dict[int, asyncio.Task[None]] = {}
        self._head: asyncio.Future[tuple[int, Any]] = asyncio.get_running_loop().create_future()
        self._body = ResponseBody(self.cancel)
        self._pipe = self._body.pipe
        self._failure: EdgeletError | None = None
        self.ended: asyncio.Task[None] = asyncio.create_task(self._run())

    async def response(self) -> Response:
        """The response, as soon as its head is there. Raises why there is none."""
        try:
            status, headers = await asyncio.shield(self._head)
        except asyncio.CancelledError:
            self.cancel()
            raise
        body = self._body
        del self._body  # dropping the response is to drop it
        return Response.received(status, headers, body)

    def cancel(self) -> None:
        """The caller is gone: end the instance, and whatever it waits for."""
        if not self._pipe.is_over:
            self._pipe.end(FunctionFailed(self._task.function, "the request was cancelled"))
            self._slot.tell({"do": "cancel"})
            self._stop_effects()

    async def _run(self) -> None:
        worker, name = self._slot.worker, self._task.function
        seconds = self._task.limits.worker_timeout_ms / 1000
        late = WallClockLimitExceeded(name, self._task.limits.worker_timeout_ms)
        # A reader that is slow must not keep the server from hearing that the instance has ended.
        overdue = asyncio.get_running_loop().call_later(seconds, self._pipe.end, late)
        try:
            self._begin()
            async with asyncio.timeout(seconds + _GRACE_SECONDS):
                while not await self._step(await read_frame(self._slot.reader)):
                    pass
        except TimeoutError:
            self._failure = late
            worker.kill("it was killed, because an instance in it did not end in time")
        except (IncompleteReadError, OSError):
            await worker.ended.wait()
            self._failure = WorkerLost(name, worker.reason)
        except Exception as error:  # what the worker is at is unknown then
            worker.kill(f"it was killed, because the server failed: {error!r}")
            await worker.ended.wait()
            self._failure = WorkerLost(name, worker.reason)
        finally:
            overdue.cancel()
            await self._finish()

    async def _finish(self) -> None:
        self._stop_effects()
        self._pipe.end(self._failure)
        if not self._head.done():
            failure = self._failure or FunctionFailed(self._task.function, "it ended unanswered")
            self._head.set_exception(failure)
            self._head.exception()  # whoever waited may be gone
        await self._capabilities.close()
        with contextlib.suppress(Exception):
            await self._request.aclose()

    def _begin(self) -> None:
        task, request = self._task, self._request
        whole = request.whole
        inline = whole is not None and len(whole) <= INLINE_BODY_BYTES
        self._slot.tell(
            {
                "do": "run",
                "key": task.key,
                "env": dict(task.grants.env),
                "folder": None if task.grants.folder is None else str(task.grants.folder),
                "limits": asdict(task.limits),
                "models": self._capabilities.foreseen(),
                "reuse": task.reuse,
                "ahead": task.ahead,
                "streams": not inline,
                "request": {
                    "method": request.method,
                    "url": request.url,
                    "headers": request.headers.raw(),
                },
            },
            whole if inline and whole is not None else b"",
        )

    async def _step(self, frame: Frame) -> bool:
        """Do what a frame says; True at the end."""
        facts = frame.facts
        match facts["is"]:
            case "effect":
                self._begin_effect(facts, frame.data)
            case "head":
                if not self._head.done():
                    self._head.set_result((facts["status"], facts["headers"]))
            case "chunk":
                await self._pipe.put(frame.data)
            case "console":
                self._print(facts["stream"], frame.data.decode(errors="replace"))
            case "close":
                await self._capabilities.close_response(facts["response"])
            case "give up":
                effect = self._effects.pop(facts["ticket"], None)
                if effect is not None:
                    effect.cancel()
            case "without code":
                self._slot.tell({"do": "keep"}, self._task.modules)
                if self._pipe.is_over:  # the slot heard nothing but this
                    self._slot.tell({"do": "cancel"})
            case "end":
                self._failure = self._failure or self._failure_of(facts)
                return True
            case kind:
                raise BadFrame(f"a frame of the kind {kind!r}")
        return False

    def _begin_effect(self, facts: dict[str, Any], data: bytes) -> None:
        ticket = facts["ticket"]
        if len(self._effects) >= _MOST_EFFECTS:
            reason = f"{_MOST_EFFECTS} effects are in progress already"
            self._slot.tell(
                {"do": "answer", "ticket": ticket, "failed": "exchange", "reason": reason}
            )
            return
        self._effects[ticket] = asyncio.create_task(self._perform(ticket, facts, data))

    async def _perform(self, ticket: int, facts: dict[str, Any], data: bytes) -> None:
        try:
            answer, values = await self._capabilities.answer(facts, data)
        except Exception as error:  # the guest waits for an answer, whatever fails
            answer, values = {"failed": "exchange", "reason": f"the host failed: {error}"}, b""
        self._effects.pop(ticket, None)
        self._slot.tell({"do": "answer", "ticket": ticket, **answer}, values)

    def _stop_effects(self) -> None:
        effects, self._effects = self._effects, {}
        for effect in effects.values():
            effect.cancel()

    def _print(self, stream: str, text: str) -> None:
        task = self._task
        task.console(Printed(task.request_id, task.function, stream, text))

    def _failure_of(self, facts: dict[str, Any]) -> EdgeletError | None:
        name, limits = self._task.function, self._task.limits
        match facts.get("failed"):
            case None:
                return None
            case "ended" if facts["by"] in LIMITS:
                return LIMITS[facts["by"]](name, getattr(limits, facts["by"]))
            case "ended":
                return FunctionFailed(name, f"the request was {facts['by']}")
            case "raised" if facts.get("booting"):
                return FunctionNotBooted(name, facts["detail"], facts["reason"])
            case "raised":
                return FunctionFailed(name, facts["detail"], facts["reason"])
            case _:
                return InstanceFaulted(name, facts["reason"])
