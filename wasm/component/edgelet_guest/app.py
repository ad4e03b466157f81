"""The component's face: the exports of `world.wit`."""

from __future__ import annotations

import random
import sys
import traceback
from pathlib import Path
from typing import Any

import wit_world
from componentize_py_types import Err
from wit_world.imports import console, effects, files, modules, response
from wit_world.imports.effects import Failure

from edgelet_guest.answering import described
from edgelet_guest.host import sendable
from edgelet_guest.snapshot import freeze, warmed_guest
from edgelet_guest.warming import EMBEDS_TOO


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
        return str(_reported(lambda: _guest.compile(file, source)))

    def load(self, env: str) -> None:
        """See `world.wit`."""
        random.seed()  # a snapshot freezes its state
        _reported(lambda: _guest.load(env))

    def handle(self, request: str) -> None:
        """See `world.wit`."""
        _reported(lambda: _guest.handle(request))


class _Imports:
    console = console
    effects = effects
    files = files
    modules = modules
    response = response


_guest = warmed_guest(EMBEDS_TOO, Path(__file__).with_name("tokenizer.json").read_bytes())
_guest.connect(_Imports)
freeze()
_reserve = bytearray(1024 * 1024)
"""Room to say that there is no memory left; untouched, it takes none of the machine's."""
