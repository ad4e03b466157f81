"""Batches that wait run together, and nobody can tell from a vector."""

from __future__ import annotations

import threading
from array import array
from concurrent.futures import Future
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edgelet.effects import Output, RunModel
from edgelet.errors import ModelError
from edgelet_host.engine import Engine
from edgelet_host.shared_batches import MOST_TOKENS, SharedBatches
from edgelet_host.store import ModelStore

LENGTHS = (3, 8, 20, 60)


class GatedEngine:
    """An engine that begins its first batch when it is told to, so that others have to wait."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.began = threading.Event()
        self.batches: list[list[int]] = []

    def run(self, token_ids: array[int], lengths: array[int], _: Output, __: bool) -> memoryview:
        self.began.set()
        assert self.gate.wait(10)
        self.batches.append(list(lengths))
        if -1 in token_ids:
            raise ModelError("a token that is none")
        return memoryview(array("f", [float(sum(lengths))] * len(lengths)))


@pytest.fixture
def gated() -> GatedEngine:
    return GatedEngine()


def batch(
    engine: Any, *lengths: int, bad: bool = False, output: Output = "sentence_embedding"
) -> RunModel:
    ids = array("i", [-1 if bad else 7] * sum(lengths))
    return RunModel(engine, ids, array("i", lengths), output)


def run_waiting(engine: GatedEngine, effects: list[RunModel]) -> list[Future[memoryview]]:
    """Ask for all while one thread is busy with the first."""
    batches = SharedBatches(threads=1)
    futures = [batches.run(batch(engine, 1))]
    assert engine.began.wait(10)
    futures += [batches.run(effect) for effect in effects]
    engine.gate.set()
    return futures[1:]


def test_what_waits_runs_together_where_all_texts_have_one_length(gated: GatedEngine) -> None:
    asked = [
        batch(gated, 5),
        batch(gated, 6),
        batch(gated, 5, 5),
        batch(gated, 5, 6),
        batch(gated, 5),
    ]

    values = [future.result(10) for future in run_waiting(gated, asked)]

    assert gated.batches == [[1], [5, 5, 5, 5], [6], [5, 6]]
    assert [len(each) for each in values] == [1, 1, 2, 2, 1]


def test_no_more_than_a_cache_full_runs_together(gated: GatedEngine) -> None:
    futures = run_waiting(gated, [batch(gated, 200) for _ in range(3)])
    for future in futures:
        future.result(10)

    assert max(sum(lengths) for lengths in gated.batches) <= MOST_TOKENS
    assert gated.batches == [[1], [200, 200], [200]]


def test_other_outputs_and_models_stay_apart(gated: GatedEngine) -> None:
    other = GatedEngine()
    other.gate.set()
    asked = [batch(gated, 5), batch(gated, 5, output="sentence_embedding_raw"), batch(other, 5)]

    for future in run_waiting(gated, asked):
        future.result(10)

    assert gated.batches == [[1], [5], [5]]
    assert other.batches == [[5]]


def test_a_bad_batch_fails_alone(gated: GatedEngine) -> None:
    good, bad, also_good = run_waiting(
        gated, [batch(gated, 4), batch(gated, 4, bad=True), batch(gated, 4)]
    )

    assert len(good.result(10)) == len(also_good.result(10)) == 1
    with pytest.raises(ModelError, match="a token that is none"):
        bad.result(10)


def test_a_batch_that_nobody_waits_for_any_more_is_not_run(gated: GatedEngine) -> None:
    batches = SharedBatches(threads=1)
    batches.run(batch(gated, 1))
    assert gated.began.wait(10)
    left, kept = batches.run(batch(gated, 2)), batches.run(batch(gated, 3))
    assert left.cancel()
    gated.gate.set()
    kept.result(10)

    assert gated.batches == [[1], [3]]


@pytest.mark.parametrize("precision", ["fp32", "q8", "int8"])
def test_company_changes_no_bit_of_a_vector(model_folder: Path, precision: Any) -> None:
    engine = Engine.open(ModelStore().artefact("all-MiniLM-L6-v2", precision))
    random = Random(7)
    for length in LENGTHS:
        texts = [
            array("i", [101, *(random.randrange(1000, 30000) for _ in range(length - 2)), 102])
            for _ in range(8)
        ]
        alone = [engine.run(ids, array("i", [length]), "sentence_embedding") for ids in texts]
        together = engine.run(
            array("i", [token for ids in texts for token in ids]),
            array("i", [length] * len(texts)),
            "sentence_embedding",
        )
        assert b"".join(map(bytes, alone)) == bytes(together)
