"""From a source folder to an artefact: the order of the work, and nothing else."""

from __future__ import annotations

import hashlib
import math
import shutil
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from onnx import helper

from edgelet.errors import ModelError, OptionError
from edgelet.models import PRECISIONS, ModelCard, Precision
from edgelet_host.builder import interface
from edgelet_host.builder.arithmetic import Arithmetic, Blocks8, Float32, Rows8
from edgelet_host.builder.bert import OPSET, BertConfig, BertWeights, bert_config, write_encoder
from edgelet_host.builder.calibration import largest_values
from edgelet_host.builder.card import TOKENIZER, write_card
from edgelet_host.builder.exported import wrap_export
from edgelet_host.builder.graph import MICROSOFT, Graph, write_model
from edgelet_host.builder.safetensors import Weights
from edgelet_host.builder.source import Source, read_source
from edgelet_host.engine import Engine

if TYPE_CHECKING:
    from edgelet.effects import Output

Progress = Callable[[str], None]

_IR_VERSION = 10
"""The oldest that holds what we write, so that older onnxruntimes and the web's read it."""


def build(
    folder: Path, destination: Path, model: str, precision: Precision, progress: Progress
) -> ModelCard:
    """See `edgelet_host.builder.build_artefact`."""
    if precision not in PRECISIONS:
        raise OptionError.unknown("precision", precision, PRECISIONS)
    source = read_source(folder)
    if source.max_tokens < 3:
        raise ModelError(
            f"{folder} allows {source.max_tokens} tokens a text; at least 3 are needed"
        )
    network, weights = _network(source, precision, progress)
    progress(f"writing {precision}")
    files = write_model(network, destination)
    shutil.copyfile(folder / TOKENIZER, destination / TOKENIZER)
    size = (destination / TOKENIZER).stat().st_size
    files[TOKENIZER] = (size, _sha256(destination / TOKENIZER))
    card = ModelCard(
        model, precision, source.dimensions, source.max_tokens, source.positions, source.pooling
    )
    used = [*(folder / name for name in source.read), folder / TOKENIZER, weights]
    hashes = {file.relative_to(folder).as_posix(): _sha256(file) for file in used}
    write_card(destination, card, source=hashes, files=files)
    progress("trying it out")
    _try_out(destination, card)
    return card


def _network(
    source: Source, precision: Precision, progress: Progress
) -> tuple[onnx.ModelProto, Path]:
    """The graph with its weights, and the file that they come from.

    Weights are preferred to an export: they give the faster graph, and every precision.
    """
    try:
        config = bert_config(source.config)
        if source.weights is None:
            raise ModelError(f"there is no model.safetensors in {source.folder}; pull it again")
    except ModelError as unsupported:
        if source.graph is None:
            raise
        if precision != "fp32":
            raise ModelError(
                f"{precision} cannot be built from {source.graph.name} ({unsupported}); "
                f"ask for fp32, or add the weights of a BERT model as model.safetensors"
            ) from unsupported
        progress(f"reading {source.graph.name}")
        return wrap_export(source.graph, source.pooling, source.dimensions), source.graph
    progress(f"reading {source.weights.name}")
    weights = BertWeights(Weights(source.weights), config)
    return _bert(source, config, weights, _arithmetic(precision, config, weights)), source.weights


def _arithmetic(precision: Precision, config: BertConfig, weights: BertWeights) -> Arithmetic:
    match precision:
        case "fp32":
            return Float32()
        case "q8":
            return Blocks8()
        case "int8":
            return Rows8(largest_values(config, weights))


def _bert(
    source: Source, config: BertConfig, weights: BertWeights, arithmetic: Arithmetic
) -> onnx.ModelProto:
    graph = Graph(OPSET)
    mask = interface.token_mask(graph)
    states = write_encoder(graph, config, weights, arithmetic, mask)
    interface.write_outputs(graph, states, mask, source.pooling)
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "edgelet",
            interface.input_infos(),
            interface.output_infos(source.dimensions),
            list(graph.tensors.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)],
        ir_version=_IR_VERSION,
        producer_name="edgelet",
    )


def _try_out(artefact: Path, card: ModelCard) -> None:
    """Raise `ModelError` unless the artefact runs and gives vectors of the length on its card."""
    output = Engine.open(artefact, cores=1).run(array("i", [0, 0, 0]), array("i", [1, 2]), _OUTPUT)
    if len(output) != 2 * card.dimensions or not all(map(math.isfinite, output)):
        raise ModelError(
            f"the network gives no vectors of {card.dimensions} numbers, which config.json "
            f"promises; pull the model again"
        )


_OUTPUT: Output = "sentence_embedding_raw"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
