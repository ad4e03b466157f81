"""A function in Deno: its process, started when it is first asked, and again when it has died."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from edgelet.errors import EdgeletError
from edgelet.http import Request, Response
from edgelet_host.granted_host import GrantedHost
from edgelet_host.native import NativeHost
from edgelet_host.project import FunctionConfig
from edgelet_host.sandbox.errors import FunctionNotBooted, LimitExceeded
from edgelet_host.sandbox.grants import Grants
from edgelet_host.serving.console import Console
from edgelet_host.serving.javascript.door import Caller, Door
from edgelet_host.serving.javascript.permissions import permissions
from edgelet_host.serving.javascript.process import DenoProcess, Launch, new_token
from edgelet_host.serving.javascript.workspace import make_workspace
from edgelet_host.serving.variables import Variables

_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 10.0
_SHORT_LIFE = 5.0
"""Seconds: a process that dies younger is started again after a pause, longer each time."""


@dataclass(frozen=True, slots=True)
class DenoSetting:
    """What all functions in Deno share. `inspect` is where a debugger may attach, `host:port`."""

    deno: Path
    run_folder: Path
    door: Door
    host: NativeHost
    functions: Path
    bridge: str
    readable: tuple[Path, ...] = ()
    import_map: Path | None = None
    inspect: str | None = None

    @property
    def door_socket(self) -> Path:
        """Where the door is."""
        return self.run_folder / "door"


_numbers = count(1)


class JavascriptFunction:
    """One version of a function's code, under what the project says of it."""

    def __init__(
        self,
        config: FunctionConfig,
        version: object,
        setting: DenoSetting,
        variables: Variables,
        console: Console,
    ) -> None:
        self.config = config
        self.version = version
        self._setting = setting
        self._variables = variables
        self._console = console
        self._starting: asyncio.Task[_Started] | None = None
        self._env: Mapping[str, str] = {}
        self._pause = 0.0
        self._not_before = 0.0
        self._last_failure: FunctionNotBooted | None = None
        self._users: Counter[asyncio.Task[_Started]] = Counter()
        self._unused = asyncio.Condition()
        self._retiring: dict[asyncio.Task[None], asyncio.Task[_Started]] = {}

    async def prepare(self) -> None:
        """Start its process. Raises `FunctionNotBooted`."""
        async with self._process():
            pass

    async def respond(self, request: Request) -> Response:
        """Ask its process, which is started if need be. Raises as `DenoProcess.respond` does."""
        async with self._process() as process:
            return await process.respond(request)

    async def retire(self, seconds: float | None = None) -> None:
        """Let its processes end what they have begun; after `seconds`, end them."""
        for starting in {*self._retiring.values(), *filter(None, [self._starting])}:
            self._leave(starting, seconds)
        await asyncio.gather(*self._retiring)

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[DenoProcess]:
        """A process that lives at least until the request has reached it."""
        env = self._variables.of(self.config)
        if env is not self._env:  # it may begin with these, though it did not with others
            self._env, self._pause, self._last_failure = env, 0.0, None
        starting = self._starting
        if starting is None or (starting.done() and self._is_over(starting, env)):
            self._check_pause()
            starting = self._starting = asyncio.create_task(self._start(env))
        self._users[starting] += 1
        try:
            yield (await asyncio.shield(starting)).process
        finally:
            self._users[starting] -= 1
            if not self._users[starting]:
                del self._users[starting]
            async with self._unused:
                self._unused.notify_all()

    def _is_over(self, starting: asyncio.Task[_Started], env: Mapping[str, str]) -> bool:
        """Whether a process cannot be asked (again), or has variables that hold no more."""
        if starting.cancelled() or starting.exception() is not None:
            return True
        started = starting.result()
        if not started.process.is_alive:
            self._died(started)
            self._starting = None  # it has died once, however often it is asked for meanwhile
            return True
        if started.env is not env:
            self._leave(starting, None)
            return True
        return False

    def _check_pause(self) -> None:
        if self._last_failure is not None and _now() < self._not_before:
            raise self._last_failure

    def _died(self, started: _Started) -> None:
        by_a_limit = isinstance(started.process.failure, LimitExceeded)  # a request's own doing
        if not by_a_limit and _now() - started.at < _SHORT_LIFE:
            self._wait_longer(
                FunctionNotBooted(self.config.name, "its process died again and again")
            )
        else:
            self._pause, self._last_failure = 0.0, None

    def _wait_longer(self, failure: FunctionNotBooted) -> None:
        self._not_before = _now() + self._pause
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._last_failure = failure

    def _leave(self, starting: asyncio.Task[_Started], seconds: float | None) -> None:
        async def leave() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds), self._unused:
                    await self._unused.wait_for(lambda: not self._users[starting])
            if seconds is not None:
                starting.cancel()  # if it has not begun by now
            with suppress(EdgeletError, asyncio.CancelledError):
                started = await starting
                await started.process.retire(seconds)

        task = asyncio.create_task(leave())
        self._retiring[task] = starting
        task.add_done_callback(self._retiring.pop)

    async def _start(self, env: Mapping[str, str]) -> _Started:
        setting, name = self._setting, self.config.name
        grants = Grants(env, self.config.allow_hosts, self.config.allow_models)
        caller = Caller(new_token(), lambda: GrantedHost(setting.host, grants))
        setting.door.admit(caller)
        try:
            launch = self._launch(env, caller.token)
            process = await DenoProcess.start(launch, caller.ready)
        except EdgeletError as error:
            setting.door.dismiss(caller)
            failure = (
                error
                if isinstance(error, FunctionNotBooted)
                else FunctionNotBooted(name, str(error))
            )
            self._wait_longer(failure)
            raise failure from None
        process.ended.add_done_callback(lambda _: self._forget(caller, launch))
        return _Started(process, env, _now())

    def _forget(self, caller: Caller, launch: Launch) -> None:
        self._setting.door.dismiss(caller)
        shutil.rmtree(launch.socket.parent, ignore_errors=True)

    def _launch(self, env: Mapping[str, str], token: str) -> Launch:
        setting, config = self._setting, self.config
        folder = setting.run_folder / str(next(_numbers))
        workspace = make_workspace(folder, config, setting.functions, setting.import_map)
        socket, door = folder / "function", folder / "door"
        door.hardlink_to(setting.door_socket)  # what it may connect to, it may remove: its own link
        allowed = permissions(config, env, socket=socket, door=door, readable=setting.readable)
        command = [
            str(setting.deno),
            "run",
            "--quiet",
            "--unstable-no-legacy-abort",  # request.signal fires when the client leaves, only then
            *allowed,
            f"--config={workspace.configuration}",
            f"--v8-flags=--max-old-space-size={config.memory_mb}",
            *([f"--inspect-wait={setting.inspect}"] if setting.inspect else []),
            f"--preload={workspace.preload}",
            str(config.entrypoint.absolute()),
        ]
        terms = {
            "env": dict(env),
            "socket": str(socket),
            "door": {"socket": str(door), "token": token},
            "bridge": setting.bridge,
        }
        output: Callable[[str], None] = lambda line: self._console.output(config.name, line)  # noqa: E731
        return Launch(
            config.name,
            command,
            config.folder,
            socket,
            terms,
            config.memory_mb,
            output,
            patient=setting.inspect is not None,
        )


@dataclass(frozen=True, slots=True)
class _Started:
    process: DenoProcess
    env: Mapping[str, str]
    at: float


def _now() -> float:
    return asyncio.get_running_loop().time()
