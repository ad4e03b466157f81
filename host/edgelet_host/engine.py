"""Runs model artefacts with onnxruntime.

Pads, runs, hands the floats back; every bit of arithmetic is in the artefact's graph. There are two
ways of running, each with a session of its own that is opened when it is first needed:

- Batches of a list run side by side, one a core: `run` is called from several threads, and each
  call keeps to its own. All of them share one single-threaded session, because a session takes
  concurrent calls; measured against one session a core it is as fast (0.95 to 1.01 of the CPU
  time) and needs 150 MB instead of 250 (MiniLM, fp32, two cores).
- A text that is alone gets all cores.

Knows artefacts; knows nothing of where they come from, of tokenizers or of event loops.
"""

from __future__ import annotations

import base64
import math
import os
import threading
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edgelet.errors import ModelError
from edgelet.models import ModelCard
from edgelet_host.allocator import give_memory_back
from edgelet_host.builder.card import GRAPH, read_card

if TYPE_CHECKING:
    from edgelet.effects import Output

_FATAL_ONLY = 4
"""onnxruntime's log severity. What matters is raised; nothing is printed."""

_SLOWER = 1.1
"""How much slower one run may make what is expected. A run is slow by chance, and a short text's
tokens cost more; a machine that is slow is believed after some runs."""


class Engine:
    """One opened artefact. Safe to use from many threads at once."""

    def __init__(self, artefact: Path, card: ModelCard, cores: int) -> None:
        self._artefact = artefact
        self._card = card
        self._cores = cores
        self._sessions: dict[int, Any] = {}
        self._opening = threading.Lock()
        self._busy = 0
        self._seconds_a_token = math.inf
        self._counting = threading.Lock()
        self._options = onnxruntime.RunOptions()
        self._options.log_severity_level = _FATAL_ONLY
        # The graph has four outputs; what leads only to the other three is not run.
        self._options.only_execute_path_to_fetches = True

    @classmethod
    def open(cls, artefact: Path, cores: int | None = None) -> Engine:
        """Open the artefact in that folder.

        `cores` is how many the engine may use; by default as many as this process may. The
        card is read now, the weights with the first `run`. Raises `ModelError` when the artefact is
        damaged.

        >>> engine = Engine.open(artefact)
        >>> vector = engine.run(array("i", [101, 7592, 102]), array("i", [3]), "sentence_embedding")
        >>> len(vector) == engine.card.dimensions
        True
        """
        return cls(artefact, read_card(artefact), cores or available_cores())

    @property
    def artefact(self) -> Path:
        """The folder of the artefact."""
        return self._artefact

    @property
    def card(self) -> ModelCard:
        """The facts of the model."""
        return self._card

    @property
    def lanes(self) -> int:
        """How many batches run side by side at best: the number of cores."""
        return self._cores

    def run(
        self, token_ids: array[int], lengths: array[int], output: Output, alone: bool = False
    ) -> memoryview:
        """Run one batch; returns a flat, C-contiguous buffer of float32.

        Arguments and answer are those of `edgelet.effects.RunModel`: `token_ids` holds the ids of
        all texts one after another, `lengths` how many each text has. With `alone` the call gets
        all cores, unless another call is running. Raises `ModelError` when onnxruntime refuses the
        model or the batch.
        """
        inputs = {"token_ids": padded(token_ids, lengths), "lengths": np.asarray(lengths, np.int32)}
        with self._counting:
            self._busy += 1
            threads = self._cores if alone and self._busy == 1 else 1
        try:
            session = self._session(threads)
            began = time.perf_counter()
            (values,) = session.run([output], inputs, self._options)
            if alone and token_ids:
                rate = (time.perf_counter() - began) / len(token_ids)
                self._seconds_a_token = min(rate, self._seconds_a_token * _SLOWER)
        except ModelError:
            raise
        except Exception as error:  # onnxruntime's errors share no base class of its own
            raise _refused(self._artefact, "cannot run a batch", error) from error
        finally:
            with self._counting:
                self._busy -= 1
        return memoryview(values.reshape(-1))

    def expected_seconds(self, tokens: int) -> float:
        """Seconds that a text of so many tokens takes when it is alone, by those that were.

        Infinite before the first. Takes the time of a token to be the same in all texts.
        """
        return self._seconds_a_token * tokens

    def _session(self, threads: int) -> Any:
        session = self._sessions.get(threads)
        if session is None:
            with self._opening:
                session = self._sessions.get(threads)
                if session is None:
                    session = self._sessions[threads] = _open_session(
                        self._artefact, self._card, threads
                    )
        return session


def padded(token_ids: array[int], lengths: array[int]) -> NDArray[np.int32]:
    """The ids as int32 [texts, longest], padded with 0; without a copy where nothing is padded.

    >>> padded(array("i", [7, 8, 9]), array("i", [1, 2])).tolist()
    [[7, 0], [8, 9]]
    """
    flat, counts = np.asarray(token_ids, np.int32), np.asarray(lengths, np.int32)
    longest = counts.max(initial=0)
    if flat.size == longest * counts.size:
        return flat.reshape(counts.size, longest)
    batch = np.zeros((counts.size, longest), np.int32)
    batch[np.arange(longest) < counts[:, None]] = flat
    return batch


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def int8_saturates() -> bool:
    """Whether this processor's int8 product of unsigned by signed bytes loses large sums.

    x86 without VNNI adds pairs of products in 16 bits (`PMADDUBSW`). A tiny graph that multiplies
    255 by 127 tells, on every system.
    """
    options = _session_options(1)
    session = onnxruntime.InferenceSession(
        base64.b64decode(_PROBE), options, providers=["CPUExecutionProvider"]
    )
    (sums,) = session.run(None, {"a": np.full((8, 64), 255, np.uint8)})
    return not bool((sums == 64 * 255 * 127).all())


_PROBE = (
    "CAo6gwEKEQoBYwoBcxIBdyIGRXhwYW5kChgKAWEKAXcSAXkiDU1hdE11bEludGVnZXISBXByb2JlKggQA0IB"
    "Y0oBfyoZCAIQB0IBc0oQQAAAAAAAAABAAAAAAAAAAFoTCgFhEg4KDAgCEggKAggICgIIQGITCgF5Eg4KDAgG"
    "EggKAggICgIIQEIECgAQEg=="
)
"""An ONNX graph, `MatMulInteger(a, w)`: a uint8 [8, 64], w int8 [64, 64] of 127 (base64).

tests/builder/test_engine.py makes the same bytes with onnx, which need not be imported here.
"""


def _open_session(artefact: Path, card: ModelCard, threads: int) -> Any:
    options = _session_options(threads)
    try:
        if card.precision == "int8" and int8_saturates():
            # Slower, but right. Not set without need: it would slow the right kernels down too.
            options.add_session_config_entry("session.x64quantprecision", "1")
        session = onnxruntime.InferenceSession(
            str(artefact / GRAPH), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors share no base class of its own
        raise _refused(artefact, "cannot be opened", error) from error
    give_memory_back()  # opening `q8` passes through 180 MB, of which 70 stay in use (MiniLM)
    return session


def _session_options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # With the arena and without memory patterns, of which one is kept for every shape ever seen,
    # memory stays flat over mixed lengths at no cost in speed.
    options.enable_mem_pattern = False
    return options


def _refused(artefact: Path, what: str, error: Exception) -> ModelError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return ModelError(f"the model in {artefact} {what}: {reason[0]}")
