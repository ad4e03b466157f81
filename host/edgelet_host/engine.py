"""Runs model artefacts by onnxruntime.

Placeholder until measured: one session with all cores for a single text, one session with a single
thread, shared by the worker threads, for the batches of a list.
"""

from __future__ import annotations

import threading
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from edgelet.errors import ModelError
from edgelet.models import ModelCard
from edgelet_host.builder import read_card


class Engine:
    """An opened artefact."""

    def __init__(self, artefact: Path) -> None:
        self.card: ModelCard = read_card(artefact)
        self._artefact = artefact
        self._sessions: dict[bool, Any] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, artefact: Path) -> Engine:
        engine = cls(artefact)
        engine._session(True)
        return engine

    def run(
        self, token_ids: array[int], lengths: array[int], output: str, alone: bool = False
    ) -> memoryview:
        import onnxruntime

        counts = np.frombuffer(lengths, np.int32)
        flat = np.frombuffer(token_ids, np.int32)
        longest = int(counts.max())
        if len(flat) == len(counts) * longest:
            ids = flat.reshape(len(counts), longest)
        else:
            ids = np.zeros((len(counts), longest), np.int32)
            ids[np.arange(longest) < counts[:, None]] = flat
        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True
        feeds = {"token_ids": ids, "lengths": counts}
        (rows,) = self._session(alone).run([output], feeds, options)
        return memoryview(np.ascontiguousarray(rows).reshape(-1))

    def _session(self, alone: bool) -> Any:
        import onnxruntime

        with self._lock:
            if alone not in self._sessions:
                options = onnxruntime.SessionOptions()
                options.log_severity_level = 4
                if not alone:
                    options.intra_op_num_threads = 1
                try:
                    self._sessions[alone] = onnxruntime.InferenceSession(
                        self._artefact / "model.onnx", options, providers=["CPUExecutionProvider"]
                    )
                except Exception as error:
                    raise ModelError(f"{self.card.model} cannot be opened: {error}") from error
            return self._sessions[alone]
