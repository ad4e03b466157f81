"""Gives a published ONNX export (`onnx/model.onnx` on the hub) the face of an artefact.

The export's own inputs (`input_ids`, `attention_mask`, `token_type_ids`) are derived from ours
inside the graph, and pooling and normalising follow its output. Its arithmetic stays as published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper

from edgelet.errors import ModelError
from edgelet.models import Pooling
from edgelet_host.builder import interface
from edgelet_host.builder.graph import Graph

_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
_OUTPUTS = ("last_hidden_state", "token_embeddings")
_OLDEST_OPSET = 11
_LARGEST = 2**31 - 1
"""Bytes: what one protobuf message can hold."""


def wrap_export(file: Path, pooling: Pooling, dimensions: int) -> onnx.ModelProto:
    """Read an export and return it with the artefact's inputs and outputs.

    Raises `ModelError` when the file is damaged or is no encoder with the hub's inputs and outputs.
    """
    model = _load(file)
    _gather_weights(model, file)
    states = _check(model, file)
    states = _make_way(model, states)
    opset = next((entry.version for entry in model.opset_import if entry.domain in _STANDARD), 0)
    if opset < _OLDEST_OPSET:
        raise ModelError(f"{file} is written for ONNX opset {opset}; export it again with opset 17")
    before, after = Graph(opset, "edgelet/in/"), Graph(opset, "edgelet/out/")
    _write_inputs(before, {entry.name for entry in model.graph.input})
    interface.write_outputs(after, states, interface.token_mask(after), pooling)
    nodes = [*before.nodes, *model.graph.node, *after.nodes]
    tensors = [*model.graph.initializer, *before.tensors.values(), *after.tensors.values()]
    graph = helper.make_graph(
        nodes,
        "edgelet",
        interface.input_infos(),
        interface.output_infos(dimensions),
        tensors,
        sparse_initializer=model.graph.sparse_initializer,
    )
    wrapped = helper.make_model(
        graph, opset_imports=list(model.opset_import), ir_version=max(model.ir_version, 8)
    )
    wrapped.functions.extend(model.functions)
    return wrapped


_STANDARD = ("", "ai.onnx")


def _load(file: Path) -> onnx.ModelProto:
    if file.stat().st_size > _LARGEST:
        raise ModelError(f"{file} is larger than an ONNX file can be; pull the model again")
    try:
        model = onnx.load_model(file, load_external_data=False)
    except Exception as error:  # protobuf's errors, which onnx passes through
        raise ModelError(f"{file} cannot be read as ONNX; pull the model again") from error
    if not model.graph.node:
        raise ModelError(f"{file} holds no graph; pull the model again")
    return model


def _gather_weights(model: onnx.ModelProto, file: Path) -> None:
    """Read weights that lie in files beside the graph, and no other file of this machine."""
    outside = [
        tensor for tensor in _all_tensors(model) if tensor.data_location == TensorProto.EXTERNAL
    ]
    for tensor in outside:
        names = [entry.value for entry in tensor.external_data if entry.key == "location"]
        if len(names) != 1 or names[0] != Path(names[0]).name or names[0] in ("", ".", ".."):
            raise ModelError(f"{file} points to weights outside of its folder; do not use it")
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(file.parent))
        except Exception as error:  # it raises many kinds, onnx.checker's own among them
            raise ModelError(
                f"the weights of {file} in {names[0]} cannot be read; pull the model again"
            ) from error
        tensor.data_location = TensorProto.DEFAULT
        tensor.ClearField("external_data")


def _all_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a model: initializers, constants in nodes, and those of nested graphs."""
    yield from model.graph.initializer
    yield from _node_tensors(model.graph.node)
    for function in model.functions:
        yield from _node_tensors(function.node)


def _node_tensors(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for graph in (attribute.g, *attribute.graphs):
                yield from graph.initializer
                yield from _node_tensors(graph.node)


def _check(model: onnx.ModelProto, file: Path) -> str:
    """The name of the output that holds the last states."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = {entry.name for entry in model.graph.input} - weights
    if "input_ids" not in inputs or inputs - _INPUTS:
        raise ModelError(
            f"{file} has the inputs {', '.join(sorted(inputs))}; only an encoder with input_ids, "
            f"attention_mask and token_type_ids is supported"
        )
    outputs = {entry.name for entry in model.graph.output}
    for name in _OUTPUTS:
        if name in outputs:
            return name
    raise ModelError(
        f"{file} has the outputs {', '.join(sorted(outputs))}, but {' or '.join(_OUTPUTS)} is "
        f"needed; export the model for feature extraction"
    )


def _make_way(model: onnx.ModelProto, states: str) -> str:
    """Rename the export's values that have names of ours; returns the new name of `states`."""
    ours = {entry.name for entry in (*interface.input_infos(), *interface.output_infos(1))}
    renamed = {name: f"published/{name}" for name in ours}
    for tensor in model.graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    _rename(model.graph.node, renamed)
    return renamed.get(states, states)


def _rename(nodes: Iterable[onnx.NodeProto], renamed: Mapping[str, str]) -> None:
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                _rename(graph.node, renamed)
                for entry in (*graph.input, *graph.output, *graph.initializer):
                    entry.name = renamed.get(entry.name, entry.name)


def _write_inputs(graph: Graph, wanted: set[str]) -> None:
    graph.op("Cast", interface.TOKEN_IDS, to=TensorProto.INT64, output="input_ids")
    if "attention_mask" in wanted:
        mask = interface.token_mask(graph)
        graph.op("Cast", mask, to=TensorProto.INT64, output="attention_mask")
    if "token_type_ids" in wanted:
        graph.op(
            "ConstantOfShape",
            graph.op("Shape", interface.TOKEN_IDS),
            value=helper.make_tensor("zero", TensorProto.INT64, [1], np.zeros(1, np.int64)),
            output="token_type_ids",
        )
