"""The host of a plain Pyodide page: `from edgelet import Session`, and `await session.run(…)`.

Core's asyncio driver runs inside Pyodide (JupyterLite, marimo, PyScript, any page); what it cannot
do there, the bridge of the npm package does: models through onnxruntime-web, text through `fetch`.
The bridge is a JavaScript module, loaded by URL when it is first needed:

>>> import os
>>> os.environ["EDGELET_BRIDGE"] = "https://my.site/edgelet/bridge.js"  # doctest: +SKIP

Without that variable it comes from the npm package of the same version on jsDelivr.
"""

from __future__ import annotations

import asyncio
import os
import sys
from array import array
from collections.abc import Awaitable, Callable
from typing import Any

from edgelet import __version__
from edgelet.effects import OpenModel, ResponseHead, RunModel, Send, TransportFailed
from edgelet.errors import EdgeletError, ModelError
from edgelet.host import Host
from edgelet.models import OpenedModel, built_in_model
from edgelet_pyodide.opened import has_tokenizer, opened_model, with_encoder

BRIDGE_VARIABLE = "EDGELET_BRIDGE"
DEFAULT_BRIDGE = f"https://cdn.jsdelivr.net/npm/edgelet@{__version__}/dist/bridge.js"


def pyodide_host() -> PyodideHost | None:
    """The host of a Pyodide page, or None where Python runs on anything else."""
    return PyodideHost() if sys.platform == "emscripten" else None


class PyodideHost(Host):
    """Answers effects through the bridge of the npm package.

    `options` go to the bridge's `createBridge` as they are: `models`, `threads`, `device`, …
    """

    def __init__(self, bridge: str | None = None, **options: Any) -> None:
        self._url = bridge
        self._options = options
        self._bridge: Any = None
        self._loading: asyncio.Lock | None = None
        self._opened: dict[int, OpenedModel] = {}

    def env(self, name: str) -> str | None:
        """Read Python's own environment; a page sets it with `os.environ[name] = value`."""
        return os.environ.get(name)

    async def open_model(self, effect: OpenModel) -> OpenedModel:
        """Open a model once; those who ask for it at the same time share the load."""
        bridge = await self._loaded()
        built_in = built_in_model(effect.model)
        asked = _object({"model": built_in.name if built_in else effect.model})
        asked.precision = effect.precision
        answer = await _finished(lambda signal: bridge.openModel(asked, signal))
        opened = self._opened.get(answer.handle)
        if opened is None:
            tokenizer_json = answer.tokenizerJson.to_bytes()
            opened = opened_model(answer.handle, _json(answer.card), tokenizer_json)
            if not has_tokenizer(opened):
                opened = with_encoder(opened, await bridge.encoder(answer.handle))
            self._opened[answer.handle] = opened
        return opened

    async def run_model(self, effect: RunModel) -> memoryview | array[float]:
        """Run one batch in onnxruntime-web."""
        from pyodide.ffi import to_js

        batch = _object({"handle": effect.handle, "output": effect.output, "alone": effect.alone})
        batch.tokenIds, batch.lengths = to_js(effect.token_ids), to_js(effect.lengths)
        values = await _finished(lambda signal: self._bridge.runModel(batch, signal))
        floats: memoryview = values.to_py()
        return floats

    async def send(self, effect: Send) -> ResponseHead:
        """Send by `fetch`, which cannot tell its connection phase apart."""
        from pyodide.ffi import to_js

        bridge = await self._loaded()
        request = _object({"method": effect.request.method, "url": effect.request.url})
        request.headers = _object(dict(effect.request.headers))
        request.body = to_js(effect.request.body)
        head = await _finished(lambda signal: bridge.send(request, signal))
        return ResponseHead(head.response, head.status, dict(head.headers.object_entries()))

    async def receive(self, response: Any) -> list[bytes]:
        """All bytes that are ready."""
        data = (await _finished(lambda signal: self._bridge.receive(response, signal))).to_bytes()
        return [data] if data else []

    async def close(self, response: Any) -> None:
        """Close the connection."""
        self._bridge.close(response)

    async def _loaded(self) -> Any:
        if self._loading is None:
            self._loading = asyncio.Lock()
        async with self._loading:
            if self._bridge is None:
                module = await self._module()
                self._bridge = module.createBridge(_object(self._options))
        return self._bridge

    async def _module(self) -> Any:
        from pyodide.code import run_js
        from pyodide.ffi import JsException

        url = self._url or self.env(BRIDGE_VARIABLE) or DEFAULT_BRIDGE
        try:
            return await run_js("url => import(new URL(url, globalThis.location?.href))")(url)
        except JsException as error:
            raise EdgeletError(
                f"the bridge cannot be loaded from {url} ({error}); "
                f"set {BRIDGE_VARIABLE} to the URL of the npm package's dist/bridge.js"
            ) from None


async def _finished(begin: Callable[[Any], Awaitable[Any]]) -> Any:
    """Await a method of the bridge; cancelling the task aborts it."""
    from pyodide.ffi import JsException

    from js import AbortController

    controller = AbortController.new()
    try:
        return await begin(controller.signal)
    except asyncio.CancelledError:
        controller.abort()
        raise
    except JsException as error:
        match error.name:
            case "ModelFailure":
                raise ModelError(error.message) from None
            case "TransportFailure":
                raise TransportFailed(error.phase, error.message) from None
        raise


def _object(values: dict[str, Any]) -> Any:
    from pyodide.ffi import to_js

    from js import Object

    return to_js(values, dict_converter=Object.fromEntries)


def _json(value: Any) -> str:
    from js import JSON

    text: str = JSON.stringify(value)
    return text
