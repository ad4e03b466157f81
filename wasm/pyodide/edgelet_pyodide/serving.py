"""A function's modules and its handler, asked from JavaScript (`js-shim/src/python_function.ts`).

A request is a number, its URL, method and headers, and its body: bytes, or an object that reads
them. `answer` gives an array, its kind first:

    ["whole", status, headers, bytes]
    ["stream", status, headers]        its chunks are what `read` gives
    ["failed", traceback]

`read` gives `["chunk", bytes]`, `["end"]` or `["failed", traceback]`. Headers are JSON, a list of
pairs. What a handler is and what it may return, core knows.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from pyodide.ffi import to_js

from edgelet.functions import Handler, loading, respond
from edgelet.host import use_host
from edgelet.http import Request, Response
from edgelet_pyodide.host import PyodideHost

MAIN = "main"
"""The module that serves."""


class Serving:
    """One function. All its requests share its modules.

    `bridge` answers core's effects; `library` is the path of an archive with the whole standard
    library; `env`, as JSON, is the whole environment.
    """

    def __init__(self, bridge: Any, library: str, env: str) -> None:
        _use_library(library)
        os.environ.clear()
        os.environ.update(json.loads(env))
        self._using = use_host(_BridgeHost(bridge))
        self._using.__enter__()  # for as long as the process lives
        self._exchanges: dict[int, _Exchange] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._handler: Handler

    def load(self, modules: str) -> str | None:
        """Load `main` of the modules, which are JSON. Gives the traceback when it does not load."""
        sys.meta_path.insert(0, _Modules(json.loads(modules)))
        try:
            with loading(f"{MAIN}.py") as loaded:
                importlib.import_module(MAIN)
            self._handler = loaded.handler
        except BaseException as error:  # a module may raise whatever it likes
            return _described(error)
        return None

    async def answer(self, number: int, url: str, method: str, headers: str, body: Any) -> Any:
        """Answer a request; see the module's docstring."""
        pairs = [(name, value) for name, value in json.loads(headers)]
        request = Request.received(url, method, pairs, _body(body))
        exchange = self._exchanges[number] = _Exchange(request, asyncio.current_task())
        try:
            response = exchange.response = await respond(self._handler, request)
        except BaseException as error:
            return await self._failed(number, exchange, error)
        exchange.task = None
        head = [response.status, json.dumps(response.headers.raw())]
        if number not in self._exchanges:  # the client has left, which the handler did not mind
            await exchange.close()
        if response.whole is not None:
            whole = response.whole
            await self._end(number, exchange)
            return to_js(["whole", *head, whole])
        exchange.chunks = response.body
        return to_js(["stream", *head])

    async def read(self, number: int) -> Any:
        """Make the next chunk of a response that streams."""
        exchange = self._exchanges.get(number)
        if exchange is None or exchange.chunks is None:
            return to_js(["end"])
        exchange.task = asyncio.current_task()
        try:
            chunk = await anext(exchange.chunks, None)
        except BaseException as error:
            return await self._failed(number, exchange, error)
        exchange.task = None
        if chunk is None:
            await self._end(number, exchange)
            return to_js(["end"])
        return to_js(["chunk", chunk])

    def leave(self, number: int) -> None:
        """Give a request up: cancel what runs for it, and close what makes its response."""
        exchange = self._exchanges.pop(number, None)
        if exchange is None:
            return
        if exchange.task is not None:
            exchange.task.cancel()
        closing = asyncio.ensure_future(exchange.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _failed(self, number: int, exchange: _Exchange, error: BaseException) -> Any:
        exchange.task = None
        described = _described(error)
        await self._end(number, exchange)
        return to_js(["failed", described])

    async def _end(self, number: int, exchange: _Exchange) -> None:
        if self._exchanges.pop(number, None) is not None:
            await exchange.close()


@dataclass(slots=True)
class _Exchange:
    """A request in progress. `task` is what runs for it now."""

    request: Request
    task: asyncio.Task[Any] | None
    response: Response | None = None
    chunks: AsyncIterator[bytes] | None = None

    async def close(self) -> None:
        """Close both bodies, once nothing runs any more."""
        if self.task is not None:
            await asyncio.wait([self.task])
        for message in (self.response, self.request):
            if message is not None:
                try:
                    await message.aclose()
                except Exception:
                    traceback.print_exc()


class _BridgeHost(PyodideHost):
    """Answers effects through a bridge that is there already."""

    def __init__(self, bridge: Any) -> None:
        super().__init__()
        self._bridge = bridge


class _RequestBody(AsyncIterator[bytes]):
    """The bytes that JavaScript reads."""

    def __init__(self, source: Any) -> None:
        self._source = source

    async def __anext__(self) -> bytes:
        data = None if self._source is None else await self._source.read()
        if data is None:
            raise StopAsyncIteration
        read: bytes = data.to_bytes()
        return read

    async def aclose(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            await source.cancel()


def _body(body: Any) -> bytes | _RequestBody | None:
    if body is None:
        return None
    if hasattr(body, "read"):
        return _RequestBody(body)
    whole: bytes = body.to_bytes()
    return whole


class _Modules(MetaPathFinder, InspectLoader):
    """Finds and loads the function's own modules."""

    def __init__(self, modules: dict[str, dict[str, Any]]) -> None:
        self._modules = modules

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec when the function has such a module."""
        module = self._modules.get(fullname)
        if module is None:
            return None
        spec = ModuleSpec(fullname, self, origin=module["file"], is_package=module["package"])
        spec.has_location = True
        return spec

    def get_source(self, fullname: str) -> str:
        """The source, for tracebacks too."""
        source: str = self._modules[fullname]["source"]
        return source

    def get_code(self, fullname: str) -> CodeType:
        """The source, compiled under its file's name."""
        return self.source_to_code(self.get_source(fullname), self._modules[fullname]["file"])


def _use_library(library: str) -> None:
    """Import what is not loaded yet from the whole standard library, and not from core's part."""
    sys.path.insert(0, library)
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__path__", None)
        if isinstance(path, list) and name.partition(".")[0] in sys.stdlib_module_names:
            path.append(f"{library}/{name.replace('.', '/')}")


def _described(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()
