"""The installed program with the default model's real weights."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Call
from tests.cli.processes import EDGELET, Ended, run

TEXTS = ["A cat sleeps.", "A kitten naps.", "", "The stock market fell. " * 100]


@pytest.fixture
def edgelet(model_folder: Path) -> Call:
    def call(*arguments: str | Path) -> Ended:
        ended = run(EDGELET, *arguments, EDGELET_MODELS=str(model_folder))
        assert ended.code == 0, ended.err
        return ended

    return call


def test_the_demo_finds_the_two_similar_sentences(edgelet: Call) -> None:
    shown = edgelet("demo").out
    rows = re.findall(r"^  ([123])((?: +-?\d\.\d\d){3})", shown, re.MULTILINE)
    near = {row: [float(value) for value in values.split()] for row, values in rows}
    assert near["1"][1] > 0.5
    assert near["1"][2] < 0.3
    assert "(384 dimensions)" in shown


def test_files_give_the_vectors_that_single_texts_give(edgelet: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("\n".join(TEXTS))
    summary = json.loads(
        edgelet("embed", tmp_path / "notes.txt", "-o", tmp_path / "notes.npy", "--json").out
    )
    assert (summary["texts"], summary["truncated"], summary["dimensions"]) == (4, 1, 384)
    vectors = np.load(tmp_path / "notes.npy")
    alone = np.array(json.loads(edgelet("run", "all-MiniLM-L6-v2", TEXTS[0]).out), np.float32)
    assert np.abs(vectors[0] - alone).max() < 1e-5
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[3]


def test_verify_agrees_with_its_own_golden_file(edgelet: Call, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("\n".join(TEXTS[:2]))
    edgelet("embed", tmp_path / "notes.txt", "-o", tmp_path / "notes.npy")
    vectors = np.load(tmp_path / "notes.npy").tolist()
    golden = tmp_path / "golden.json"
    content = {
        "model": "all-MiniLM-L6-v2",
        "options": {"mean_pool": True, "normalize": True},
        "decimals": 6,
        "texts": TEXTS[:2],
        "embeddings": [[round(value, 6) for value in vector] for vector in vectors],
    }
    golden.write_text(json.dumps(content))
    ended = edgelet("models", "verify", "all-MiniLM-L6-v2", "--golden", golden)
    assert ended.out.count("same") == 2
    assert "all stored files are sound" in ended.err


def test_the_list_shows_the_precision_that_is_built(edgelet: Call) -> None:
    facts = json.loads(edgelet("models", "list", "--json").out)
    [stored] = [model for model in facts["stored"] if model["model"] == "all-MiniLM-L6-v2"]
    assert "fp32" in stored["precisions"]
    assert stored["bytes"] > 90_000_000
