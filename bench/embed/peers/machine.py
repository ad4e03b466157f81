"""How fast this machine multiplies matrices at best, in the shapes of the model."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from serving import Options, Verbs, serve

ROWS = (128, 512, 2048)
"""Tokens of a batch."""
SECONDS = 0.1
"""How long each shape is multiplied."""


def load(options: Options) -> Verbs:
    """Products of `rows` by the model's weights, by numpy's BLAS and by onnxruntime."""
    hidden, wide, threads = options["hidden"], options["intermediate"], options["threads"]
    calls: dict[str, list[tuple[float, Callable[[], object]]]] = {"fp32": [], "int8": []}
    for inner, outer in ((hidden, hidden), (hidden, wide), (wide, hidden)):
        sessions = {kind: _product(kind, inner, outer, threads) for kind in calls}
        for rows in ROWS:
            operations = 2.0 * rows * inner * outer
            a, b = np.ones((rows, inner), np.float32), np.ones((inner, outer), np.float32)
            calls["fp32"].append((operations, lambda a=a, b=b: a @ b))
            for kind, session in sessions.items():
                feeds = {"a": a if kind == "fp32" else a.astype(np.uint8)}
                run = lambda session=session, feeds=feeds: session.run(None, feeds)  # noqa: E731
                calls[kind].append((operations, run))

    def peak() -> dict[str, float]:
        """Operations a second, the most of all shapes."""
        return {kind: max(n / _fastest(call) for n, call in made) for kind, made in calls.items()}

    return {"peak": peak}


def _fastest(call: Callable[[], object]) -> float:
    call()
    end = time.perf_counter() + SECONDS
    fastest = float("inf")
    while (started := time.perf_counter()) < end:
        call()
        fastest = min(fastest, time.perf_counter() - started)
    return fastest


def _product(kind: str, inner: int, outer: int, threads: int) -> Any:
    whole = kind == "int8"
    weights = numpy_helper.from_array(
        np.ones((inner, outer), np.int8 if whole else np.float32), "b"
    )
    given, found = (
        (TensorProto.UINT8, TensorProto.INT32) if whole else (TensorProto.FLOAT, TensorProto.FLOAT)
    )
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger" if whole else "MatMul", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", given, ["rows", inner])],
        [helper.make_tensor_value_info("c", found, ["rows", outer])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


serve(load)
