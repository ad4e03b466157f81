"""The face that all artefacts share: inputs, mask, pooling, normalising, outputs.

Written in operators that are the same from opset 11 on, because a published graph brings its own
opset with it.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgelet.models import Pooling
from edgelet_host.builder.graph import Graph

TOKEN_IDS, LENGTHS = "token_ids", "lengths"
_SMALLEST_NORM = 1e-12
"""A zero vector stays a zero vector. The bound is that of `torch.nn.functional.normalize`."""


def token_count(graph: Graph) -> str:
    """The second dimension of `token_ids`: an int64 scalar."""
    return graph.op("Gather", graph.op("Shape", TOKEN_IDS), graph.value(1, np.int64), axis=0)


def token_mask(graph: Graph) -> str:
    """Which tokens are not padding: bool [texts, tokens]."""
    places = graph.op(
        "Range",
        graph.value(0, np.int32),
        graph.op("Cast", token_count(graph), to=TensorProto.INT32),
        graph.value(1, np.int32),
    )
    return graph.op("Less", places, graph.op("Reshape", LENGTHS, graph.value([-1, 1], np.int64)))


def write_outputs(graph: Graph, tokens: str, mask: str, pooling: Pooling) -> None:
    """From the encoder's last states, float32 [texts, tokens, dimensions], to the four outputs.

    Each output's nodes are its own, so that a host can run only what it asks for.
    """
    graph.op("Identity", tokens, output="token_embeddings_raw")
    _normalise(graph, tokens, "token_embeddings")
    sentence = _first(graph, tokens) if pooling == "cls" else _mean(graph, tokens, mask)
    graph.op("Identity", sentence, output="sentence_embedding_raw")
    _normalise(graph, sentence, "sentence_embedding")


def input_infos() -> list[onnx.ValueInfoProto]:
    """What goes into an artefact's graph."""
    return [
        helper.make_tensor_value_info(TOKEN_IDS, TensorProto.INT32, ["texts", "tokens"]),
        helper.make_tensor_value_info(LENGTHS, TensorProto.INT32, ["texts"]),
    ]


def output_infos(dimensions: int) -> list[onnx.ValueInfoProto]:
    """What comes out of an artefact's graph."""
    sentence: list[int | str | None] = ["texts", dimensions]
    tokens: list[int | str | None] = ["texts", "tokens", dimensions]
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (
            ("sentence_embedding", sentence),
            ("sentence_embedding_raw", sentence),
            ("token_embeddings", tokens),
            ("token_embeddings_raw", tokens),
        )
    ]


def _normalise(graph: Graph, x: str, output: str) -> None:
    norm = graph.reduce("ReduceL2", x, -1)
    safe = graph.op("Max", norm, graph.value(_SMALLEST_NORM, np.float32))
    graph.op("Div", x, safe, output=output)


def _first(graph: Graph, tokens: str) -> str:
    return graph.op("Gather", tokens, graph.value(0, np.int64), axis=1)


def _mean(graph: Graph, tokens: str, mask: str) -> str:
    # The sum over a text's own tokens is the product with its row of the mask.
    row = graph.op(
        "Reshape",
        graph.op("Cast", mask, to=TensorProto.FLOAT),
        graph.value([0, 1, -1], np.int64),
    )
    total = _first(graph, graph.op("MatMul", row, tokens))
    count = graph.op(
        "Reshape",
        graph.op("Cast", LENGTHS, to=TensorProto.FLOAT),
        graph.value([-1, 1], np.int64),
    )
    return graph.op("Div", total, graph.op("Max", count, graph.value(1, np.float32)))
