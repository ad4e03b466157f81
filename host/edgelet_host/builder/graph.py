"""Writes an ONNX graph node by node, and puts it on disk with its weights beside it.

Knows ONNX; knows nothing of models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import helper, numpy_helper

from edgelet_host.builder.card import GRAPH, WEIGHTS

MICROSOFT = "com.microsoft"
"""onnxruntime's own operators, in every build of it, the web's too."""

_KEEP_INSIDE = 1024
"""Tensors below this many bytes stay in `model.onnx`: shapes and axes are needed to optimise it."""
_ALIGNMENT = 64
"""Bytes. Weights are mapped and read in place; this is a cache line and the widest vector."""


class Graph:
    """A graph under construction. Values are named by strings, as in ONNX itself.

    `prefix` keeps names apart from those of a graph that is built upon.
    """

    def __init__(self, opset: int, prefix: str = "") -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, onnx.TensorProto] = {}
        self._prefix = prefix

    def op(
        self, kind: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """Append one node with one output; returns the output's name."""
        return self.ops(kind, *inputs, outputs=[output], domain=domain, **attributes)[0]

    def ops(
        self, kind: str, *inputs: str, outputs: Iterable[str], domain: str = "", **attributes: Any
    ) -> list[str]:
        """Append one node; outputs named `""` get a name. Returns the names of the outputs."""
        name = f"{self._prefix}{kind}_{len(self.nodes)}"
        named = [output or f"{name}_{i}" for i, output in enumerate(outputs)]
        self.nodes.append(
            helper.make_node(kind, list(inputs), named, name=name, domain=domain, **attributes)
        )
        return named

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """A named tensor; the name must be new."""
        name = self._prefix + name
        if name in self.tensors:
            raise ValueError(f"the graph already has a tensor {name}")
        self.tensors[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def value(self, values: ArrayLike, dtype: DTypeLike) -> str:
        """A small constant, stored once however often it is asked for."""
        array = np.asarray(values, dtype)
        name = f"{self._prefix}{array.dtype}:{array.tolist()}"
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(array, name)
        return name

    def reduce(self, kind: str, x: str, axis: int) -> str:
        """A reduction over one axis, which keeps its place. ONNX changed how to say it."""
        if self.opset < 18:
            return self.op(kind, x, axes=[axis], keepdims=1)
        return self.op(kind, x, self.value([axis], np.int64), keepdims=1)


def write_model(model: onnx.ModelProto, folder: Path) -> dict[str, tuple[int, str]]:
    """Write `model.onnx` and `model.onnx.data`; returns size and sha256 of both, by name.

    Large tensors are moved out of `model`, which is changed by that.
    """
    digest = hashlib.sha256()
    size = 0
    with (folder / WEIGHTS).open("wb") as file:
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) < _KEEP_INSIDE:
                continue
            padding = b"\0" * (-size % _ALIGNMENT)
            for piece in (padding, tensor.raw_data):
                file.write(piece)
                digest.update(piece)
            size += len(padding)
            _point_to(tensor, size, len(tensor.raw_data))
            size += int(tensor.external_data[2].value)
    content = model.SerializeToString(deterministic=True)
    (folder / GRAPH).write_bytes(content)
    return {
        WEIGHTS: (size, digest.hexdigest()),
        GRAPH: (len(content), hashlib.sha256(content).hexdigest()),
    }


def _point_to(tensor: onnx.TensorProto, offset: int, length: int) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", WEIGHTS), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
