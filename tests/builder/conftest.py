"""The real model's artefacts, built once a session, and the texts they are measured on."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from edgelet.effects import Output
from edgelet.models import Precision
from edgelet_host.builder import build_artefact
from edgelet_host.engine import Engine

HERE = Path(__file__).parent

Floats = NDArray[np.float32]
Ids = Sequence[int]

if "EDGELET_TEST_MINILM" in os.environ:

    @pytest.fixture(scope="session")
    def minilm_source() -> Path:
        """The files of sentence-transformers/all-MiniLM-L6-v2, in a folder of the developer's."""
        return Path(os.environ["EDGELET_TEST_MINILM"])


@dataclass(frozen=True)
class Reference:
    """Real texts as token ids, cut at 256, and what sentence-transformers makes of them."""

    ids: list[list[int]]
    vectors: Floats


@pytest.fixture(scope="session")
def reference(minilm_source: Path) -> Reference:
    groups = json.loads((HERE / "reference_texts.json").read_text(encoding="utf-8"))
    facts = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(minilm_source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(facts["max_tokens"])
    texts = [text for group in groups for text in group["texts"]]
    vectors = np.load(HERE / "reference_vectors.npy")
    assert len(texts) == len(vectors) == facts["texts"] >= 200
    return Reference([tokenizer.encode(text).ids for text in texts], vectors)


@pytest.fixture(scope="session")
def minilm(
    minilm_source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Precision], Engine]:
    """The engine of the real model in one precision."""
    opened: dict[Precision, Engine] = {}

    def engine(precision: Precision) -> Engine:
        if precision not in opened:
            folder = tmp_path_factory.mktemp(f"minilm-{precision}")
            build_artefact(minilm_source, folder, model="all-MiniLM-L6-v2", precision=precision)
            opened[precision] = Engine.open(folder)
        return opened[precision]

    return engine


@pytest.fixture(scope="session")
def alone(
    minilm: Callable[[Precision], Engine], reference: Reference
) -> Callable[[Precision], Floats]:
    """The vectors of all reference texts, each run in a batch of its own."""
    known: dict[Precision, Floats] = {}

    def vectors(precision: Precision) -> Floats:
        if precision not in known:
            engine = minilm(precision)
            known[precision] = np.concatenate([embed(engine, [ids]) for ids in reference.ids])
        return known[precision]

    return vectors


def embed(engine: Engine, batch: Sequence[Ids], output: Output = "sentence_embedding") -> Floats:
    """The engine's answer to one batch, in its shape."""
    lengths = array("i", map(len, batch))
    flat = engine.run(array("i", [i for ids in batch for i in ids]), lengths, output)
    tokens = [max(lengths)] if output.startswith("token") else []
    return np.asarray(flat).reshape(len(batch), *tokens, engine.card.dimensions)


def cosines(a: Floats, b: Floats) -> Floats:
    """The cosine similarity of each row of `a` to that of `b`, both normalised."""
    similarities: Floats = (a * b).sum(axis=1)
    return similarities
