"""Source folders as they are found in the wild: limits, poolings, and damage of every kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgelet.errors import ModelError, OptionError
from edgelet.models import ModelCard
from edgelet_host.builder import build_artefact
from tests.builder.tiny_bert import CONFIG, SMALL_FILES, Folder, random_weights, safetensors

Json = dict[str, Any]


def build(source: Path) -> ModelCard:
    artefact = source.parent / f"{source.name}-artefact"
    artefact.mkdir(exist_ok=True)
    return build_artefact(source, artefact, model="tiny", precision="fp32")


def write(where: Path, folder: Folder) -> Path:
    source = where / "source"
    source.mkdir(exist_ok=True)
    return folder.write(source)


def with_config(**changes: Any) -> Folder:
    return Folder(files={**SMALL_FILES, "config.json": {**CONFIG, **changes}})


def with_file(name: str, content: Any) -> Folder:
    return Folder(files={**SMALL_FILES, name: content})


@pytest.mark.parametrize(
    ("sentence", "tokenizer", "max_tokens"),
    [
        ({"max_seq_length": 24}, {"model_max_length": 30}, 24),
        ({"max_seq_length": 512}, {"model_max_length": 30}, 40),
        ({"max_seq_length": None}, {"model_max_length": 30}, 30),
        (None, {"model_max_length": 30}, 30),
        (None, {"model_max_length": 1e30}, 40),
        (None, {"model_max_length": True}, 40),
        (None, None, 40),
    ],
)
def test_texts_are_cut_where_the_model_says(
    tmp_path: Path, sentence: Json | None, tokenizer: Json | None, max_tokens: int
) -> None:
    small = {
        **SMALL_FILES,
        "sentence_bert_config.json": sentence,
        "tokenizer_config.json": tokenizer,
    }
    card = build(write(tmp_path, Folder(files=small)))
    assert (card.max_tokens, card.positions) == (max_tokens, 40)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        (with_file("config.json", None), "there is no config.json in"),
        (with_file("config.json", [1]), "config.json in .* must hold a JSON object"),
        (with_file("tokenizer.json", None), "there is no tokenizer.json in"),
        (Folder(weights=None), "there is no model.safetensors in"),
        (with_config(model_type="mpnet"), "model_type = 'mpnet'.*model.onnx"),
        (with_config(hidden_act="relu"), "hidden_act = 'relu'.*model.onnx"),
        (with_config(position_embedding_type="relative_key"), "relative_key.*model.onnx"),
        (with_config(layer_norm_eps="0"), "layer_norm_eps"),
        (with_config(hidden_size=32.0), "hidden_size as a positive whole number"),
        (with_config(num_hidden_layers=True), "num_hidden_layers as a positive"),
        (with_config(num_attention_heads=5), "does not come out even"),
        (with_config(max_position_embeddings=2), "at least 3 are needed"),
        (with_config(hidden_size=64), "has the shape .* but config.json says"),
        (with_config(num_hidden_layers=10**9), "there is no tensor encoder.layer.2"),
        (
            with_file("1_Pooling/config.json", {"pooling_mode_max_tokens": True}),
            "the pooling pooling_mode_max_tokens",
        ),
        (with_file("1_Pooling/config.json", {"pooling_mode": ["mean", "cls"]}), "the pooling"),
        (with_file("1_Pooling/config.json", {"pooling_mode": "lasttoken"}), "lasttoken"),
        (
            with_file("modules.json", [{"type": "sentence_transformers.models.Dense"}]),
            "a module 'Dense' after the encoder",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(
    tmp_path: Path, folder: Folder, message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        build(write(tmp_path, folder))
    assert "\n" not in str(caught.value)


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown precision 'int4'; use one of: fp32, q8, int8"):
        build_artefact(tmp_path, tmp_path, model="tiny", precision="int4")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"nul"]
)
@pytest.mark.parametrize("name", ["config.json", "1_Pooling/config.json", "modules.json"])
def test_configuration_that_is_no_json_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    source = write(tmp_path, Folder())
    (source / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} in .* cannot be read as JSON"):
        build(source)


def test_configuration_of_any_size_is_not_read(tmp_path: Path) -> None:
    source = write(tmp_path, Folder())
    with (source / "config.json").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(ModelError, match=r"config\.json in .* is larger than"):
        build(source)


def changed_header(change: Callable[[Json], Any]) -> bytes:
    whole = safetensors(random_weights())
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    header = change(header) or header
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + whole[8 + length :]


WORDS = "embeddings.word_embeddings.weight"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        bytes(8),
        b"\xff" * 8,
        (1 << 40).to_bytes(8, "little") + b"{}",
        (100).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{}",
        (4).to_bytes(8, "little") + b'{"a"',
        (100_000).to_bytes(8, "little") + b'{"a":' * 20_000,
        safetensors(random_weights())[:-1],
        safetensors(random_weights(), "F64"),
        safetensors({**random_weights(), WORDS: np.full((90, 32), np.nan, np.float32)}),
        changed_header(lambda header: header.pop(WORDS) and None),
        changed_header(lambda header: header.update({WORDS: 7})),
        changed_header(lambda header: header[WORDS].update(data_offsets=None)),
        changed_header(lambda header: header[WORDS].update(data_offsets=[0, 4])),
        changed_header(lambda header: header[WORDS].update(data_offsets=[-11520, 0])),
        changed_header(
            lambda header: header[WORDS].update(data_offsets=[1 << 60, (1 << 60) + 11520])
        ),
        changed_header(lambda header: header[WORDS].update(data_offsets=["0", "11520"])),
        changed_header(lambda header: header[WORDS].update(shape=[32, 90])),
        changed_header(lambda header: header[WORDS].update(shape=None)),
        changed_header(lambda header: header[WORDS].update(dtype=["F32"])),
    ],
)
def test_damaged_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    source = write(tmp_path, Folder())
    (source / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be used: .*; pull the model"):
        build(source)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 4000), byte=st.integers(0, 255))
def test_any_damaged_header_is_built_or_refused(tmp_path: Path, place: int, byte: int) -> None:
    source = write(tmp_path, Folder())
    content = bytearray((source / "model.safetensors").read_bytes())
    content[place] = byte
    (source / "model.safetensors").write_bytes(content)
    try:
        build(source)
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
