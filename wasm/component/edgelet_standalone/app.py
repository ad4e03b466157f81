"""The component's face: `wasi:http/incoming-handler`, and what its snapshot holds.

The function's modules are read and run by an instance's first request: before it, there is no
environment, and when the snapshot is made there is no function.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

from wit_world import exports
from wit_world.imports import environment

from edgelet_guest.answering import answer, described
from edgelet_guest.guest import Guest
from edgelet_guest.loop import run
from edgelet_guest.snapshot import freeze, warmed_guest
from edgelet_guest.warming import ASKS_LANGUAGE_MODELS, EMBEDS_TOO
from edgelet_standalone.answer import Answer, ClientLeft, Incoming
from edgelet_standalone.imports import BuiltIn, Console, Effects, Imports, NoFiles
from edgelet_standalone.models import Models, NoModels
from edgelet_standalone.slot import content, room

_ATTENTION = 0.25
"""Seconds within which it is noticed that a client has left while there was nothing to say."""

_FAILURES = {
    503: ("BOOT_ERROR", "Worker failed to boot (please check logs)"),
    500: ("WORKER_ERROR", "Function exited due to an error (please check logs)"),
}


class IncomingHandler(exports.IncomingHandler):
    """The export."""

    def handle(self, request: Any, response_out: Any) -> None:
        """Answer one request."""
        incoming, response = Incoming(request), Answer(response_out)
        effects = Effects(incoming, _models)
        modules = BuiltIn(_function()["modules"])
        _guest.connect(Imports(effects, response, modules, NoFiles(), Console()))
        try:
            if _booted(response):
                _answer(incoming, response)
        finally:
            effects.end()
            sys.stdout.flush()
            sys.stderr.flush()


@cache
def _function() -> dict[str, Any]:
    """What was written when it was deployed: its modules, and the variables that it may see."""
    function: dict[str, Any] = json.loads(content(_room))
    return function


def _booted(response: Answer) -> bool:
    """Whether the function's modules are loaded; loads them, once."""
    if hasattr(_guest, "loaded"):
        return True
    random.seed()  # a snapshot freezes its state
    given = dict(environment.get_environment())
    os.environ.clear()
    try:
        names = _function()["variables"]
        _guest.load(json.dumps({name: given[name] for name in names if name in given}))
    except BaseException as error:  # a module may raise whatever it likes
        _failed(response, 503, error)
        del _guest.loaded
        return False
    return True


def _answer(incoming: Incoming, response: Answer) -> None:
    handler, read = _guest.loaded.handler, _guest.host.read_request
    answering = answer(handler, incoming.facts, read, response)
    try:
        run(_guest.loop, _unless_left(answering, response.left))
    except BaseException as error:  # a handler may raise whatever it likes
        if not response.begun:
            _failed(response, 500, error)
            return
        if not isinstance(error, ClientLeft | asyncio.CancelledError):
            _say(error)
        response.break_off()
    else:
        response.end()


async def _unless_left(work: Awaitable[None], left: Callable[[], bool]) -> None:
    """Do the work, and cancel it when nobody wants its answer any more."""
    working = asyncio.ensure_future(work)
    while not working.done():
        await asyncio.wait([working], timeout=_ATTENTION)
        if not working.done() and left():
            working.cancel()
    working.result()


def _failed(response: Answer, status: int, error: BaseException) -> None:
    _say(error)
    code, message = _FAILURES[status]
    headers = [("content-type", "application/json"), ("x-relay-error", "true")]
    response.head(status, json.dumps(headers))
    response.write(json.dumps({"code": code, "message": message}))
    response.end()


def _say(error: BaseException) -> None:
    sys.stderr.write(described(error))


def _with_model(model: dict[str, Any] | None) -> tuple[Guest, Models]:
    if model is None:
        return warmed_guest(ASKS_LANGUAGE_MODELS), NoModels()
    from edgelet_standalone.nn import OneModel  # its imports are of another world

    return warmed_guest(EMBEDS_TOO, model["tokenizer"].encode()), OneModel(**model)


_guest, _models = _with_model(json.loads(Path(__file__).with_name("model.json").read_bytes()))
_room = room()
freeze()
