"""`edgelet models …`, with a cache in which small files stand for models."""

import json
from array import array
from pathlib import Path

import pytest

from edgelet.models import BUILT_IN_MODELS, ModelCard
from edgelet.testing import FakeHost
from edgelet_host.builder.card import write_card
from edgelet_host.store.contents import FileRecord, Record, record_of, write_record
from tests.cli.conftest import Call


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A cache that holds the source files of gte-small, of 3000 bytes."""
    model = next(model for model in BUILT_IN_MODELS if model.name == "gte-small")
    folder = tmp_path / "models" / "sources" / "thenlper--gte-small" / model.revision
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"w" * 3000)
    files: dict[str, FileRecord] = record_of(folder, ["model.safetensors"])
    write_record(folder, Record("gte-small", "a test", model.revision, files))
    return folder


def test_the_list_shows_what_is_built_in_and_what_is_stored(edgelet: Call, stored: Path) -> None:
    ended = edgelet("models", "list")
    assert ended.code == 0
    lines = ended.out.splitlines()
    for model in BUILT_IN_MODELS:
        assert any(line.startswith(model.name) for line in lines)
    assert "kB" in next(line for line in lines if line.startswith("gte-small"))
    assert str(stored.parents[2]) in ended.out


def test_the_list_as_json(edgelet: Call, stored: Path) -> None:
    facts = json.loads(edgelet("models", "list", "--json").out)
    assert facts["folder"] == str(stored.parents[2])
    assert [model["model"] for model in facts["built_in"]] == [m.name for m in BUILT_IN_MODELS]
    [found] = facts["stored"]
    assert (found["model"], found["precisions"]) == ("gte-small", [])
    assert found["bytes"] > 3000
    assert found["where"] == [str(stored.parent)]


def test_pull_prints_the_folder(edgelet: Call, stored: Path) -> None:
    assert edgelet("models", "pull", "gte-small").out == f"{stored}\n"


def test_a_model_that_is_none_is_an_error(edgelet: Call) -> None:
    for command in ("pull", "build", "verify", "remove"):
        ended = edgelet("models", command, "gte-tiny")
        assert ended.code == 1
        assert "gte-tiny" in ended.err
        assert "gte-small" in ended.err


def test_remove_says_how_much_room_that_made(edgelet: Call, stored: Path) -> None:
    ended = edgelet("models", "remove", "gte-small")
    assert ended.code == 0
    assert "removed gte-small" in ended.err
    assert "kB freed" in ended.err
    assert not stored.exists()
    again = edgelet("models", "remove", "gte-small")
    assert again.code == 1
    assert "nothing is stored of gte-small" in again.err


def test_verify_finds_a_changed_file(edgelet: Call, stored: Path) -> None:
    assert "sound" in edgelet("models", "verify", "gte-small").err
    (stored / "model.safetensors").write_bytes(b"W" + b"w" * 2999)
    ended = edgelet("models", "verify", "gte-small")
    assert ended.code == 1
    assert str(stored / "model.safetensors") in ended.err


@pytest.fixture
def golden(edgelet: Call, tmp_path: Path) -> Path:
    """Golden vectors of the fake host, rounded as golden files are."""
    texts = ["one", "two words", "x" * 100]
    vectors = [json.loads(edgelet("run", "gte-small", text, host=FakeHost()).out) for text in texts]
    file = tmp_path / "golden.json"
    rounded = [[round(value, 6) for value in vector] for vector in vectors]
    file.write_text(
        json.dumps({"options": {"normalize": True}, "texts": texts, "embeddings": rounded})
    )
    return file


def test_verify_compares_vectors_with_golden_ones(edgelet: Call, golden: Path) -> None:
    ended = edgelet("models", "verify", "gte-small", "--golden", golden, host=FakeHost())
    assert ended.code == 0
    rows = ended.out.splitlines()[1:]
    assert len(rows) == 3
    assert all("1.0000000" in row and row.rstrip().endswith("same") for row in rows)


def test_verify_fails_when_a_vector_is_too_far_away(edgelet: Call, golden: Path) -> None:
    content = json.loads(golden.read_text())
    content["embeddings"][1][3] += 0.01
    golden.write_text(json.dumps(content))
    ended = edgelet("models", "verify", "gte-small", "--golden", golden, host=FakeHost())
    assert ended.code == 1
    assert [row.split()[-1] for row in ended.out.splitlines()[1:]] == ["same", "differs", "same"]
    assert "1 of 3 vectors differ by more than 0.0001" in ended.err
    wide = edgelet(
        "models", "verify", "gte-small", "--golden", golden, "--tolerance", "0.02", host=FakeHost()
    )
    assert wide.code == 0


def test_golden_vectors_of_another_length_are_an_error(edgelet: Call, golden: Path) -> None:
    host = FakeHost(dimensions=4)
    ended = edgelet("models", "verify", "gte-small", "--golden", golden, host=host)
    assert ended.code == 1
    assert "8 dimensions, the model gives 4" in ended.err


@pytest.mark.parametrize(
    "content",
    [
        "oops",
        "[]",
        "{}",
        '{"texts": ["a"], "embeddings": []}',
        '{"texts": ["a"], "embeddings": [["x"]]}',
        '{"texts": ["a"], "embeddings": [[1]], "options": {"mean_pool": false}}',
    ],
)
def test_what_is_no_golden_file_is_refused(edgelet: Call, golden: Path, content: str) -> None:
    golden.write_text(content)
    ended = edgelet("models", "verify", "gte-small", "--golden", golden, host=FakeHost())
    assert ended.code == 1
    assert f"{golden}: expected a JSON object" in ended.err


def test_a_golden_value_of_a_vector_is_compared_as_float32() -> None:
    from edgelet_host.cli.vectors import cosine

    assert cosine(array("f", [1, 0]), array("f", [0, 1])) == 0.0
    assert cosine([0.0, 0.0], [1.0, 0.0]) == 0.0


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """A folder `my-model` with an artefact in int8, and a file that does not belong to it."""
    folder = tmp_path / "my-model"
    folder.mkdir()
    names = ("model.onnx", "model.onnx.data", "tokenizer.json")
    for name in (*names, "notes.txt"):
        (folder / name).write_text(name)
    files = {name: (file.size, file.sha256) for name, file in record_of(folder, names).items()}
    card = ModelCard(str(folder), "int8", 8, 16, 16, "mean")
    write_card(folder, card, source={}, files=files)
    return folder


def test_export_copies_what_the_card_names_and_prints_the_folder(
    edgelet: Call, artefact: Path
) -> None:
    ended = edgelet("models", "export", "./my-model", "public/models")
    assert ended.code == 0
    assert ended.out == "public/models/my-model/int8\n"
    exported = Path(ended.out.strip())
    names = {"edgelet.json", "model.onnx", "model.onnx.data", "tokenizer.json"}
    assert {file.name for file in exported.iterdir()} == names
    assert all((exported / name).read_bytes() == (artefact / name).read_bytes() for name in names)
    assert [folder.name for folder in exported.parent.iterdir()] == ["int8"]


def test_export_leaves_what_is_the_same_and_replaces_what_is_not(
    edgelet: Call, artefact: Path
) -> None:
    exported = Path(edgelet("models", "export", "./my-model", "public").out.strip())
    before = exported.stat().st_ino
    edgelet("models", "export", "./my-model", "public")
    assert exported.stat().st_ino == before
    (exported / "model.onnx").write_text("changed by somebody")
    (exported / "left over").touch()
    edgelet("models", "export", "./my-model", "public")
    assert (exported / "model.onnx").read_text() == "model.onnx"
    assert not (exported / "left over").exists()


def test_export_refuses_a_damaged_artefact(edgelet: Call, artefact: Path) -> None:
    (artefact / "model.onnx.data").write_text("model.onnx.dat4")
    ended = edgelet("models", "export", "./my-model", "public")
    assert ended.code == 1
    assert "model.onnx.data is not what its card says" in ended.err
    assert list(Path("public/my-model").iterdir()) == []


def test_export_says_where_it_cannot_write(edgelet: Call, artefact: Path) -> None:
    Path("public").mkdir()
    Path("public/my-model").touch()
    ended = edgelet("models", "export", "./my-model", "public")
    assert ended.code == 1
    assert "cannot write public/my-model/int8" in ended.err


def test_export_of_another_precision_than_the_artefact_has_is_refused(
    edgelet: Call, artefact: Path
) -> None:
    ended = edgelet("models", "export", "./my-model", "public", "--precision", "q8")
    assert ended.code == 1
    assert "holds int8, but q8 was asked for" in ended.err
