"""The imports of `world.wit`, from WASI 0.2 and from what was built in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from componentize_py_types import Err

from edgelet_standalone.answer import Answer, Incoming
from edgelet_standalone.exchanges import Exchanges
from edgelet_standalone.models import Models
from edgelet_standalone.tickets import Failed, Tickets

_OUTPUTS = {"stdout": 1, "stderr": 2}


class Effects:
    """`effects`, for the request in hand."""

    def __init__(self, incoming: Incoming, models: Models) -> None:
        self._exchanges = Exchanges()
        self._models = models
        self._incoming = incoming
        self._tickets = tickets = Tickets()
        self.wait = tickets.wait
        self.take = tickets.take
        self.cancel = tickets.cancel
        self.pause = tickets.pause
        self.close = self._exchanges.close

    def open_model(self, model: str, precision: str | None) -> int:
        """See `world.wit`."""
        return self._at_once(lambda: self._models.open(model, precision))

    def run_model(self, _: int, token_ids: str, lengths: str, output: str, __: bool) -> int:
        """See `world.wit`. The host computes while the function waits."""
        return self._at_once(lambda: self._models.run(token_ids, lengths, output))

    def send(self, *asked: Any) -> int:
        """See `world.wit`."""
        return self._tickets.begin(self._exchanges.send(*asked))

    def receive(self, response: int) -> int:
        """See `world.wit`."""
        return self._tickets.begin(self._exchanges.receive(response))

    def read_request(self) -> int:
        """See `world.wit`."""
        return self._tickets.begin(self._incoming.read())

    def _at_once(self, work: Callable[[], str]) -> int:
        try:
            return self._tickets.answered(work())
        except Failed as failed:
            return self._tickets.answered(failed)

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
class BuiltIn:
    """`modules`: what was built in of each by its name, `code`, `source` and `package`."""

    modules: Mapping[str, Mapping[str, Any]]

    def code(self, name: str) -> str | None:
        """See `world.wit`."""
        return self.modules[name]["code"] if name in self.modules else None

    def is_package(self, name: str) -> bool:
        """See `world.wit`."""
        return name in self.modules and self.modules[name]["package"]

    def source(self, name: str) -> str | None:
        """See `world.wit`."""
        return self.modules[name]["source"] if name in self.modules else None


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
