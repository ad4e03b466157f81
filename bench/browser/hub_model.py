"""The model as transformers.js wants it: a folder in the hub's layout, made from the same weights.

The graph has the operators that exporters write (LayerNorm and GELU in pieces, three projections
apart), so that onnxruntime meets the patterns that it fuses when it loads a file of the hub.
`model_quantized.onnx` is made as transformers.js's own script makes it: dynamic quantisation to
8 bits by onnxruntime, with its defaults.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxruntime.quantization import quantize_dynamic

from edgelet_host.builder.bert import BertConfig, bert_config
from edgelet_host.builder.graph import Graph
from edgelet_host.builder.safetensors import Weights

OPSET = 14
"""The opset of the hub's exports of sentence-transformers."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def hub_model(source: Path, folder: Path, max_tokens: int) -> Path:
    """Make `folder` from the hub directory `source`, unless it is there; returns it.

    `max_tokens` is what the tokenizer cuts at, so that both libraries embed the same tokens.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Path(temporary) / folder.name
        (made / "onnx").mkdir(parents=True)
        for name in ("config.json", "tokenizer.json"):
            shutil.copy(source / name, made)
        settings = json.loads((source / "tokenizer_config.json").read_text("utf-8"))
        settings["model_max_length"] = max_tokens
        (made / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
        plain = made / "onnx" / "model.onnx"
        onnx.save(export(source), plain)
        logging.disable(logging.WARNING)  # it recommends a step that the hub's files did not take
        try:
            quantize_dynamic(plain, made / "onnx" / "model_quantized.onnx")
        finally:
            logging.disable(logging.NOTSET)
        made.replace(folder)
    return folder


def export(source: Path) -> onnx.ModelProto:
    """`source`'s encoder in float32, with the inputs and the output of the hub's exports."""
    config = bert_config(json.loads((source / "config.json").read_text("utf-8")))
    encoder = _Export(config, Weights(source / "model.safetensors"))
    encoder.write()
    shape = ["batch_size", "sequence_length"]
    states = [*shape, config.hidden]
    graph = helper.make_graph(
        encoder.graph.nodes,
        "main_graph",
        [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in INPUTS],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, states)],
        list(encoder.graph.tensors.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


class _Export:
    """The encoder as torch's exporter writes it: the order of operands is what fusions look for."""

    def __init__(self, config: BertConfig, weights: Weights) -> None:
        self.graph = Graph(OPSET)
        self._config = config
        self._weights = weights

    def write(self) -> None:
        x = self._embeddings()
        mask = self._mask()
        for layer in range(self._config.layers):
            last = layer == self._config.layers - 1
            x = self._layer(x, mask, f"encoder.layer.{layer}.", "last_hidden_state" if last else "")

    def _embeddings(self) -> str:
        op, config = self.graph.op, self._config
        places = np.arange(config.positions, dtype=np.int64)[None]
        tokens = op("Unsqueeze", op("Gather", op("Shape", "input_ids"), self._i(1)), self._i([0]))
        places_here = op(
            "Slice",
            self.graph.constant("position_ids", places),
            self._i([0]),
            tokens,
            self._i([1]),
        )
        words = self._rows("word", config.vocabulary, "input_ids")
        kinds = self._rows("token_type", config.token_types, "token_type_ids")
        x = op("Add", words, kinds)
        x = op("Add", x, self._rows("position", config.positions, places_here))
        return self._norm(x, "embeddings.LayerNorm")

    def _mask(self) -> str:
        op = self.graph.op
        mask = op("Unsqueeze", op("Unsqueeze", "attention_mask", self._i([1])), self._i([2]))
        mask = op("Sub", self._f(1.0), op("Cast", mask, to=TensorProto.FLOAT))
        return op("Mul", mask, self._f(float(np.finfo(np.float32).min)))

    def _layer(self, x: str, mask: str, name: str, output: str) -> str:
        op, hidden, wide = self.graph.op, self._config.hidden, self._config.intermediate
        mixed = self._attention(x, mask, f"{name}attention.self.")
        mixed = self._dense(mixed, f"{name}attention.output.dense", hidden, hidden)
        x = self._norm(op("Add", mixed, x), f"{name}attention.output.LayerNorm")
        spread = self._dense(x, f"{name}intermediate.dense", hidden, wide)
        share = op("Add", op("Erf", op("Div", spread, self._f(math.sqrt(2)))), self._f(1.0))
        active = op("Mul", op("Mul", spread, share), self._f(0.5))
        narrow = self._dense(active, f"{name}output.dense", wide, hidden)
        return self._norm(op("Add", narrow, x), f"{name}output.LayerNorm", output)

    def _attention(self, x: str, mask: str, name: str) -> str:
        op, hidden, heads = self.graph.op, self._config.hidden, self._config.heads
        split = self._i([0, 0, heads, hidden // heads])

        def part(which: str, order: list[int]) -> str:
            dense = self._dense(x, name + which, hidden, hidden)
            return op("Transpose", op("Reshape", dense, split), perm=order)

        query, key = part("query", [0, 2, 1, 3]), part("key", [0, 2, 3, 1])
        value = part("value", [0, 2, 1, 3])
        scores = op("Div", op("MatMul", query, key), self._f(math.sqrt(hidden // heads)))
        shares = op("Softmax", op("Add", scores, mask), axis=-1)
        mixed = op("Transpose", op("MatMul", shares, value), perm=[0, 2, 1, 3])
        return op("Reshape", mixed, self._i([0, 0, hidden]))

    def _rows(self, table: str, rows: int, ids: str) -> str:
        name = f"embeddings.{table}_embeddings.weight"
        values = self._weights.tensor(name, (rows, self._config.hidden))
        return self.graph.op("Gather", self.graph.constant(name, values), ids)

    def _dense(self, x: str, name: str, inputs: int, outputs: int) -> str:
        weight = self._weights.tensor(f"{name}.weight", (outputs, inputs)).T
        product = self.graph.op("MatMul", x, self.graph.constant(f"{name}.weight", weight))
        return self.graph.op("Add", self._vector(f"{name}.bias", outputs), product)

    def _norm(self, x: str, name: str, output: str = "") -> str:
        op, reduce = self.graph.op, self.graph.reduce
        centred = op("Sub", x, reduce("ReduceMean", x, -1))
        variance = reduce("ReduceMean", op("Pow", centred, self._f(2.0)), -1)
        deviation = op("Sqrt", op("Add", variance, self._f(self._config.epsilon)))
        scaled = op("Div", centred, deviation)
        scaled = op("Mul", scaled, self._vector(f"{name}.weight", self._config.hidden))
        offset = self._vector(f"{name}.bias", self._config.hidden)
        return op("Add", scaled, offset, output=output)

    def _vector(self, name: str, length: int) -> str:
        return self.graph.constant(name, self._weights.tensor(name, (length,)))

    def _i(self, value: int | list[int]) -> str:
        return self.graph.value(value, np.int64)

    def _f(self, value: float) -> str:
        return self.graph.value(value, np.float32)
