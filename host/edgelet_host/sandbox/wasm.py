"""What the sandbox needs of wasmtime, and the one place that knows its private interface.

wasmtime for Python has no public way to be called back when a guest's slice of time is over, and
none to give guests a larger stack. Both are in the C library, whose bindings are private there:
hence wasmtime's version is pinned to one major. And what it keeps in one set for the whole process
is kept here for each thread.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from wasmtime import Config, Engine, Store
from wasmtime import _ffi as ffi
from wasmtime.component import _types

SLICE = 0.01
"""Seconds between two epochs: how late a limit may be noticed."""

WASM_STACK = 8 * 1024 * 1024
"""Bytes of stack for a guest. Under it CPython reports its own recursion limit, not a trap."""

THREAD_STACK = WASM_STACK + 8 * 1024 * 1024
"""Bytes of stack that a thread needs to run guests."""

Verdict = Callable[[], str | None]
"""Why a guest is to be ended now, or `None`: it may go on."""


def new_engine() -> Engine:
    """An engine whose guests are interrupted every `SLICE`, while `Ticker` runs."""
    config = Config()
    config.epoch_interruption = True
    ffi.wasmtime_config_async_stack_size_set(config.ptr(), WASM_STACK + 2 * 1024 * 1024)
    config.max_wasm_stack = WASM_STACK
    return Engine(config)


def ask_every_slice(store: Store, verdict: Verdict) -> Callable[[], None]:
    """Ask `verdict` every slice of time while a guest of that store runs; returns what stops it.

    When it gives a reason the guest traps at once, wherever it is: in an endless loop, in C code,
    in an `except` that swallows everything.
    """
    number = next(_numbers)
    _verdicts[number] = verdict
    store.set_epoch_deadline(1)
    ffi.wasmtime_store_epoch_deadline_callback(store.ptr(), _slice_over, number, _NO_FINALIZER)

    def stop() -> None:
        _verdicts.pop(number, None)

    return stop


_numbers = count(1)
_verdicts: dict[int, Verdict] = {}
_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


def _judge(_: Any, number: int, more: Any, kind: Any) -> int:
    """Called by wasmtime, in the guest's thread. An exception here would be lost."""
    verdict = _verdicts.get(number)
    try:
        reason = "the instance is gone" if verdict is None else verdict()
    except Exception as error:  # the guest must not go on without a judge
        reason = f"the host failed: {error}"
    if reason is None:
        more[0] = 1
        kind[0] = _CONTINUE
        return 0
    trap = ffi.wasmtime_error_new(ctypes.create_string_buffer(reason.encode()))
    return ctypes.cast(trap, ctypes.c_void_p).value or 0


_CONTINUE = 0
"""`WASMTIME_UPDATE_DEADLINE_CONTINUE` of wasmtime's `store.h`."""

_slice_over = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.POINTER(ffi.wasmtime_context_t),
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ffi.wasmtime_update_deadline_kind_t),
)(_judge)


class _SetOfEachThread(threading.local):
    """As much of a set as wasmtime needs to note the classes of a case while it hands a value on.

    With one set for all, two guests that are answered at once now and then get no answer at all.
    """

    def __init__(self) -> None:
        kept: set[type] = set()
        self.clear, self.add = kept.clear, kept.add
        self._kept = kept

    def __iter__(self) -> Iterator[type]:
        return iter(self._kept)


_types.case_test_cache = _SetOfEachThread()  # type: ignore[assignment]


class Ticker:
    """Begins a new epoch every `SLICE` while guests run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._tick, daemon=True).start()

    def __enter__(self) -> None:
        with self._changed:
            self._running += 1
            self._changed.notify()

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._running -= 1

    def _tick(self) -> None:
        pause = threading.Event()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._running > 0)
            pause.wait(SLICE)
            self._engine.increment_epoch()
