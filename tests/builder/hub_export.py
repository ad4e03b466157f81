"""The tiny BERT as an ONNX file in the hub's layout: plain operators, transformers' inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.builder.tiny_bert import CONFIG

HIDDEN, HEADS = CONFIG["hidden_size"], CONFIG["num_attention_heads"]


def hub_export(
    weights: Mapping[str, NDArray[np.float32]],
    *,
    opset: int = 14,
    inputs: tuple[str, ...] = ("input_ids", "attention_mask", "token_type_ids"),
    output: str = "last_hidden_state",
) -> onnx.ModelProto:
    """An export; without `token_type_ids` among its inputs it takes type 0 for granted."""
    return _Export(weights, opset).model(inputs, output)


class _Export:
    def __init__(self, weights: Mapping[str, NDArray[np.float32]], opset: int) -> None:
        self._opset = opset
        self._nodes: list[onnx.NodeProto] = []
        self._tensors = {name: numpy_helper.from_array(v, name) for name, v in weights.items()}

    def model(self, inputs: tuple[str, ...], output: str) -> onnx.ModelProto:
        mask = self._op("Cast", "attention_mask", to=TensorProto.FLOAT)
        mask = self._op("Mul", self._op("Sub", mask, self._c(1.0)), self._c(10000.0))
        mask = self._op("Reshape", mask, self._c([0, 1, 1, -1]))
        x = self._embeddings("token_type_ids" in inputs)
        for layer in range(CONFIG["num_hidden_layers"]):
            x = self._layer(x, mask, f"encoder.layer.{layer}.")
        self._nodes.append(helper.make_node("Identity", [x], [output]))
        # sentence-transformers exports its sentence vectors too, under the artefact's own name.
        self._nodes.append(helper.make_node("ReduceMax", [x], ["sentence_embedding"]))
        shape = ["batch_size", "sequence_length"]
        graph = helper.make_graph(
            self._nodes,
            "main_graph",
            [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in inputs],
            [
                helper.make_tensor_value_info(output, TensorProto.FLOAT, [*shape, HIDDEN]),
                helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, None),
            ],
            list(self._tensors.values()),
        )
        opsets = [helper.make_opsetid("", self._opset)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=7)

    def _embeddings(self, types: bool) -> str:
        words = self._op("Gather", "embeddings.word_embeddings.weight", "input_ids")
        kinds = "token_type_ids" if types else self._op("Sub", "input_ids", "input_ids")
        x = self._op("Gather", "embeddings.token_type_embeddings.weight", kinds)
        x = self._op("Add", words, x)
        tokens = self._op("Gather", self._op("Shape", "input_ids"), self._c(1))
        places = self._op("Range", self._c(0), tokens, self._c(1))
        places = self._op("Gather", "embeddings.position_embeddings.weight", places)
        return self._norm(self._op("Add", x, places), "embeddings.LayerNorm")

    def _layer(self, x: str, mask: str, name: str) -> str:
        query, key, value = (
            self._op(
                "Transpose",
                self._op(
                    "Reshape",
                    self._dense(x, f"{name}attention.self.{part}"),
                    self._c([0, 0, HEADS, HIDDEN // HEADS]),
                ),
                perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3],
            )
            for part in ("query", "key", "value")
        )
        scores = self._op("MatMul", query, key)
        scores = self._op("Mul", scores, self._c(1 / math.sqrt(HIDDEN // HEADS)))
        shares = self._op(
            "Softmax", self._op("Add", scores, mask), axis=-1 if self._opset > 12 else 3
        )
        mixed = self._op("Transpose", self._op("MatMul", shares, value), perm=[0, 2, 1, 3])
        mixed = self._op("Reshape", mixed, self._c([0, 0, HIDDEN]))
        mixed = self._dense(mixed, f"{name}attention.output.dense")
        x = self._norm(self._op("Add", mixed, x), f"{name}attention.output.LayerNorm")
        wide = self._dense(x, f"{name}intermediate.dense")
        share = self._op("Erf", self._op("Mul", wide, self._c(1 / math.sqrt(2))))
        share = self._op("Mul", self._op("Add", share, self._c(1.0)), self._c(0.5))
        narrow = self._dense(self._op("Mul", wide, share), f"{name}output.dense")
        return self._norm(self._op("Add", narrow, x), f"{name}output.LayerNorm")

    def _dense(self, x: str, name: str) -> str:
        weight = self._op("Transpose", f"{name}.weight", perm=[1, 0])
        return self._op("Add", self._op("MatMul", x, weight), f"{name}.bias")

    def _norm(self, x: str, name: str) -> str:
        x = self._op("Sub", x, self._mean(x))
        deviation = self._op("Sqrt", self._mean(self._op("Mul", x, x)))
        x = self._op("Mul", self._op("Div", x, deviation), f"{name}.weight")
        return self._op("Add", x, f"{name}.bias")

    def _mean(self, x: str) -> str:
        if self._opset < 18:
            return self._op("ReduceMean", x, axes=[-1])
        return self._op("ReduceMean", x, self._c([-1]))

    def _c(self, value: float | list[int]) -> str:
        array = np.array(value, np.float32 if isinstance(value, float) else np.int64)
        name = f"constant {value!r}"
        self._tensors[name] = numpy_helper.from_array(array, name)
        return name

    def _op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name
