"""The server of a project's functions, from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from edgelet_host.native import NativeHost
from edgelet_host.project import ProjectConfig
from edgelet_host.sandbox.component import Progress
from edgelet_host.serving.console import Console
from edgelet_host.serving.cors import CrossOrigin
from edgelet_host.serving.functions import Functions
from edgelet_host.serving.gateway import Gateway
from edgelet_host.serving.http_server import HttpServer
from edgelet_host.serving.options import Options
from edgelet_host.serving.reload import reload_on_change
from edgelet_host.serving.runners import Runners
from edgelet_host.serving.signals import StopSignals
from edgelet_host.serving.tokens import Tokens
from edgelet_host.serving.variables import Variables, runtime_variables

STOP_SECONDS = 10
"""How long requests may take to end when the server stops; what is left is broken off."""

_LEAVE_SECONDS = 2.0
"""How long the processes of functions may take after that: 15 seconds in all, with what is left."""

_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that listens: where, which functions it has, and the key that calls them."""

    url: str
    functions: Functions
    anon_key: str


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 is a free one. Raises `OSError`.

    Its connections send at once: an answer's body must not wait until its head is acknowledged,
    which takes a client that keeps its connection 40 ms. asyncio does not see to that itself for
    sockets that do not name their protocol.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def serve(
    project: ProjectConfig,
    options: Options,
    started: Callable[[Serving], object],
    console: Console,
    *,
    listener: socket.socket,
    host: NativeHost | None = None,
    progress: Progress | None = None,
    routes: Sequence[BaseRoute] = (),
) -> None:
    """Serve the project's functions until the process is told to stop.

    `started` is called once the server listens, at `listener`, which it closes. `routes` are served
    beside the functions. Raises an `EdgeletError` for a project that cannot be served.
    """
    _allow_many_connections()
    with contextlib.closing(listener), StopSignals() as signals:
        options = replace(options, port=listener.getsockname()[1])
        async with (
            running(project, options, console, host=host, progress=progress) as (runners, tokens),
            _loaded(project, options, console, runners) as functions,
        ):
            gateway = Gateway(
                functions.find,
                tokens,
                console,
                verify_jwt=options.verify_jwt,
                region=options.region,
                patient=options.inspect is not None,
            )
            url = f"http://{_shown(options.host)}:{options.port}"
            ready = Serving(url, functions, tokens.anon_key)
            server = HttpServer(
                _application(gateway, routes),
                lambda: started(ready),
                stop_seconds=STOP_SECONDS,
                timeout_keep_alive=60,
            )
            signals.stop = server.stop
            watching = asyncio.create_task(reload_on_change(project.layout, functions, console))
            try:
                await server.serve(sockets=[listener])
            finally:
                watching.cancel()


@asynccontextmanager
async def running(
    project: ProjectConfig,
    options: Options,
    console: Console,
    *,
    host: NativeHost | None = None,
    progress: Progress | None = None,
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[Runners, Tokens]]:
    """What runs a project's functions, and the tokens that let callers ask them; no server.

    `variables` are given to functions beside those of the runtime and the project.
    """
    url = f"http://{_shown(options.host)}:{options.port}"
    tokens = Tokens(project.auth, console.note)
    runtime = runtime_variables(url, tokens, options.region)
    given = Variables(project, {**runtime, **(variables or {})}, options.env_file)
    native = host or NativeHost()
    async with Runners(project.layout, options, given, console, native, progress) as runners:
        yield runners, tokens


@asynccontextmanager
async def _loaded(
    project: ProjectConfig, options: Options, console: Console, runners: Runners
) -> AsyncIterator[Functions]:
    """The functions of a project, which are given up with the context."""
    known = project.auth

    def configure(changed: ProjectConfig) -> None:
        nonlocal known
        runners.configure(changed)
        if changed.auth != known:
            known = changed.auth
            name = project.layout.config_name
            console.note(f"{name}: [auth] has changed; start the server again to use it")

    functions = Functions(
        project.layout,
        runners.version,
        console,
        names=options.names,
        preload=options.preload,
        configure=configure,
    )
    try:
        await functions.refresh()
        yield functions
    finally:
        await functions.retire(_LEAVE_SECONDS)


def _application(gateway: Gateway, routes: Sequence[BaseRoute]) -> ASGIApp:
    application = Starlette(
        routes=[
            Mount("/functions/v1", gateway),
            Route("/_internal/health", _healthy),
            *routes,
        ],
        exception_handlers={404: _not_found},
    )
    application.router.redirect_slashes = False  # what is not there is not there
    return CrossOrigin(application)


async def _healthy(_: Request) -> Response:
    return JSONResponse({"message": "ok"})


async def _not_found(_: Request, error: Exception) -> Response:
    del error
    return PlainTextResponse("Function not found", status_code=404)


def _allow_many_connections() -> None:
    """As many open files as the system lets this user have: a connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _shown(host: str) -> str:
    """A host that a client can name."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
