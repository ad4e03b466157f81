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
"""GELU never gives less: its minimum is -0.16997."""

_BELOW_ZERO = 16
"""Of the 256 steps of a rounded GELU, how many are for values below 0."""


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
    """`q8`: 8-bit weights in blocks of 16 inputs, each with a scale and a zero point of its own.

    Only the file is small. The graph says how weights are widened to float32, in operators on
    constants alone, which onnxruntime carries out once when it opens the model. So the speed and
    the memory are those of `fp32`, activations are not rounded at all, and vectors are very near
    fp32's: 0.0001 of cosine similarity is lost, against 0.0004 with the operator for 8-bit blocks
    (`MatMulNBits`), which is slower too, natively and in WebAssembly.
    """

    _BLOCK = 16
    _WORD_BLOCK = 64
    """Numbers of a word's embedding with one scale, where its length can be divided by that."""

    def embed(self, graph: Graph, ids: str, table: Array) -> str:
        """See `Arithmetic.embed`."""
        words, length = table.shape
        block = self._WORD_BLOCK if length % self._WORD_BLOCK == 0 else length
        blocks = _embed_rows(graph, ids, table.reshape(words, -1, block))
        return graph.op("Reshape", blocks, graph.value([0, 0, length], np.int64))

    def linear(self, graph: Graph, x: Activation, layers: Sequence[Dense]) -> list[str]:
        """See `Arithmetic.linear`."""
        return [self._product(graph, x.tensor, layer) for layer in layers]

    def _product(self, graph: Graph, x: str, layer: Dense) -> str:
        y = graph.op("MatMul", x, self._weight(graph, layer))
        return _with_bias(graph, y, layer.name, layer.bias)

    def _weight(self, graph: Graph, layer: Dense) -> str:
        inputs, outputs = layer.weight.shape
        blocks = -(-inputs // self._BLOCK)
        padded = np.zeros((blocks * self._BLOCK, outputs), np.float32)
        padded[:inputs] = layer.weight
        quantised, zeros, scales = _quantise_blocks(padded.reshape(blocks, self._BLOCK, outputs))
        wide = [
            graph.op("Cast", graph.constant(f"{layer.name}.{part}", values), to=TensorProto.FLOAT)
            for part, values in (("blocks", quantised), ("zeros", zeros), ("scales", scales))
        ]
        weight = graph.op("Mul", graph.op("Sub", wide[0], wide[1]), wide[2])
        weight = graph.op("Reshape", weight, graph.value(padded.shape, np.int64))
        if len(padded) == inputs:
            return weight
        return graph.op("Slice", weight, *(graph.value([at], np.int64) for at in (0, inputs, 0)))


class Rows8:
    """`int8`: 8-bit weights, a scale for each output; 8-bit activations, a scale for each token.

    A token's scale is its own, so that a text's vector does not depend on its neighbours in a
    batch. `largest` holds the largest absolute value of each channel after each layer
    normalisation (`calibration.largest_values`): channels that are always large are made smaller,
    and their weights larger, before they are rounded (Xiao et al., "SmoothQuant", 2022). The plain
    int8 product costs 0.0024 of cosine similarity to fp32, this one 0.0007.

    Weights are signed because the fast kernels of x86 want them so; on processors where those
    kernels saturate, the engine tells onnxruntime to turn them into unsigned ones.

    An instance writes one graph.
    """

    _STRENGTH = 0.6
    """How much of the difficulty moves from activations to weights; 0.5 to 0.7 are equally good."""

    def __init__(self, largest: Mapping[str, Array]) -> None:
        self._largest = largest
        self._zeros: dict[int, str] = {}

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
        round_rows = self._round_gelu if x.kind == "gelu" else self._round
        rows = round_rows(graph, tensor, len(layers[0].weight))
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

    def _round(self, graph: Graph, x: str, inputs: int) -> _Rows:
        """Symmetric: 128 stands for 0."""
        largest = graph.reduce("ReduceMax", graph.op("Abs", x), -1)
        # A row of zeros must not be divided by zero.
        scale = _at_least(graph, 1e-12, graph.op("Mul", largest, graph.value(1 / 127, np.float32)))
        return self._rounded(graph, x, scale, 128, inputs)

    def _round_gelu(self, graph: Graph, x: str, inputs: int) -> _Rows:
        """Few steps below 0, where GELU's values end soon, and all others above."""
        largest = graph.reduce("ReduceMax", x, -1)
        above = graph.value(1 / (255 - _BELOW_ZERO), np.float32)
        lowest = -GELU_MINIMUM / _BELOW_ZERO
        scale = _at_least(graph, lowest, graph.op("Mul", largest, above))
        return self._rounded(graph, x, scale, _BELOW_ZERO, inputs)

    def _rounded(self, graph: Graph, x: str, scale: str, zero: int, inputs: int) -> _Rows:
        """`x = (quantised - zero) * scale`, in one operator: a row is one block of it."""
        if zero not in self._zeros:  # the same rows in every layer
            everywhere = graph.op("Expand", graph.value(zero, np.uint8), graph.op("Shape", scale))
            self._zeros[zero] = everywhere
        quantised = graph.op(
            "QuantizeLinear", x, scale, self._zeros[zero], axis=-1, block_size=inputs
        )
        return _Rows(quantised, scale, graph.value(zero, np.uint8))

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
        return _with_bias(graph, graph.op("Mul", product, x.scale), layer.name, layer.bias)


@dataclass(frozen=True, slots=True)
class _Rows:
    """8-bit activations: uint8 values, a float32 scale for each row, and their zero point."""

    quantised: str
    scale: str
    zero: str


def _with_bias(graph: Graph, x: str, name: str, bias: Array | None) -> str:
    if bias is None:
        return x
    # As [1, outputs]. As [outputs], onnxruntime would fuse the addition with a GELU that follows
    # into one operator, which is slower than the two.
    return graph.op("Add", x, graph.constant(f"{name}.bias", bias[np.newaxis]))


def _embed_rows(graph: Graph, ids: str, table: Array) -> str:
    """A table in 8 bits, with a float16 scale for each of the last axis."""
    _, scales = _quantise(table, axis=-1)
    scales = np.maximum(scales, _SMALLEST_SCALE).astype(np.float16)
    quantised = np.clip(np.rint(table / scales.astype(np.float32)), -127, 127).astype(np.int8)
    rows, scale = (
        graph.op(
            "Cast",
            graph.op("Gather", graph.constant(f"embeddings.{part}", values), ids),
            to=TensorProto.FLOAT,
        )
        for part, values in (("words", quantised), ("scales", scales))
    )
    return graph.op("Mul", rows, scale)


_SMALLEST_SCALE = np.float32(2**-14)
"""The smallest that float16 holds in full."""


def _quantise(values: Array, axis: int) -> tuple[NDArray[np.int8], NDArray[Any]]:
    """Symmetric 8 bits with one scale along `axis`; the scales keep that axis with length 1."""
    largest = np.abs(values).max(axis=axis, keepdims=True)
    scales = np.where(largest > 0, largest / np.float32(127), np.float32(1))
    return np.rint(values / scales).astype(np.int8), scales


def _quantise_blocks(values: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[Any]]:
    """`(quantised - zero) * scale` with uint8, uint8, float16 for each block along axis 1."""
    least = np.minimum(values.min(axis=1, keepdims=True), 0)
    most = np.maximum(values.max(axis=1, keepdims=True), 0)
    scales = ((most - least) / np.float32(255)).astype(np.float16)
    scales[scales == 0] = 1
    steps = scales.astype(np.float32)
    zeros = np.clip(np.rint(-least / steps), 0, 255)
    quantised = np.clip(np.rint(values / steps) + zeros, 0, 255)
    return quantised.astype(np.uint8), zeros.astype(np.uint8), scales


def _at_least(graph: Graph, least: float, x: str) -> str:
    return graph.op("Max", x, graph.value(least, np.float32))
