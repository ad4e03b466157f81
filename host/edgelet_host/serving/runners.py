"""What runs functions: the sandbox, and Deno. Each is started when the first function needs it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from starlette.types import ASGIApp

from edgelet import __version__
from edgelet.errors import FunctionError
from edgelet_host.native import NativeHost
from edgelet_host.project import FunctionConfig, ProjectConfig
from edgelet_host.project.layout import ENTRY_FILES, Layout
from edgelet_host.project.npm_package import npm_package
from edgelet_host.sandbox.component import Progress
from edgelet_host.sandbox.function import Function, read_function
from edgelet_host.sandbox.limits import Limits
from edgelet_host.sandbox.sandbox import Sandbox
from edgelet_host.serving.console import Console
from edgelet_host.serving.functions import Prepared
from edgelet_host.serving.http_server import HttpServer
from edgelet_host.serving.javascript.door import Door
from edgelet_host.serving.javascript.executable import find_deno
from edgelet_host.serving.javascript.function import DenoSetting, JavascriptFunction
from edgelet_host.serving.options import Options
from edgelet_host.serving.python.in_server import FunctionInServer
from edgelet_host.serving.python.sandboxed import SandboxedFunction
from edgelet_host.serving.sources import is_source, sources, stamp
from edgelet_host.serving.variables import Variables


class Runners:
    """Makes versions of functions that can be asked. Use it as an async context manager."""

    def __init__(
        self,
        layout: Layout,
        options: Options,
        variables: Variables,
        console: Console,
        host: NativeHost,
        progress: Progress | None,
    ) -> None:
        self._layout = layout
        self._options = options
        self._variables = variables
        self._console = console
        self._host = host
        self._progress = progress
        self._stack = AsyncExitStack()
        self._starting = asyncio.Lock()
        self._sandbox: Sandbox | None = None
        self._deno: DenoSetting | None = None

    async def __aenter__(self) -> Self:
        """Start nothing yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop what was started."""
        await self._stack.aclose()

    def configure(self, project: ProjectConfig) -> None:
        """Give functions the secrets that the project's configuration has now."""
        self._variables.configure(project)

    async def version(self, config: FunctionConfig) -> Prepared:
        """The function as it is on disk now. Raises an `EdgeletError` when it cannot be run."""
        if await asyncio.to_thread(_is_empty, config.entrypoint):
            raise FunctionError(f"{config.entrypoint} is empty")
        if config.language == "python":
            function = await asyncio.to_thread(_read, config)
            if not self._options.sandbox:
                return FunctionInServer(config, function, self._variables)
            limits = Limits(
                memory_limit_mb=config.memory_mb,
                cpu_time_soft_limit_ms=(self._options.cpu_ms + 1) // 2,
                cpu_time_hard_limit_ms=self._options.cpu_ms,
                worker_timeout_ms=self._options.wall_clock_ms,
            )
            sandbox = await self._started_sandbox()
            return SandboxedFunction(config, function, limits, sandbox, self._variables)
        setting = await self._started_deno()
        files = await asyncio.to_thread(_stamp, config, self._layout.functions)
        return JavascriptFunction(config, (config, files), setting, self._variables, self._console)

    async def _started_sandbox(self) -> Sandbox:
        async with self._starting:
            if self._sandbox is None:
                fewest: Any = {"workers": 1, "ahead": 0, "concurrent_instances": 1}
                sandbox = Sandbox(
                    host=self._host,
                    console=self._console.printed,
                    progress=self._progress,
                    **(fewest if self._options.single else {}),
                )
                self._sandbox = await self._stack.enter_async_context(sandbox)
            return self._sandbox

    async def _started_deno(self) -> DenoSetting:
        async with self._starting:
            if self._deno is None:
                deno = await asyncio.to_thread(find_deno, self._layout.root)
                self._deno = await self._stack.enter_async_context(self._setting(deno))
            return self._deno

    @asynccontextmanager
    async def _setting(self, deno: Path) -> AsyncIterator[DenoSetting]:
        folder = Path(tempfile.mkdtemp(prefix="edgelet-"))
        try:
            door = Door()
            package = npm_package(self._layout.root)
            setting = DenoSetting(
                deno,
                folder,
                door,
                self._host,
                self._layout.functions,
                bridge=(package / "deno.js").as_uri() if package else _BRIDGE,
                readable=() if package is None else (package,),
                import_map=self._options.import_map,
                inspect=self._options.inspect,
            )
            async with _listening(door, setting.door_socket):
                yield setting
        finally:
            shutil.rmtree(folder, ignore_errors=True)


_BRIDGE = f"npm:edgelet@{__version__}/deno"
"""What loads models where the server cannot: the npm package of this version."""


@asynccontextmanager
async def _listening(app: ASGIApp, path: Path) -> AsyncIterator[None]:
    """Serve an application at a Unix socket that nobody but this user can reach."""
    listening = asyncio.Event()
    server = HttpServer(app, listening.set, stop_seconds=1, uds=str(path))
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(listening.wait())
    try:
        await asyncio.wait([waiting, serving], return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        waiting.cancel()
        server.should_exit = True
        await serving


def _read(config: FunctionConfig) -> Function:
    if config.entrypoint.name == "main.py":
        return read_function(config.folder)
    return read_function(config.entrypoint)


def _is_empty(file: Path) -> bool:
    return file.stat().st_size == 0


def _stamp(config: FunctionConfig, functions: Path) -> str:
    """Tells whether any file has changed that a function in JavaScript may be made of.

    Its own, and those beside the functions, in `_shared` and elsewhere: not those of the others.
    """
    files = [*sources(config.folder), *([config.import_map] if config.import_map else [])]
    for path in sorted(functions.iterdir()):
        if path.is_dir() and not any((path / name).is_file() for name in ENTRY_FILES):
            files += sources(path)
        elif path.is_file() and is_source(Path(path.name)):
            files.append(path)
    return stamp(files)
