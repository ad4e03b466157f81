"""Serves the folder that holds the playground and the library, as a static host would.

It adds what makes the most of a browser: the headers that isolate the page, without which there are
no threads; compressed files where they lie beside the plain ones; and an answer of no bytes for a
file that the browser has already. It also lists the models that lie in the folder.

    python js-shim/playground/serve.py --directory js-shim/dist --open

With `--project` it serves that project's functions, too, at `/functions/v1/<name>`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Callable
from mimetypes import guess_type
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    # Together these two isolate the page, and only isolated pages have threads in WebAssembly.
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "credentialless",
    "cross-origin-resource-policy": "same-origin",
    # Ask each time whether a file is still the same: a new build is seen at once.
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
}

TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
"""What modules and WebAssembly must be called; not every system's own table says so."""

ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""Compressed files that may lie beside plain ones, best first."""

PORTS = 20
"""How many ports are tried, from the one that is asked for."""


def app(directory: Path, started: Callable[[], None] = lambda: None) -> Starlette:
    """The server of a folder; `started` is called once it serves."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().call_soon(started)
        yield

    def models(_: Request) -> Response:
        return JSONResponse(models_in(directory / "assets" / "models"))

    return Starlette(
        routes=[
            Route("/", lambda _: RedirectResponse("/playground/")),
            Route("/assets/models/index.json", models),
            Mount("/", Files(directory=directory, html=True)),
        ],
        middleware=[Middleware(WithHeaders)],
        lifespan=lifespan,
    )


def models_in(folder: Path) -> dict[str, list[str]]:
    """The precisions of each model below a folder.

    >>> models_in(Path("js-shim/dist/assets/models"))
    {'all-MiniLM-L6-v2': ['int8']}
    """
    found: dict[str, list[str]] = {}
    for card in sorted(folder.glob("*/*/edgelet.json")):
        found.setdefault(card.parents[1].name.replace("--", "/"), []).append(card.parent.name)
    return found


class Files(StaticFiles):
    """Static files; a compressed one is sent in place of the plain one where it is newer."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """The answer for one file."""
        request = Headers(scope=scope)
        path = Path(full_path)
        headers = {"vary": "accept-encoding"}
        accepted = request.get("accept-encoding", "").replace(" ", "").split(",")
        for encoding, suffix in ENCODINGS.items():
            packed = path.with_name(path.name + suffix)
            if encoding not in accepted or not packed.is_file():
                continue
            if packed.stat().st_mtime >= stat_result.st_mtime:
                headers["content-encoding"] = encoding
                full_path, stat_result = packed, packed.stat()
                break
        kind = TYPES.get(path.suffix) or guess_type(path.name)[0]
        response = FileResponse(
            full_path, status_code, headers, media_type=kind, stat_result=stat_result
        )
        if self.is_not_modified(response.headers, request):
            return NotModifiedResponse(response.headers)
        return response


class WithHeaders:
    """Adds `HEADERS` to every answer."""

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the inner application does, with more headers."""

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *more]}
            await send(message)

        await self.inner(scope, receive, send_more)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket at a port, or at one of the next where that is taken.

    Raises `OSError` when none is free, or the address is not this machine's.
    """
    for candidate in range(port, port + PORTS if port else 1):
        try:
            return socket.create_server((host, candidate), backlog=128)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or candidate == port + PORTS - 1:
                raise
    raise AssertionError("range is never empty")


def main() -> int:
    """Serve until Ctrl-C; the exit code."""
    parser = argparse.ArgumentParser(description="Serve the playground.")
    parser.add_argument("--directory", type=Path, default=Path(__file__).parents[1] / "dist")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument("--project", type=Path, help="serve the functions in this folder, too")
    options = parser.parse_args()

    if not (options.directory / "playground" / "index.html").is_file():
        return failed(f"{options.directory} has no playground; make it with ./build.sh bundle")
    try:
        listener = listen(options.host, options.port)
    except (OSError, OverflowError) as error:
        return failed(f"cannot listen at {options.host}, port {options.port}: {error}")

    port = listener.getsockname()[1]
    if options.port not in (0, port):
        say(f"Port {options.port} is taken; using {port}.")
    url = f"http://{options.host}:{port}/playground/"

    def started() -> None:
        say(f"The playground: {url}   (Ctrl-C ends it)")
        if options.open:
            webbrowser.open(url)

    with contextlib.suppress(KeyboardInterrupt):
        if options.project:
            return with_functions(options, listener, started)
        config = uvicorn.Config(
            app(options.directory, started), log_level="warning", timeout_graceful_shutdown=1
        )
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def with_functions(
    options: argparse.Namespace, listener: socket.socket, started: Callable[[], None]
) -> int:
    """Serve the playground and a project's functions; the exit code."""
    from edgelet.errors import EdgeletError
    from edgelet_host.project import find_layout, read_config
    from edgelet_host.serving.console import Console
    from edgelet_host.serving.options import Options
    from edgelet_host.serving.server import Serving, serve

    def ready(serving: Serving) -> None:
        started()
        say(commands(serving.url, serving.anon_key))

    try:
        project = read_config(find_layout(options.project))
        asked = Options(host=options.host, port=listener.getsockname()[1])
        routes = [Mount("/", app(options.directory))]
        asyncio.run(
            serve(project, asked, ready, Console(), progress=say, routes=routes, listener=listener)
        )
    except EdgeletError as error:
        return failed(str(error))
    return 0


def commands(url: str, anon_key: str) -> str:
    """The commands of Supabase's guide, ready to be pasted, and their twins in Python."""
    functions = f"{url}/functions/v1"
    key = '-H "Authorization: $ANON_KEY"'
    embed = f'--data-urlencode "input=Hello world" {key}'
    prompt = f'--no-buffer --data-urlencode "prompt=Why is the sky blue?" {key}'
    host = os.environ.get("AI_INFERENCE_API_HOST", "")
    return f"""
Supabase's guide, in JavaScript and in Python. gte-small is fetched from the hub at the first
request; mistral is asked at AI_INFERENCE_API_HOST ({host or "not set"}):

  export ANON_KEY={anon_key}
  curl --get "{functions}/embed" {embed}
  curl --get "{functions}/embed-py" {embed}
  curl --get "{functions}/ollama-test" {prompt}
  curl --get "{functions}/ollama-test-py" {prompt}

The same with the model that is here already:

  curl --get "{functions}/embed-minilm-js" {embed}
  curl --get "{functions}/embed-minilm" {embed}
  curl --get "{functions}/search" --data-urlencode "query=how do plants eat?" {key}
"""


def say(words: str) -> None:
    """Tell the person at the terminal, also where output is kept back for a file."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def failed(reason: str) -> int:
    """Say what is wrong, in one sentence."""
    sys.stderr.write(f"error: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
