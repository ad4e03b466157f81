"""One process of Deno that runs one version of one function.

It listens on a Unix socket, and lives for as long as its standard input is open. Nothing of the
server's environment reaches it but what Deno itself needs to fetch modules; what the function is
given travels over its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from yarl import URL

from edgelet.errors import EdgeletError
from edgelet.headers import Headers
from edgelet.http import Request, Response
from edgelet.url import path_and_query
from edgelet_host.sandbox.errors import FunctionFailed, FunctionNotBooted, WorkerLost
from edgelet_host.serving.javascript.errors import (
    UNRESPONSIVE_SECONDS,
    EventLoopBlocked,
    HeapFull,
)
from edgelet_host.serving.javascript.output import LONGEST_LINE, Output
from edgelet_host.serving.javascript.parent import dying_with_this
from edgelet_host.serving.javascript.transport import StreamedBody, client_of

BOOT_SECONDS = 120.0
"""Long enough to fetch a function's packages."""

_FAILED = "x-edgelet-failed"
_NUMBER = "x-edgelet-request"
_LEFT = "x-edgelet-left"
_ALIVE = "x-edgelet-alive"
_PASSED_ON = re.compile(
    r"(DENO_|NPM_CONFIG_|XDG_CACHE_HOME$|HOME$|TMPDIR$|LANG$|SSL_CERT_|NODE_EXTRA_CA_CERTS$"
    r"|(HTTPS?|NO|ALL)_PROXY$)",
    re.IGNORECASE,
)
"""Variables of this process that Deno needs itself; the function does not see them."""
_GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How a process is started, and what it is told."""

    function: str
    command: Sequence[str]
    folder: Path
    socket: Path
    terms: Mapping[str, object] = field(repr=False)
    memory_mb: int
    output: Callable[[str], None]
    """Called with each line that it prints."""
    patient: bool = False
    """Whether a debugger may stop it for as long as it likes."""


class DenoProcess:
    """A process that runs; see `start`."""

    def __init__(self, launch: Launch, process: Process) -> None:
        self._launch = launch
        self._process = process
        self._failure: EdgeletError | None = None
        self._output = Output(launch.function, launch.output)
        self._client = client_of(launch.socket)
        self._in_flight: dict[int, float] = {}
        self._is_unsure = False
        self._telling: dict[int, asyncio.Task[bool]] = {}
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._reading = [
            asyncio.create_task(self._output.read(stream))
            for stream in (process.stdout, process.stderr)
        ]
        self._watching = asyncio.create_task(self._watch())
        self.ended = asyncio.create_task(self._end())

    @classmethod
    async def start(cls, launch: Launch, ready: asyncio.Event) -> DenoProcess:
        """Start it, and wait until the function listens, which is when `ready` is set.

        Raises `FunctionNotBooted` with what it printed.
        """
        env = {"DENO_TLS_CA_STORE": "mozilla,system"}  # what the server itself trusts, too
        env |= {name: value for name, value in os.environ.items() if _PASSED_ON.match(name)}
        env |= {"NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", "DENO_NO_PROMPT": "1"}
        try:
            process = await asyncio.create_subprocess_exec(
                *dying_with_this(launch.command),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=env,
                cwd=launch.folder,
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is for the server, which ends it in order
            )
        except OSError as error:
            raise FunctionNotBooted(launch.function, f"Deno cannot be started: {error}") from None
        started = cls(launch, process)
        try:
            await started._boot(ready)
        except BaseException:
            await started.kill()
            raise
        return started

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.returncode is None and self._failure is None

    @property
    def failure(self) -> EdgeletError | None:
        """Why it ended; None while it lives."""
        return self._failure

    async def respond(self, request: Request) -> Response:
        """The function's answer. Raises `FunctionFailed`, a `LimitExceeded`, or `WorkerLost`."""
        number = self._begin()
        try:
            answer = await self._client.request(
                request.method,
                URL(f"http://function{path_and_query(request.url)}", encoded=True),
                headers=[*request.headers.raw(), (_NUMBER, str(number))],
                data=None if request.whole == b"" else StreamedBody(aiter(request.body)),
                allow_redirects=False,
            )
        except aiohttp.ClientError:
            self._finish(number)
            raise await self._lost() from None
        except BaseException:
            self._leave(number)
            raise
        if answer.headers.get(_FAILED):
            answer.close()
            self._finish(number)
            raise FunctionFailed(self._launch.function, "its handler threw")
        fields = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in answer.raw_headers]
        return Response.received(
            answer.status, Headers.received(fields), self._body(answer, number)
        )

    async def retire(self, seconds: float | None = None) -> None:
        """Let requests and background work end, then the process; after `seconds`, end it.

        It ends itself when its work takes too long. Cancelling this ends it at once.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
                if self._process.stdin is not None:
                    self._process.stdin.close()
                await asyncio.shield(self.ended)
        except TimeoutError:
            pass
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await asyncio.shield(self.ended)

    async def _boot(self, ready: asyncio.Event) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise TypeError("a process without standard input")
        with contextlib.suppress(ConnectionError):
            stdin.write(json.dumps(self._launch.terms).encode() + b"\n")
            await stdin.drain()
        listening = asyncio.ensure_future(ready.wait())
        try:
            await asyncio.wait(
                [listening, self.ended],
                timeout=None if self._launch.patient else BOOT_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not ready.is_set():
                raise self._not_booted()
        finally:
            listening.cancel()

    def _not_booted(self) -> FunctionNotBooted:
        if not self.ended.done():
            why, kind = f"it did not listen within {BOOT_SECONDS:g} s", ""
        else:
            why, kind = self._output.reason()
        why = why or f"its process ended with {_how(self._process.returncode or 0)}"
        return FunctionNotBooted(self._launch.function, why, kind)

    async def _body(self, answer: aiohttp.ClientResponse, number: int) -> AsyncIterator[bytes]:
        try:
            async for piece in answer.content.iter_any():
                yield piece
        except aiohttp.ClientError:
            raise await self._lost() from None
        finally:
            if answer.content.at_eof():
                answer.close()
                self._finish(number)
            else:  # told first: what is broken off counts as answered in Deno
                self._leave(number).add_done_callback(lambda _: answer.close())

    def _begin(self) -> int:
        self._requests += 1
        self._in_flight[self._requests] = asyncio.get_running_loop().time()
        self._idle.clear()
        return self._requests

    def _finish(self, number: int) -> None:
        self._in_flight.pop(number, None)
        self._telling.pop(number, None)
        self._is_unsure = True
        if not self._in_flight:
            self._idle.set()

    def _leave(self, number: int) -> asyncio.Task[bool]:
        """Nobody waits for that request any more: tell the function, which may not hear it else."""
        telling = self._telling[number] = asyncio.create_task(self._tell(_LEFT, str(number)))
        telling.add_done_callback(lambda _: self._finish(number))
        return telling

    async def _tell(self, what: str, value: str) -> bool:
        """Say something to the process; whether its event loop turned to hear it."""
        try:
            async with asyncio.timeout(UNRESPONSIVE_SECONDS):
                await (await self._client.get("http://function/", headers={what: value})).read()
        except TimeoutError:
            return False
        except (aiohttp.ClientError, RuntimeError):  # it is gone, and so is the client
            pass
        return True

    async def _lost(self) -> EdgeletError:
        """Why a connection to it broke."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await asyncio.shield(self.ended)
        if self._failure is not None:
            return self._failure
        name = self._launch.function
        return FunctionFailed(name, "it closed the connection before its answer was complete")

    async def _watch(self) -> None:
        """See that the event loop turns: while requests wait, and behind those that are done."""
        loop = asyncio.get_running_loop()
        while not self._launch.patient:
            await asyncio.sleep(1)
            waits = self._in_flight and loop.time() - min(self._in_flight.values()) >= 1
            if not (waits or self._is_unsure):
                continue
            self._is_unsure = False
            if not await self._tell(_ALIVE, "1"):
                self._failure = EventLoopBlocked(self._launch.function)
                if not self._in_flight.keys() - self._telling.keys():  # nobody else hears of it
                    self._launch.output(str(self._failure))
                await self.kill()
                return

    async def _end(self) -> None:
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):  # a grandchild may hold the pipes
                await asyncio.gather(*self._reading)
        for task in (*self._reading, self._watching):
            if task is not asyncio.current_task():
                task.cancel()
        self._failure = self._failure or self._reason(code)
        await self._client.close()
        with contextlib.suppress(OSError):
            self._launch.socket.unlink()

    def _reason(self, code: int) -> EdgeletError:
        name = self._launch.function
        if self._output.heap_was_full:
            return HeapFull(name, self._launch.memory_mb)
        return WorkerLost(name, _how(code))


def new_token() -> str:
    """A secret that nobody can guess."""
    return secrets.token_urlsafe(32)


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
