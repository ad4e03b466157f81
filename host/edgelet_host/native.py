"""The native host: onnxruntime, HTTP and the model store behind the five effects.

Carries answers; decides nothing that another host would decide too. Opened models are shared by all
sessions of the process and kept until it ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from edgelet.effects import OpenModel, ResponseHead, RunModel, Send
from edgelet.errors import EdgeletError, ModelError
from edgelet.host import Host
from edgelet.models import OpenedModel, Precision
from edgelet_host import http_client
from edgelet_host.shared_batches import SharedBatches

if TYPE_CHECKING:
    from edgelet_host.store import ModelStore, Progress

DEFAULT_PRECISION: Precision = "fp32"
"""The reference itself: vectors of every other host's default agree with it."""


_THREADS = (os.cpu_count() or 1) + 1
"""Enough to keep every core at work while one call waits; threads start when they are needed."""


BRIEF = 0.005
"""Seconds for which a program's own call may keep its event loop waiting: what parsing a large
request takes. Handing work to a thread and its answer back takes 0.3 ms, an eighth of a short
text's time, and far more where threads fight for a core."""


def native_host() -> NativeHost | None:
    """The native host, or None inside WebAssembly, where there is nothing native."""
    return None if sys.platform == "emscripten" else NativeHost(brief=BRIEF)


class NativeHost(Host):
    """Answers effects on CPython.

    `progress` is called, from any thread, while model files are fetched and built. `store` replaces
    the default model store. `brief` is for how many seconds a text that is alone may keep the event
    loop; with 0, as servers want it, every batch runs on a worker thread.
    """

    def __init__(
        self,
        progress: Callable[[Progress], None] | None = None,
        store: ModelStore | None = None,
        brief: float = 0.0,
    ) -> None:
        self._progress = progress
        self._brief = brief
        self._asked = 0
        self._store = store
        self._opened: dict[tuple[str, Precision], Future[OpenedModel]] = {}
        self._lock = threading.Lock()
        self._batches = SharedBatches(_THREADS)

    def env(self, name: str) -> str | None:
        """Read the process's environment."""
        return os.environ.get(name)

    async def open_model(self, effect: OpenModel) -> OpenedModel:
        """Fetch, build and load a model once, however many ask for it at once.

        Who stops waiting does not stop the work for the others; a failure is not remembered.
        """
        key = (effect.model, effect.precision or DEFAULT_PRECISION)
        with self._lock:
            opening = self._opened.get(key)
            if opening is None or (opening.done() and opening.exception() is not None):
                opening = self._opened[key] = Future()
                threading.Thread(target=self._open, args=(key, opening), daemon=True).start()
        try:
            if opening.done():  # nearly always: spare the event loop a round
                return opening.result()
            return await asyncio.shield(asyncio.wrap_future(opening))
        except EdgeletError as error:  # shared by all who wait, so without the others' tracebacks
            raise error.with_traceback(None) from error.__cause__

    async def run_model(self, effect: RunModel) -> memoryview:
        """Run one batch on a worker thread, with others that wait; see `SharedBatches`.

        A text that is alone, and will be done in less than `brief`, runs here and now.
        """
        self._asked += 1
        if effect.alone and effect.handle.expected_seconds(len(effect.token_ids)) < self._brief:
            asked = self._asked
            await asyncio.sleep(0)  # whoever else wants to run in this round of the loop asks now
            if self._asked == asked and self._batches.idle:
                values: memoryview = effect.handle.run(
                    effect.token_ids, effect.lengths, effect.output, effect.alone
                )
                return values
        return await asyncio.wrap_future(self._batches.run(effect))

    async def send(self, effect: Send, address: str | None = None) -> ResponseHead:
        """See `http_client.send`."""
        return await http_client.send(effect, address)

    async def receive(self, response: http_client.OpenResponse) -> list[bytes]:
        """See `http_client.OpenResponse.receive`."""
        return await response.receive()

    async def close(self, response: http_client.OpenResponse) -> None:
        """See `http_client.OpenResponse.close`."""
        await response.close()

    def _open(self, key: tuple[str, Precision], opening: Future[OpenedModel]) -> None:
        try:
            opening.set_result(self._load(*key))
        except EdgeletError as error:
            opening.set_exception(error)
        except BaseException as error:  # whoever waits must learn of it
            failure = ModelError(f"{key[0]} cannot be opened: {error}")
            failure.__cause__ = error
            opening.set_exception(failure)

    def _load(self, model: str, precision: Precision) -> OpenedModel:
        from edgelet_host.engine import Engine
        from edgelet_host.store import ModelStore

        if self._store is None:
            self._store = ModelStore(progress=self._progress)
        artefact = self._store.artefact(model, precision)
        engine = Engine.open(artefact)
        tokenizer_json = (artefact / "tokenizer.json").read_bytes()
        encode = _library_tokenizer(tokenizer_json)
        return OpenedModel(engine, engine.card, tokenizer_json, engine.lanes, encode)


def _library_tokenizer(tokenizer_json: bytes) -> Callable[[str], list[int]]:
    """The Rust tokenizer of a model, made when it is first needed."""
    made: list[Any] = []

    def encode(text: str) -> list[int]:
        if not made:
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_buffer(tokenizer_json)
            tokenizer.no_truncation()
            tokenizer.no_padding()
            made.append(tokenizer)
        ids: list[int] = made[0].encode(text).ids
        return ids

    return encode
