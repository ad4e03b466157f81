"""The model builder: a model's source files in the hub's layout become one artefact.

An *artefact* is a folder that every host can run: `model.onnx` and `model.onnx.data` (graph and
weights), `tokenizer.json` (as published) and `edgelet.json` (the card). The graph does all
arithmetic, from token ids to normalised vectors, so that no host needs any of its own:

    inputs    token_ids               int32 [texts, tokens], padded with 0
              lengths                 int32 [texts]
    outputs   sentence_embedding      float32 [texts, dimensions], pooled, L2-normalised
              sentence_embedding_raw  float32 [texts, dimensions], pooled
              token_embeddings        float32 [texts, tokens, dimensions], each row L2-normalised
              token_embeddings_raw    float32 [texts, tokens, dimensions]

Every precision and every kind of source has this same face. The builder knows files, formats and
arithmetic; it knows nothing of downloads, caches or sessions. Importing this package is cheap:
numpy and onnx are imported when something is built.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgelet.models import ModelCard, Precision
from edgelet_host.builder.card import BUILDER_VERSION, read_card

__all__ = ["BUILDER_VERSION", "build_artefact", "read_card"]


def build_artefact(
    source: Path,
    destination: Path,
    *,
    model: str,
    precision: Precision,
    progress: Callable[[str], None] | None = None,
) -> ModelCard:
    """Build the artefact of a model into the existing, empty folder `destination`.

    `source` holds `config.json`, `tokenizer.json` and either `model.safetensors` (BERT family) or
    `onnx/model.onnx` or `model.onnx` (fp32 only). `model` is the name that goes into the card;
    `progress` is told, in a few words, what is being done. The same source and the same library
    versions give the same bytes.

    Raises `ModelError` when the source is incomplete, damaged or of a kind that cannot be built.

    >>> build_artefact(folder, empty, model="all-MiniLM-L6-v2", precision="int8").dimensions
    384
    """
    from edgelet_host.builder.build import build

    return build(source, destination, model, precision, progress or (lambda _: None))
