"""What lies in an artefact's folder, and how its card is read."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from edgelet.errors import ModelError
from edgelet.models import ModelCard, Precision
from edgelet_host.builder import BUILDER_VERSION, build_artefact, read_card
from tests.builder.tiny_bert import Folder


def build(where: Path, precision: Precision = "fp32") -> Path:
    source, artefact = where / "source", where / "artefact"
    source.mkdir(parents=True)
    artefact.mkdir()
    build_artefact(Folder().write(source), artefact, model="örg/tiny", precision=precision)
    return artefact


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("precision", ["fp32", "q8", "int8"])
def test_the_same_source_gives_the_same_bytes(tmp_path: Path, precision: Precision) -> None:
    first, second = build(tmp_path / "1", precision), build(tmp_path / "2", precision)
    assert contents(first) == contents(second)
    assert set(contents(first)) == {
        "edgelet.json",
        "model.onnx",
        "model.onnx.data",
        "tokenizer.json",
    }


def test_the_real_model_gives_the_same_bytes_in_another_process(
    minilm_source: Path, tmp_path: Path
) -> None:
    program = f"""
import sys
from pathlib import Path
from edgelet_host.builder import build_artefact
build_artefact(Path({str(minilm_source)!r}), Path(sys.argv[1]), model="m", precision="int8")
"""
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder in folders:
        folder.mkdir()
        subprocess.run([sys.executable, "-c", program, str(folder)], check=True)
    assert contents(folders[0]) == contents(folders[1])


def test_the_card_tells_where_everything_came_from(tmp_path: Path) -> None:
    artefact = build(tmp_path)
    card = read_card(artefact)
    assert card == ModelCard("örg/tiny", "fp32", 32, 24, 40, "mean")
    facts = json.loads((artefact / "edgelet.json").read_bytes())
    assert (facts["format"], facts["builder"]) == (1, BUILDER_VERSION)
    assert facts["source"] == {
        file.relative_to(tmp_path / "source").as_posix(): hashlib.sha256(
            file.read_bytes()
        ).hexdigest()
        for file in (tmp_path / "source").rglob("*")
        if file.is_file()
    }
    assert facts["files"] == {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents(artefact).items()
        if name != "edgelet.json"
    }
    assert (artefact / "tokenizer.json").read_bytes() == (
        tmp_path / "source" / "tokenizer.json"
    ).read_bytes()


@pytest.mark.parametrize("precision", ["fp32", "q8", "int8"])
def test_every_precision_has_the_same_face(tmp_path: Path, precision: Precision) -> None:
    graph = onnx.load_model(build(tmp_path, precision) / "model.onnx").graph
    assert [describe(entry) for entry in graph.input] == [
        ("token_ids", "INT32", ["texts", "tokens"]),
        ("lengths", "INT32", ["texts"]),
    ]
    assert [describe(entry) for entry in graph.output] == [
        ("sentence_embedding", "FLOAT", ["texts", 32]),
        ("sentence_embedding_raw", "FLOAT", ["texts", 32]),
        ("token_embeddings", "FLOAT", ["texts", "tokens", 32]),
        ("token_embeddings_raw", "FLOAT", ["texts", "tokens", 32]),
    ]


def describe(entry: onnx.ValueInfoProto) -> tuple[str, str, list[Any]]:
    kind = entry.type.tensor_type
    shape = [axis.dim_param or axis.dim_value for axis in kind.shape.dim]
    return entry.name, onnx.TensorProto.DataType.Name(kind.elem_type), shape


def test_progress_is_told(tmp_path: Path) -> None:
    source, artefact, said = tmp_path / "source", tmp_path / "artefact", list[str]()
    source.mkdir()
    artefact.mkdir()
    build_artefact(
        Folder().write(source), artefact, model="tiny", precision="q8", progress=said.append
    )
    assert said == ["reading model.safetensors", "writing q8", "trying it out"]


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(artefact: Path) -> None:
        facts = json.loads((artefact / "edgelet.json").read_bytes())
        change(facts)
        (artefact / "edgelet.json").write_text(json.dumps(facts))

    return apply


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda artefact: (artefact / "edgelet.json").unlink(), "is no model artefact"),
        (lambda artefact: (artefact / "edgelet.json").write_bytes(b"{"), "cannot be read"),
        (lambda artefact: (artefact / "edgelet.json").write_bytes(b"\xff"), "cannot be read"),
        (lambda artefact: (artefact / "edgelet.json").write_bytes(b"[" * 10**6), "cannot be read"),
        (lambda artefact: (artefact / "edgelet.json").write_bytes(b"[]"), "cannot be read"),
        (changed(lambda facts: facts.update(format=2)), "has format 2, but .* reads format 1"),
        (changed(lambda facts: facts.pop("format")), "has format None"),
        (changed(lambda facts: facts.pop("model")), "is damaged"),
        (changed(lambda facts: facts.update(model=3)), "is damaged"),
        (changed(lambda facts: facts.update(precision="int4")), "is damaged"),
        (changed(lambda facts: facts.update(pooling=["mean"])), "is damaged"),
        (changed(lambda facts: facts.update(dimensions="32")), "is damaged"),
        (changed(lambda facts: facts.update(max_tokens=True)), "is damaged"),
        (changed(lambda facts: facts.update(max_tokens=41)), "is damaged"),
        (changed(lambda facts: facts.update(files=None)), "is damaged"),
        (changed(lambda facts: facts["files"].pop("model.onnx")), "model.onnx is missing"),
        (changed(lambda facts: facts["files"].update({"model.onnx": 3})), "model.onnx is missing"),
        (lambda artefact: (artefact / "model.onnx").unlink(), "model.onnx is missing"),
        (
            lambda artefact: (artefact / "model.onnx.data").write_bytes(b"cut"),
            "model.onnx.data is missing or has another size",
        ),
        (lambda artefact: (artefact / "tokenizer.json").unlink(), "tokenizer.json is missing"),
    ],
)
def test_a_damaged_artefact_is_refused_in_one_sentence(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    artefact = build(tmp_path)
    damage(artefact)
    with pytest.raises(ModelError, match=message) as caught:
        read_card(artefact)
    assert "\n" not in str(caught.value)


def test_reading_a_card_imports_nothing_heavy() -> None:
    program = """
import sys
from edgelet_host.builder import BUILDER_VERSION, read_card
assert not {"numpy", "onnx", "onnxruntime"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
