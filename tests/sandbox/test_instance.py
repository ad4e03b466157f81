"""One instance of the component, in this process."""

from __future__ import annotations

import gc
import socket
import weakref
from collections.abc import Iterator

import pytest
from wasmtime.component import Component

from edgelet_host.sandbox.component import prepared_component
from edgelet_host.sandbox.frames import Channel
from edgelet_host.sandbox.imports import Imports
from edgelet_host.sandbox.instance import GuestInstance, Runtime, linked
from edgelet_host.sandbox.supervision import Supervision
from edgelet_host.sandbox.turns import Turns
from edgelet_host.sandbox.wasm import Ticker, new_engine

LONG = "x = [" + "1, " * 1_000_000 + "]"
"""Takes more than a slice to compile."""


class Answers:
    """What a caller holds while its instance runs."""


@pytest.fixture
def reasons() -> list[str]:
    """Why the instance has to end, once there is a reason."""
    return []


@pytest.fixture
def instance(reasons: list[str]) -> Iterator[GuestInstance]:
    engine = new_engine()
    component = Component.deserialize_file(engine, str(prepared_component()))
    runtime = Runtime(engine, component, Ticker(engine), Turns())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        imports = Imports(Supervision(Channel(theirs), runtime.turns)).table()
        instance = GuestInstance(
            runtime, linked(engine, imports), 512, lambda: reasons[0] if reasons else None
        )
        yield instance
        instance.close()


def test_a_trap_keeps_nothing_of_who_called(instance: GuestInstance, reasons: list[str]) -> None:
    def trapped() -> weakref.ref[Answers]:
        answers = Answers()
        assert instance.call("compile", "main.py", LONG).reason == "it is over"
        return weakref.ref(answers)

    assert instance.call("compile", "main.py", "x = 1").kind == "done"
    reasons.append("it is over")
    gc.disable()  # what is collected by chance proves nothing
    try:
        held = trapped()
    finally:
        gc.enable()
    assert held() is None
