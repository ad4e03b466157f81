"""The imports of `world.wit`, from WASI 0.2 and from what was built in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from componentize_py_types import Err

from edgelet_standalone.answer import Answer, Incoming
from edgelet_standalone.exchanges import Exchanges
from edgelet_standalone.tickets import Failed, Tickets

_NO_MODELS = (
    "a standalone component runs no embedding model; ask a server for vectors by fetch(), "
    "or deploy the function with --target deno, node or bun"
)
_OUTPUTS = {"stdout": 1, "stderr": 2}


class Effects:
    """`effects`, for the request in hand."""

    def __init__(self, incoming: Incoming) -> None:
        self._exchanges = Exchanges()
        self._incoming = incoming
        self._tickets = tickets = Tickets()
        self.wait = tickets.wait
        self.take = tickets.take
        self.cancel = tickets.cancel
        self.pause = tickets.pause
        self.close = self._exchanges.close

    def open_model(self, _: str, __: str | None) -> int:
        """There is no engine in a component."""
        return self._tickets.refused(Failed("model", _NO_MODELS))

    def send(self, *asked: Any) -> int:
        """See `world.wit`."""
        return self._tickets.begin(self._exchanges.send(*asked))

    def receive(self, response: int) -> int:
        """See `world.wit`."""
        return self._tickets.begin(self._exchanges.receive(response))

    def read_request(self) -> int:
        """See `world.wit`."""
        return self._tickets.begin(self._incoming.read())

    def end(self) -> None:
        """Give up what is still open."""
        self._exchanges.close_all()
        self._incoming.close()


@dataclass(frozen=True, slots=True)
class Imports:
    """The five interfaces, for one request."""

    effects: Effects
    response: Answer
    modules: BuiltIn
    files: Any
    console: Any


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the function: marshalled code as text, and the source for tracebacks."""

    marshalled: str
    source: str
    is_package: bool


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """`modules`: those that were given when the component was built."""

    modules: Mapping[str, Module]

    def code(self, name: str) -> str | None:
        """See `world.wit`."""
        module = self.modules.get(name)
        return None if module is None else module.marshalled

    def is_package(self, name: str) -> bool:
        """See `world.wit`."""
        return name in self.modules and self.modules[name].is_package

    def source(self, name: str) -> str | None:
        """See `world.wit`."""
        module = self.modules.get(name)
        return None if module is None else module.source


class NoFiles:
    """`files`: there are none."""

    def read(self, _: str) -> str:
        """See `world.wit`."""
        raise Err("absent")


class Console:
    """`console`: the component's own standard output and error."""

    def write(self, name: str, text: str) -> None:
        """See `world.wit`."""
        os.write(_OUTPUTS[name], text.encode())
