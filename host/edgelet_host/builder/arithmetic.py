"""How weights are stored and multiplied: one class for each precision.

All three answer the same two questions: how a table of embeddings is looked up, and how several
linear layers are applied to one input. They know tensors and operators, and nothing of BERT but
what an `Activation` tells of its values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from edgelet_host.builder.graph import MICROSOFT, Graph
from edgelet_host.builder.safetensors import Array

GELU_MINIMUM = -0.17
"""GELU never gives less (its minimum is -0.16997), which is worth a bit of precision."""


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer, `x @ weight + bias`: weight [inputs, outputs], bias [outputs] or none."""

    name: str
    weight: Array
    bias: Array | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """A float32 tensor [texts, tokens, n] of the graph, and what is known of its values.

    `normed` comes out of the layer normalisation `origin`; `mixed` is a mixture of attention
    values; `gelu` comes out of GELU.
    """

    tensor: str
    kind: Literal["normed", "mixed", "gelu"]
    origin: str = ""


class Arithmetic(Protocol):
    """One precision."""

    def embed(self, graph: Graph, ids: str, table: Array) -> str:
        """Look up rows of `table` [words, n] by int32 ids; returns float32."""
        ...

    def linear(self, graph: Graph, x: Activation, layers: Sequence[Dense]) -> list[str]:
        """Apply several linear layers to one input; returns their outputs in order."""
        ...


class Float32:
    """`fp32`: weights as they are."""

    def embed(self, graph: Graph, ids: str, table: Array) -> str:
        """See `Arithmetic.embed`."""
        return graph.op("Gather", graph.constant("embeddings.words", table), ids)

    def linear(self, graph: Graph, x: Activation, layers: Sequence[Dense]) -> list[str]:
        """See `Arithmetic.linear`."""
        return [self._product(graph, x.tensor, layer) for layer in layers]

    def _product(self, graph: Graph, x: str, layer: Dense) -> str:
        y = graph.op("MatMul", x, graph.constant(f"{layer.name}.weight", layer.weight))
        return _with_bias(graph, y, layer.name, layer.bias)


class Blocks8:
    """`q8`: 8-bit weights in blocks of 32 inputs with a float32 scale each.

    The operator quantises activations to 8 bits in the same blocks (accuracy level 4), which is
    why its vectors are very near fp32's.
    """

    _BLOCK = 32

    def embed(self, graph: Graph, ids: str, table: Array) -> str:
        """See `Arithmetic.embed`."""
        return _embed_rows(graph, ids, table)

    def linear(self, graph: Graph, x: Activation, layers: Sequence[Dense]) -> list[str]:
        """See `Arithmetic.linear`."""
        return [self._product(graph, x.tensor, layer) for layer in layers]

    def _product(self, graph: Graph, x: str, layer: Dense) -> str:
        inputs, outputs = layer.weight.shape
        blocks = -(-inputs // self._BLOCK)
        padded = np.zeros((outputs, blocks * self._BLOCK), np.float32)
        padded[:, :inputs] = layer.weight.T
        quantised, scales = _quantise(padded.reshape(outputs, blocks, self._BLOCK), axis=2)
        optional = []
        if layer.bias is not None:
            optional = ["", "", graph.constant(f"{layer.name}.bias", layer.bias)]
        return graph.op(
            "MatMulNBits",
            x,
            # Unsigned with 128 as zero, which is the operator's default.
            graph.constant(f"{layer.name}.blocks", quantised.view(np.uint8) ^ 0x80),
            graph.constant(f"{layer.name}.scales", scales[:, :, 0]),
            *optional,
            domain=MICROSOFT,
            K=inputs,
            N=outputs,
            bits=8,
            block_size=self._BLOCK,
            accuracy_level=4,
        )


class Rows8:
    """`int8`: 8-bit weights, a scale for each output; 8-bit activations, a scale for each token.

    A token's scale is its own, so that a text's vector does not depend on its neighbours in a
    batch. `largest` holds the largest absolute value of each channel after each layer
    normalisation (`calibration.largest_values`): channels that are always large are made smaller,
    and their weights larger, before they are rounded (Xiao et al., "SmoothQuant", 2022). The plain
    int8 product costs 0.0024 of cosine similarity to fp32, this one 0.0007.

    Weights are signed because the fast kernels of x86 want them so; on processors where those
    kernels saturate, the engine tells onnxruntime to turn them into unsigned ones.
    """

    _STRENGTH = 0.6
    """How much of the difficulty moves from activations to weights; 0.5 to 0.7 are equally good."""

    def __init__(self, largest: Mapping[str, Array]) -> None:
        self._largest = largest

    def embed(self, graph: Graph, ids: str, table: Array) -> str:
        """See `Arithmetic.embed`."""
        return _embed_rows(graph, ids, table)

    def linear(self, graph: Graph, x: Activation, layers: Sequence[Dense]) -> list[str]:
        """See `Arithmetic.linear`."""
        tensor = x.tensor
        if x.kind == "normed":
            factors = self._smoothing(self._largest[x.origin], [layer.weight for layer in layers])
            inverse = graph.constant(f"{x.origin}.smoothing", 1 / factors)
            tensor = graph.op("Mul", tensor, inverse)
            layers = [
                Dense(layer.name, layer.weight * factors[:, None], layer.bias) for layer in layers
            ]
        rows = self._round_gelu(graph, tensor) if x.kind == "gelu" else self._round(graph, tensor)
        return [self._product(graph, rows, layer) for layer in layers]

    def _smoothing(self, largest: Array, weights: Sequence[Array]) -> Array:
        heaviest = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
        factors = np.maximum(largest, 1e-6) ** self._STRENGTH
        factors /= np.maximum(heaviest, 1e-6) ** (1 - self._STRENGTH)
        # Quarter steps between powers of two: the last bits of `largest`, which differ from
        # machine to machine, must not reach the artefact.
        steps = np.log2(factors) - np.log2(factors).mean()
        factors = np.exp2(np.rint(steps * 4) / 4)
        return np.asarray(factors, np.float32)

    def _round(self, graph: Graph, x: str) -> _Rows:
        """Symmetric: `x = (quantised - 128) * scale`."""
        largest = graph.reduce("ReduceMax", graph.op("Abs", x), -1)
        scale = _positive(graph, graph.op("Mul", largest, graph.value(1 / 127, np.float32)))
        zero = graph.value(128, np.uint8)
        quantised = graph.op(
            "QuantizeLinear", graph.op("Div", x, scale), graph.value(1, np.float32), zero
        )
        return _Rows(quantised, scale, zero, minimum=0.0)

    def _round_gelu(self, graph: Graph, x: str) -> _Rows:
        """From GELU's known minimum up: `x = quantised * scale + minimum`."""
        lifted = graph.op("Sub", x, graph.value(GELU_MINIMUM, np.float32))
        largest = graph.reduce("ReduceMax", lifted, -1)
        scale = _positive(graph, graph.op("Mul", largest, graph.value(1 / 255, np.float32)))
        zero = graph.value(0, np.uint8)
        quantised = graph.op(
            "QuantizeLinear", graph.op("Div", lifted, scale), graph.value(1, np.float32), zero
        )
        return _Rows(quantised, scale, zero, minimum=GELU_MINIMUM)

    def _product(self, graph: Graph, x: _Rows, layer: Dense) -> str:
        weight, scales = _quantise(layer.weight, axis=0)
        product = graph.op(
            "MatMulIntegerToFloat",
            x.quantised,
            graph.constant(f"{layer.name}.weight", weight),
            graph.value(1, np.float32),
            graph.constant(f"{layer.name}.scales", scales[0]),
            x.zero,
            # A tensor of its own: onnxruntime rewrites it on processors without VNNI, and fails
            # where one zero point serves two products.
            graph.constant(f"{layer.name}.zero", np.zeros((), np.int8)),
            domain=MICROSOFT,
        )
        bias = layer.bias
        if x.minimum:  # the rounded weights' share of it is a constant for each output
            columns = weight.sum(axis=0, dtype=np.float64) * scales[0]
            bias = (x.minimum * columns + (0 if bias is None else bias)).astype(np.float32)
        return _with_bias(graph, graph.op("Mul", product, x.scale), layer.name, bias)


@dataclass(frozen=True, slots=True)
class _Rows:
    """8-bit activations: uint8 values, a float32 scale a row, zero point, what was taken off."""

    quantised: str
    scale: str
    zero: str
    minimum: float


def _with_bias(graph: Graph, x: str, name: str, bias: Array | None) -> str:
    if bias is None:
        return x
    return graph.op("Add", x, graph.constant(f"{name}.bias", bias))


def _embed_rows(graph: Graph, ids: str, table: Array) -> str:
    """A table in 8 bits with a scale for each word."""
    quantised, scales = _quantise(table, axis=1)
    rows = graph.op("Gather", graph.constant("embeddings.words", quantised), ids)
    scale = graph.op("Gather", graph.constant("embeddings.scales", scales), ids)
    return graph.op("Mul", graph.op("Cast", rows, to=TensorProto.FLOAT), scale)


def _quantise(values: Array, axis: int) -> tuple[NDArray[np.int8], NDArray[Any]]:
    """Symmetric 8 bits with one scale along `axis`; the scales keep that axis with length 1."""
    largest = np.abs(values).max(axis=axis, keepdims=True)
    scales = np.where(largest > 0, largest / np.float32(127), np.float32(1))
    return np.rint(values / scales).astype(np.int8), scales


def _positive(graph: Graph, scale: str) -> str:
    # A row of zeros must not be divided by zero.
    return graph.op("Max", scale, graph.value(1e-12, np.float32))
