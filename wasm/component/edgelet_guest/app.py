"""The component's face: the exports of `world.wit`, and what its snapshot holds.

This module is run once, when the component is built. What it imports, reads and warms is in the
snapshot that every instance starts from; a module that is not imported here does not exist later.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import wit_world
from componentize_py_types import Err
from wit_world.imports import console, effects, files, modules, response
from wit_world.imports.effects import Failure

from edgelet.functions import Loaded, loading
from edgelet.host import use_host
from edgelet_guest.answering import answer, described
from edgelet_guest.console import Console
from edgelet_guest.files import install
from edgelet_guest.host import GuestHost, sendable
from edgelet_guest.loop import TicketLoop, run
from edgelet_guest.modules import MAIN, HandedOver, compiled, forget
from edgelet_guest.standard_library import import_all
from edgelet_guest.warming import FakeImports, warm


class Guest:
    """The one function of this instance, and what it runs on."""

    def __init__(self, imports: Any, tokenizers: dict[str, bytes]) -> None:
        self.loop = TicketLoop()
        self.finder = HandedOver(imports.modules)
        self.host = GuestHost(imports.effects, self.loop, tokenizers)
        self.loaded: Loaded
        self.using = ExitStack()
        self.connect(imports)

    def connect(self, imports: Any) -> None:
        """Use these imports from now on."""
        self.response = imports.response
        self.host.effects = imports.effects
        self.finder.modules = imports.modules
        self.loop.wait = imports.effects.wait
        install(imports.files)
        time.sleep = imports.effects.pause  # the host's own sleep cannot be interrupted
        sys.stdout = Console(imports.console, "stdout")
        sys.stderr = Console(imports.console, "stderr")

    def compile(self, file: str, source: str) -> str:
        """See `world.wit`."""
        return str(_reported(lambda: compiled(file, source)))

    def load(self, env: str) -> None:
        """See `world.wit`."""
        if env != "{}":
            os.environ.update(json.loads(env))
        _reported(self._load)

    def handle(self, request: str) -> None:
        """See `world.wit`."""
        _reported(lambda: self._handle(request))

    def _load(self) -> None:
        with loading(f"{MAIN}.py") as self.loaded:
            self.finder.run_main()
        self.loaded.handler  # noqa: B018 (raises when there is none)

    def _handle(self, request: str) -> None:
        handler = self.loaded.handler
        run(self.loop, answer(handler, request, self.host.read_request, self.response))


def _reported(work: Any) -> Any:
    """What `work` gives; what it raises becomes the `failure` of an export."""
    try:
        return work()
    except BaseException as error:  # a handler may raise whatever it likes
        if isinstance(error, MemoryError):
            _reserve.clear()
        raise Err(Failure(type(error).__name__, _description(error))) from None
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _description(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)  # what it holds, to have room for words
    try:
        return sendable(described(error))
    except MemoryError:
        return "MemoryError"
    except BaseException as second:
        return f"{type(error).__name__} ({type(second).__name__} while it was described)"


class WitWorld(wit_world.WitWorld):
    """The exports."""

    def compile(self, file: str, source: str) -> str:
        """See `world.wit`."""
        return _guest.compile(file, source)

    def load(self, env: str) -> None:
        """See `world.wit`."""
        random.seed()  # a snapshot freezes its state
        _guest.load(env)

    def handle(self, request: str) -> None:
        """See `world.wit`."""
        _guest.handle(request)


class _Imports:
    console = console
    effects = effects
    files = files
    modules = modules
    response = response


def _prepared() -> Guest:
    import_all()
    tokenizer_json = Path(__file__).with_name("tokenizer.json").read_bytes()
    fake = FakeImports(tokenizer_json)
    guest = Guest(fake, {fake.digest: tokenizer_json})
    guest.using.enter_context(use_host(guest.host))
    sys.meta_path[:] = [guest.finder]  # there are no files, and all else is imported
    before = set(sys.modules)
    warm(guest, fake)
    forget(before)
    del guest.loaded
    guest.connect(_Imports)
    os.environ.clear()
    gc.collect()
    gc.freeze()
    return guest


_guest = _prepared()
_reserve = bytearray(1024 * 1024)
"""Room to say that there is no memory left; untouched, it takes none of the machine's."""
