"""The four outputs of an artefact, against a BERT in plain numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgelet.models import Precision
from edgelet_host.builder import build_artefact
from edgelet_host.engine import Engine
from tests.builder.conftest import cosines, embed
from tests.builder.tiny_bert import CONFIG, SMALL_FILES, Folder, encode, random_weights, stored

TEXTS = [[2, 7, 9, 3], [2, 3], [2, 80, 81, 82, 5, 6, 3], [2, 11, 12, 3]]


def build(folder: Folder, where: Path, precision: Precision = "fp32") -> Engine:
    source, artefact = where / "source", where / "artefact"
    source.mkdir()
    artefact.mkdir()
    build_artefact(folder.write(source), artefact, model="tiny", precision=precision)
    return Engine.open(artefact, cores=1)


def normalised(x: NDArray[Any]) -> NDArray[Any]:
    rows: NDArray[Any] = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return rows


def pooled_by(pooling: dict[str, Any]) -> Folder:
    return Folder(files={**SMALL_FILES, "1_Pooling/config.json": pooling})


MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
CLS = {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}


@pytest.mark.parametrize("batch", [TEXTS, [TEXTS[0], TEXTS[3]], [TEXTS[2]]])
def test_every_output_is_what_its_name_says(tmp_path: Path, batch: list[list[int]]) -> None:
    engine = build(Folder(), tmp_path)
    raw, tokens = (
        embed(engine, batch, "token_embeddings_raw"),
        embed(engine, batch, "token_embeddings"),
    )
    sentences_raw = embed(engine, batch, "sentence_embedding_raw")
    sentences = embed(engine, batch, "sentence_embedding")
    for i, ids in enumerate(batch):
        states = encode(random_weights(), ids)
        assert raw[i, : len(ids)] == pytest.approx(states, abs=1e-5)
        assert tokens[i, : len(ids)] == pytest.approx(normalised(states), abs=1e-5)
        assert sentences_raw[i] == pytest.approx(states.mean(axis=0), abs=1e-5)
        assert sentences[i] == pytest.approx(normalised(states.mean(axis=0)), abs=1e-5)


@pytest.mark.parametrize("pooling", [CLS, {"pooling_mode": "cls"}, {"pooling_mode": ["cls"]}])
def test_the_first_token_can_be_the_sentence(tmp_path: Path, pooling: dict[str, Any]) -> None:
    engine = build(pooled_by(pooling), tmp_path)
    assert engine.card.pooling == "cls"
    first = np.stack([encode(random_weights(), ids)[0] for ids in TEXTS])
    assert embed(engine, TEXTS, "sentence_embedding_raw") == pytest.approx(first, abs=1e-5)
    assert embed(engine, TEXTS) == pytest.approx(normalised(first), abs=1e-5)


@pytest.mark.parametrize("pooling", [MEAN, {"pooling_mode": "mean"}, None])
def test_the_mean_of_all_tokens_is_the_usual_sentence(tmp_path: Path, pooling: Any) -> None:
    engine = build(pooled_by(pooling), tmp_path)
    assert engine.card.pooling == "mean"
    mean = np.stack([encode(random_weights(), ids).mean(axis=0) for ids in TEXTS])
    assert embed(engine, TEXTS, "sentence_embedding_raw") == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "q8", "int8"])
def test_all_precisions_have_the_same_outputs(tmp_path: Path, precision: Precision) -> None:
    engine = build(Folder(), tmp_path, precision)
    states = np.concatenate([normalised(encode(random_weights(), ids)) for ids in TEXTS])
    tokens = embed(engine, TEXTS, "token_embeddings")
    ours = np.concatenate([rows[: len(ids)] for rows, ids in zip(tokens, TEXTS, strict=True)])
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-5)
    assert cosines(ours, states.astype(np.float32)).min() > 0.999
    raw = embed(engine, TEXTS, "token_embeddings_raw")
    means = [rows[: len(ids)].mean(axis=0) for rows, ids in zip(raw, TEXTS, strict=True)]
    assert embed(engine, TEXTS, "sentence_embedding_raw") == pytest.approx(
        np.stack(means), abs=1e-5
    )


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_half_precision_weights_are_read(tmp_path: Path, dtype: str) -> None:
    engine = build(Folder(dtype=dtype, prefix="bert."), tmp_path)
    halves = {name: stored(values, dtype) for name, values in random_weights().items()}
    if dtype == "BF16":
        halves = {
            name: (values.astype(np.uint32) << 16).view(np.float32)
            for name, values in halves.items()
        }
    expected = np.stack([encode(halves, ids).mean(axis=0) for ids in TEXTS])
    assert embed(engine, TEXTS, "sentence_embedding_raw") == pytest.approx(expected, abs=1e-5)
    exact = np.stack([encode(random_weights(), ids).mean(axis=0) for ids in TEXTS])
    assert np.abs(exact - expected).max() > 1e-5  # or this test could not tell them apart


def test_the_old_names_of_layer_normalisation_are_read(tmp_path: Path) -> None:
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): values
        for name, values in random_weights().items()
    }
    engine = build(Folder(weights=old), tmp_path)
    states = encode(random_weights(), TEXTS[0])
    assert embed(engine, TEXTS[:1], "token_embeddings_raw")[0] == pytest.approx(states, abs=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "q8", "int8"])
def test_a_zero_vector_stays_zero(tmp_path: Path, precision: Precision) -> None:
    weights = random_weights()
    last = f"encoder.layer.{CONFIG['num_hidden_layers'] - 1}.output.LayerNorm"
    for name in (f"{last}.weight", f"{last}.bias"):
        weights[name] = np.zeros_like(weights[name])
    engine = build(Folder(weights=weights), tmp_path, precision)
    assert not embed(engine, TEXTS).any()
    assert not embed(engine, TEXTS, "token_embeddings").any()


def test_rows_of_zeros_can_be_rounded(tmp_path: Path) -> None:
    weights = {name: np.zeros_like(values) for name, values in random_weights().items()}
    assert not embed(build(Folder(weights=weights), tmp_path, "int8"), TEXTS).any()
