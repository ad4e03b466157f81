"""An artefact's graph in one piece, for engines that are no onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx

from edgelet_host.builder.card import GRAPH


def branchless(artefact: Path) -> onnx.ModelProto:
    """The graph with its weights within, and with the mask always applied.

    The form of attention without a mask is left out: it is there for speed in onnxruntime, and
    OpenVINO, where it computes in bfloat16, gives no numbers for it.
    """
    model = onnx.load(artefact / GRAPH)
    nodes = [each for node in model.graph.node for each in _without_branches(node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _without_branches(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    if node.op_type != "If":
        yield node
        return
    masked = next(each.g for each in node.attribute if each.name == "else_branch")
    names = {inner.name: outer for inner, outer in zip(masked.output, node.output, strict=True)}
    for each in masked.node:
        each.output[:] = [names.get(name, name) for name in each.output]
        yield each
