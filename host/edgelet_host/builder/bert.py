"""The BERT encoder, written as the graph that onnxruntime runs fastest on a CPU.

What makes it fast, each point measured: attention as one fused operator, in a form without mask
when no token is padding; LayerNormalization as the standard operator rather than fused with its
addition; positions and token types added up beforehand; biases that cancel out left away.

The encoder is that of Devlin et al., "BERT" (2018), as published in `transformers`' `BertModel`,
without its pooler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgelet.errors import ModelError
from edgelet_host.builder.arithmetic import Activation, Arithmetic, Dense
from edgelet_host.builder.graph import MICROSOFT, Graph
from edgelet_host.builder.interface import LENGTHS, TOKEN_IDS, token_count
from edgelet_host.builder.safetensors import Array, Weights
from edgelet_host.builder.source import positive

OPSET = 21
"""The first whose `QuantizeLinear` takes a scale for every row."""

_MASKED = -30000.0
"""Added to the scores of padding: its share is exactly 0 after the softmax, in float16 too."""


@dataclass(frozen=True, slots=True)
class BertConfig:
    """The numbers of `config.json` that shape the encoder."""

    layers: int
    heads: int
    hidden: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


def bert_config(config: Mapping[str, Any]) -> BertConfig:
    """Read `config.json`. Raises `ModelError` when it is not of a BERT that can be built."""
    for name, supported in (
        ("model_type", "bert"),
        ("hidden_act", "gelu"),
        ("position_embedding_type", "absolute"),
    ):
        given = config.get(name, supported if name == "position_embedding_type" else None)
        if given != supported:
            raise ModelError(
                f"config.json says {name} = {given!r}, but weights are built only for "
                f"{supported!r}; put the model's ONNX export beside it as model.onnx and ask for "
                f"fp32"
            )
    epsilon = config.get("layer_norm_eps", 1e-12)
    if not isinstance(epsilon, float) or not 0 < epsilon < 1:
        raise ModelError(f"config.json gives {epsilon!r} as layer_norm_eps, not a small number")
    numbers = BertConfig(
        layers=positive(config, "num_hidden_layers"),
        heads=positive(config, "num_attention_heads"),
        hidden=positive(config, "hidden_size"),
        intermediate=positive(config, "intermediate_size"),
        vocabulary=positive(config, "vocab_size"),
        positions=positive(config, "max_position_embeddings"),
        token_types=positive(config, "type_vocab_size"),
        epsilon=epsilon,
    )
    if numbers.hidden % numbers.heads:
        raise ModelError(
            f"config.json splits hidden_size {numbers.hidden} into {numbers.heads} heads, which "
            f"does not come out even"
        )
    return numbers


class BertWeights:
    """The encoder's tensors under the names of `BertModel`, checked against the configuration."""

    def __init__(self, weights: Weights, config: BertConfig) -> None:
        self._weights = weights
        self._config = config
        probe = "embeddings.word_embeddings.weight"
        self._prefix = "bert." if f"bert.{probe}" in weights else ""

    def dense(self, name: str, inputs: int, outputs: int) -> Dense:
        """A linear layer."""
        weight = self._weights.tensor(f"{self._prefix}{name}.weight", (outputs, inputs))
        bias = self._weights.tensor(f"{self._prefix}{name}.bias", (outputs,))
        return Dense(name, weight.T, bias)

    def norm(self, name: str) -> tuple[Array, Array]:
        """Gain and offset of a layer normalisation; older files call them gamma and beta."""
        shape, full = (self._config.hidden,), self._prefix + name
        old = f"{full}.gamma" in self._weights
        return (
            self._weights.tensor(f"{full}.{'gamma' if old else 'weight'}", shape),
            self._weights.tensor(f"{full}.{'beta' if old else 'bias'}", shape),
        )

    def words(self) -> Array:
        """The table of word embeddings."""
        return self._table("word_embeddings", self._config.vocabulary)

    def places(self) -> Array:
        """The table of position embeddings, token type 0 added: we never have another."""
        positions = self._table("position_embeddings", self._config.positions)
        token_types = self._table("token_type_embeddings", self._config.token_types)
        places: Array = positions + token_types[0]
        return places

    def _table(self, name: str, rows: int) -> Array:
        full = f"{self._prefix}embeddings.{name}.weight"
        return self._weights.tensor(full, (rows, self._config.hidden))


def write_encoder(
    graph: Graph, config: BertConfig, weights: BertWeights, arithmetic: Arithmetic, mask: str
) -> str:
    """Append the encoder; returns its last states, float32 [texts, tokens, hidden].

    `mask` is `interface.token_mask`.
    """
    encoder = _Encoder(graph, config, weights, arithmetic)
    padding = _Padding(
        none=graph.op("Equal", _shortest(graph), _tokens(graph)),
        mask=graph.op("Cast", mask, to=TensorProto.INT32),
    )
    x = encoder.embeddings()
    for layer in range(config.layers):
        x = encoder.layer(x, f"encoder.layer.{layer}.", padding)
    return x.tensor


@dataclass(frozen=True, slots=True)
class _Padding:
    """Whether no token is padding (bool scalar), and which tokens are not (int32)."""

    none: str
    mask: str


class _Encoder:
    """The encoder's parts, each appended to the graph where it is called."""

    def __init__(
        self, graph: Graph, config: BertConfig, weights: BertWeights, arithmetic: Arithmetic
    ) -> None:
        self._graph = graph
        self._config = config
        self._weights = weights
        self._arithmetic = arithmetic

    def embeddings(self) -> Activation:
        graph = self._graph
        words = self._arithmetic.embed(graph, TOKEN_IDS, self._weights.words())
        first, last = (
            graph.value([0], np.int64),
            graph.op("Reshape", token_count(graph), _one(graph)),
        )
        table = graph.constant("embeddings.places", self._weights.places())
        places = graph.op("Slice", table, first, last, first)
        return self._norm(graph.op("Add", words, places), "embeddings.LayerNorm")

    def layer(self, x: Activation, name: str, padding: _Padding) -> Activation:
        graph, arithmetic, hidden = self._graph, self._arithmetic, self._config.hidden
        mixed, output = self._attention(x, f"{name}attention.", padding)
        (added,) = arithmetic.linear(graph, Activation(mixed, "mixed"), [output])
        x = self._norm(graph.op("Add", added, x.tensor), f"{name}attention.output.LayerNorm")
        wide = self._weights.dense(f"{name}intermediate.dense", hidden, self._config.intermediate)
        narrow = self._weights.dense(f"{name}output.dense", self._config.intermediate, hidden)
        (spread,) = arithmetic.linear(graph, x, [wide])
        active = graph.op("Gelu", spread, domain=MICROSOFT)
        (added,) = arithmetic.linear(graph, Activation(active, "gelu"), [narrow])
        return self._norm(graph.op("Add", added, x.tensor), f"{name}output.LayerNorm")

    def _attention(self, x: Activation, name: str, padding: _Padding) -> tuple[str, Dense]:
        """The mixed values, and the layer that they have to pass next."""
        hidden = self._config.hidden
        query, key, value, output = (
            self._weights.dense(f"{name}{part}", hidden, hidden)
            for part in ("self.query", "self.key", "self.value", "output.dense")
        )
        # A key's bias adds the same to all scores of a query, which the softmax takes away. A
        # value's bias comes out of the mixture as it went in, because the shares add up to 1.
        output = replace(output, bias=_carried(value.bias, output))
        key, value = replace(key, bias=None), replace(value, bias=None)
        inputs = self._arithmetic.linear(self._graph, x, [query, key, value])
        mixed = self._graph.op(
            "If",
            padding.none,
            then_branch=self._mixing(f"{name}whole", inputs),
            else_branch=self._mixing(f"{name}padded", [*inputs, "", padding.mask]),
        )
        return mixed, output

    def _mixing(self, name: str, inputs: list[str]) -> onnx.GraphProto:
        node = helper.make_node(
            "MultiHeadAttention",
            inputs,
            [name],
            name=name,
            domain=MICROSOFT,
            num_heads=self._config.heads,
            mask_filter_value=_MASKED,
        )
        info = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph([node], name, [], [info])

    def _norm(self, x: str, name: str) -> Activation:
        gain, offset = self._weights.norm(name)
        tensor = self._graph.op(
            "LayerNormalization",
            x,
            self._graph.constant(f"{name}.weight", gain),
            self._graph.constant(f"{name}.bias", offset),
            axis=-1,
            epsilon=self._config.epsilon,
        )
        return Activation(tensor, "normed", name)


def _carried(bias: Array | None, through: Dense) -> Array | None:
    """The bias of `through` when its input brings `bias` with it."""
    if bias is None:
        return through.bias
    carried = bias.astype(np.float64) @ through.weight
    return np.asarray(carried if through.bias is None else through.bias + carried, np.float32)


def _shortest(graph: Graph) -> str:
    return graph.op("ReduceMin", LENGTHS, keepdims=0)


def _tokens(graph: Graph) -> str:
    return graph.op("Cast", token_count(graph), to=TensorProto.INT32)


def _one(graph: Graph) -> str:
    return graph.value([1], np.int64)
