"""The component's face: `wasi:http/incoming-handler`, and what its snapshot holds.

The function's modules are compiled when the component is built, and run by the first request:
before it, there is no environment to read.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from wit_world import exports
from wit_world.imports import environment

from edgelet_guest.answering import answer, described
from edgelet_guest.loop import run
from edgelet_guest.snapshot import freeze, warmed_guest
from edgelet_guest.warming import ASKS_LANGUAGE_MODELS
from edgelet_standalone.answer import Answer, ClientLeft, Incoming
from edgelet_standalone.imports import BuiltIn, Console, Effects, Imports, Module, NoFiles

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
        effects = Effects(incoming)
        _guest.connect(Imports(effects, response, _modules, NoFiles(), Console()))
        try:
            if _booted(response):
                _answer(incoming, response)
        finally:
            effects.end()
            sys.stdout.flush()
            sys.stderr.flush()


def _booted(response: Answer) -> bool:
    """Whether the function's modules are loaded; loads them, once."""
    if hasattr(_guest, "loaded"):
        return True
    random.seed()  # a snapshot freezes its state
    given = dict(environment.get_environment())
    os.environ.clear()
    try:
        _guest.load(json.dumps({name: given[name] for name in _variables if name in given}))
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


def _built_in(function: dict[str, Any]) -> BuiltIn:
    return BuiltIn({name: _module(**given) for name, given in function["modules"].items()})


def _module(file: str, source: str, package: bool) -> Module:
    try:
        return Module(_guest.compile(file, source), source, package)
    except SyntaxError as error:
        raise SyntaxError(str(error)) from None  # file and line in one line


_function = json.loads(Path(__file__).with_name("function.json").read_bytes())
_guest = warmed_guest(ASKS_LANGUAGE_MODELS)
_modules = _built_in(_function)
_variables: list[str] = _function["variables"]
freeze()
