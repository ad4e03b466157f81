"""One instance of the component: made, loaded with a function, asked once, and thrown away."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from wasmtime import Engine, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, Func, Instance, Linker, Record, Variant

from edgelet_host.sandbox.turns import Turns
from edgelet_host.sandbox.wasm import Ticker, Verdict, ask_every_slice

_WASI_POLL = "wasi:io/poll@0.2.12"
_PACKAGE = "edgelet:function/{}@0.1.0"


class Outcome(NamedTuple):
    """What a call of an export came to: `kind` is `done`, `raised`, or `trapped`."""

    kind: str
    reason: str = ""
    """The class of what was raised, or why it trapped."""
    detail: str = ""
    """The traceback."""
    value: str = ""


class Runtime(NamedTuple):
    """What all instances of a worker process share."""

    engine: Engine
    component: Component
    ticker: Ticker
    turns: Turns


class GuestInstance:
    """A component with memory of its own, which it gets with the first call."""

    def __init__(self, runtime: Runtime, linker: Linker, memory_mb: int, verdict: Verdict) -> None:
        self._ticker = runtime.ticker
        self._store = Store(runtime.engine)
        self._store.set_wasi(WasiConfig())  # no arguments, environment, folders, sockets or streams
        self._store.set_limits(memory_size=memory_mb * 1024 * 1024)
        self._forget_verdict = ask_every_slice(self._store, verdict)
        self._linker, self._component = linker, runtime.component
        self._exports: dict[str, Func] = {}

    def call(self, export: str, *arguments: str) -> Outcome:
        """Call an export of `world.wit`. After `trapped` the instance cannot be called again."""
        outcome = self._called(export, arguments)
        if outcome.kind == "trapped":
            gc.collect()  # wasmtime leaves a trap in a cycle with its callers and what they hold
        return outcome

    def _called(self, export: str, arguments: tuple[str, ...]) -> Outcome:
        try:
            with self._ticker:
                if not self._exports:
                    self._exports = self._instantiated()
                answer = self._exports[export](self._store, *arguments)
        except Exception as trap:  # wasmtime's own kinds, or a fault of the host
            return Outcome("trapped", _trap_reason(trap))
        if isinstance(answer, Variant):
            answer = answer.payload
        if isinstance(answer, Record):
            failure: Any = answer
            return Outcome("raised", failure.kind, failure.reason)
        return Outcome("done", value=answer or "")

    def _instantiated(self) -> dict[str, Func]:
        instance = self._linker.instantiate(self._store, self._component)
        return {name: _exported(instance, self._store, name) for name in _EXPORTS}

    def close(self) -> None:
        """Give its memory back."""
        self._exports.clear()
        self._store.close()
        self._forget_verdict()


_EXPORTS = ("compile", "load", "handle")


def _exported(instance: Instance, store: Store, name: str) -> Func:
    function = instance.get_func(store, name)
    if function is None:
        raise WasmtimeError(f"the component does not export {name}")
    return function


def _trap_reason(trap: Exception) -> str:
    """The cause that wasmtime names, below its backtrace."""
    _, named, cause = str(trap).partition("Caused by:")
    lines = (cause if named else str(trap)).strip().splitlines()
    return lines[-1].strip().removeprefix("wasm trap: ") if lines else type(trap).__name__


_linking = threading.Lock()


def linked(engine: Engine, imports: dict[str, dict[str, Callable[..., Any]]]) -> Linker:
    """The imports of `world.wit`, by interface and name, and WASI with nothing behind it.

    A function of `imports` must not raise: wasmtime hands exceptions on through one variable of the
    whole process.
    """
    with _linking:  # wasmtime's table of functions is not made for several threads
        linker = Linker(engine)
        linker.add_wasip2()
        linker.allow_shadowing = True
        with linker.root() as root:
            with root.add_instance(_WASI_POLL) as poll:
                # Epochs cannot interrupt WASI's own waits, and a guest must not have such.
                poll.add_func("[method]pollable.block", _refuse_to_block)
                poll.add_func("poll", _refuse_to_block)
            for interface, functions in imports.items():
                with root.add_instance(_PACKAGE.format(interface)) as instance:
                    for name, function in functions.items():
                        instance.add_func(name, function)
        return linker


def _refuse_to_block(*_: Any) -> None:
    raise WasmtimeError("a function may not block in WASI")
