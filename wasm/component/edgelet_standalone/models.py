"""`OpenModel` and `RunModel`, and how they are refused."""

from __future__ import annotations

from typing import Protocol

from edgelet_standalone.tickets import Failed

_NONE = (
    "this component was deployed without an embedding model; deploy it without --no-model, or "
    "ask a server for vectors by fetch()"
)


class Models(Protocol):
    """The two effects. Both return their answers at once, and raise `Failed`."""

    def open(self, model: str, precision: str | None) -> str:
        """See `open-model` of `world.wit`."""
        ...

    def run(self, token_ids: str, lengths: str, output: str) -> str:
        """See `run-model` of `world.wit`."""
        ...


class NoModels:
    """There is no engine."""

    def open(self, _: str, __: str | None) -> str:
        """Refuse."""
        raise Failed("model", _NONE)

    def run(self, *_: str) -> str:
        """Refuse."""
        raise Failed("model", _NONE)
