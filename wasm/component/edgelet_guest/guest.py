"""The one function of an instance, and what it runs on: loop, host, modules, console and files.

Knows the imports of `world.wit` as an object of five parts, whoever performs them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from typing import Any

from edgelet.functions import Loaded, loading
from edgelet_guest.answering import answer
from edgelet_guest.console import Console
from edgelet_guest.files import install
from edgelet_guest.host import GuestHost
from edgelet_guest.loop import TicketLoop, run
from edgelet_guest.modules import MAIN, HandedOver, compiled


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
        return compiled(file, source)

    def load(self, env: str) -> None:
        """See `world.wit`."""
        if env != "{}":
            os.environ.update(json.loads(env))
        with loading(f"{MAIN}.py") as self.loaded:
            self.finder.run_main()
        self.loaded.handler  # noqa: B018 (raises when there is none)

    def handle(self, request: str) -> None:
        """See `world.wit`."""
        handler = self.loaded.handler
        run(self.loop, answer(handler, request, self.host.read_request, self.response))
