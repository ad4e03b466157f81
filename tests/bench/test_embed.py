"""What the benchmark of embedding computes from its figures; its peers are not installed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from bench.embed.aims import reached
from bench.embed.chart import charts
from bench.embed.models import doubled_layers
from bench.embed.quality import compared
from bench.texts import LENGTHS, texts, tokenizer

from edgelet_host.builder.safetensors import Weights
from tests.builder.tiny_bert import CONFIG, random_weights, safetensors

ROOT = Path(__file__).parents[2]


def row(contender: str, kind: str, rate: float) -> dict[str, Any]:
    return {"model": "m", "threads": 2, "set": kind, "contender": contender, "texts/s": rate}


RESULTS: dict[str, Any] = {
    "facts": {"machine": "a machine"},
    "speed": [
        row("edgelet fp32", "short", 300.0),
        row("edgelet int8", "short", 900.0),
        row("sentence-transformers", "short", 150.0),
        row("onnxruntime", "short", 100.0),
        row("OpenVINO f32", "short", 330.0),
    ],
    "singles": [
        {"model": "m", "threads": 2, "contender": name, "p50 ms": value}
        for name, value in (("edgelet fp32", 2.2), ("bare fp32", 2.0))
    ],
    "together": [],
    "linear": [
        {"contender": "edgelet int8", "texts": count, "µs a text": each, "growth MB": 10.0}
        for count, each in ((100, 400.0), (1000, 380.0))
    ],
    "quality": {"edgelet int8": {"neighbours": 0.9, "mean": 0.99, "texts": 500}},
    "starts": {"edgelet fp32": {"median": 300.0}, "onnxruntime": {"median": 200.0}},
    "import": {},
}


@pytest.mark.parametrize("kind", LENGTHS)
def test_texts_have_the_lengths_of_their_kind(kind: str) -> None:
    fewest, most = LENGTHS[kind]
    lengths = [len(each.ids) for each in tokenizer().encode_batch_fast(texts(kind, 512))]
    assert fewest <= min(lengths) < fewest + 0.1 * most
    assert most - 0.1 * most < max(lengths) <= most
    assert np.mean(lengths[:32]) == pytest.approx(np.mean(lengths), rel=0.06)


def test_aims_are_shown_beside_what_is_reached() -> None:
    found = {each.name: each for each in reached(RESULTS)}
    assert found["fp32: times the fastest fp32 peer"].figure == 2
    assert found["int8: times sentence-transformers fp32"].figure == 6
    ceiling = found["OpenVINO f32: times edgelet fp32"]
    assert (ceiling.figure, ceiling.met) == (pytest.approx(1.1), True)
    single = found["one text, p50: times the bare onnxruntime call"]
    assert (single.where, single.figure, single.met) == ("m, 2 threads, fp32", 1.1, False)
    assert not found["int8: the same ten nearest neighbours"].met
    assert "int8: times the fastest int8 peer" not in found  # nothing to compare it with


def test_charts_are_whole_and_the_same_each_time() -> None:
    drawn = charts(RESULTS)
    assert drawn == charts(RESULTS)
    assert set(drawn) == {"embed.svg", "embed-linear.svg"}
    for content in drawn.values():
        ElementTree.fromstring(content)
    assert "sentence-transformers" in drawn["embed.svg"]


def test_quality_tells_the_same_vectors_from_others() -> None:
    random = np.random.default_rng(1)
    right = random.standard_normal((60, 16)).astype(np.float32)
    other = random.standard_normal((60, 16)).astype(np.float32)
    found = compared({"right": right, "longer": 3 * right, "other": other}, "right")
    assert found["longer"]["least"] == pytest.approx(1)
    assert found["longer"]["neighbours"] == 1
    assert found["other"]["mean"] < 0.5
    assert found["other"]["neighbours"] < 0.5


def test_a_model_can_have_every_layer_twice(tmp_path: Path) -> None:
    layers, hidden = CONFIG["num_hidden_layers"], CONFIG["hidden_size"]
    file = tmp_path / "model.safetensors"
    file.write_bytes(doubled_layers(safetensors(random_weights()), layers))
    weights = Weights(file)
    for layer in range(layers):
        one, other = (
            weights.tensor(f"encoder.layer.{each}.output.LayerNorm.bias", (hidden,))
            for each in (layer, layer + layers)
        )
        assert (one == other).all()


def test_it_says_what_can_be_chosen() -> None:
    said = subprocess.check_output(
        [sys.executable, "-m", "bench.embed", "--help"], cwd=ROOT, text=True
    )
    for option in ("--quick", "--json", "--only", "--set", "--model", "--threads"):
        assert option in said
