"""How near every precision comes to sentence-transformers, over 240 real texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest

from edgelet.models import Precision
from edgelet_host.engine import Engine
from tests.builder.conftest import Floats, Reference, cosines, embed

Minilm = Callable[[Precision], Engine]
Alone = Callable[[Precision], Floats]


def neighbours(vectors: Floats, count: int = 10) -> list[set[int]]:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    return [set(row) for row in np.argsort(-similarity, axis=1)[:, :count].tolist()]


@pytest.mark.parametrize(
    ("precision", "mean", "least", "agreement"),
    [
        ("fp32", 0.99999, 0.99999, 0.999),
        ("q8", 0.9999, 0.9997, 0.985),
        ("int8", 0.999, 0.997, 0.95),
    ],
)
def test_vectors_and_neighbours_agree_with_sentence_transformers(
    alone: Alone,
    reference: Reference,
    precision: Precision,
    mean: float,
    least: float,
    agreement: float,
) -> None:
    vectors = alone(precision)
    similarity = cosines(vectors, reference.vectors)
    assert similarity.mean() >= mean
    assert similarity.min() >= least
    shared = [
        len(ours & theirs) / 10
        for ours, theirs in zip(neighbours(vectors), neighbours(reference.vectors), strict=True)
    ]
    assert np.mean(shared) >= agreement


@pytest.mark.parametrize("precision", ["fp32", "q8", "int8"])
def test_neighbours_of_the_same_length_leave_a_vector_untouched(
    minilm: Minilm, alone: Alone, reference: Reference, precision: Precision
) -> None:
    by_length = defaultdict(list)
    for i, ids in enumerate(reference.ids):
        by_length[len(ids)].append(i)
    batches = [batch[:8] for batch in by_length.values() if len(batch) > 1]
    assert len(batches) > 20
    for batch in batches:
        vectors = embed(minilm(precision), [reference.ids[i] for i in batch])
        assert np.abs(vectors - alone(precision)[batch]).max() <= 1e-6


@pytest.mark.parametrize(
    ("precision", "least"),
    # In 8-bit activations the last digits of the masked attention may turn a rounding over.
    [("fp32", 0.999999), ("q8", 0.999999), ("int8", 0.999)],
)
def test_padding_hardly_touches_a_vector(
    minilm: Minilm, alone: Alone, reference: Reference, precision: Precision, least: float
) -> None:
    mixed = list(range(0, len(reference.ids), 3))
    for start in range(0, len(mixed), 10):
        batch = mixed[start : start + 10]
        ids = [reference.ids[i] for i in batch]
        assert len(set(map(len, ids))) > 1
        vectors, expected = embed(minilm(precision), ids), alone(precision)[batch]
        assert cosines(vectors, expected).min() >= least
        if precision == "fp32":
            assert np.abs(vectors - expected).max() <= 1e-5


def test_eight_bits_take_about_a_quarter_of_the_room(minilm: Minilm) -> None:
    sizes = {precision: _size(minilm(precision)) for precision in ("fp32", "q8", "int8")}
    assert sizes["q8"] < 0.29 * sizes["fp32"]
    assert sizes["int8"] < 0.28 * sizes["fp32"]


def _size(engine: Engine) -> int:
    return sum(file.stat().st_size for file in engine.artefact.iterdir())
