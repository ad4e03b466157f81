"""Artefacts: built once, found at once, built again when something they depend on has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgelet.errors import ModelError
from edgelet_host import builder
from edgelet_host.store import ModelStore, Progress
from tests.store.conftest import MODEL, leftovers, start, visible
from tests.store.hub_server import HubServer
from tests.store.tiny_bert import HIDDEN, tiny_bert


@pytest.fixture
def bert_hub(hub: HubServer) -> HubServer:
    """A hub whose model can be built."""
    small, weights = tiny_bert()
    hub.add(MODEL, small, {"model.safetensors": weights})
    return hub


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    """The same model in a folder of the user's."""
    small, weights = tiny_bert()
    folder = tmp_path / "mine"
    for name, content in {**small, "model.safetensors": weights}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_an_artefact_is_pulled_and_built(bert_hub: HubServer) -> None:
    events: list[Progress] = []
    store = ModelStore(progress=events.append)
    folder = store.artefact(MODEL, "fp32")
    card = builder.read_card(folder)
    assert (card.model, card.precision, card.dimensions) == (MODEL, "fp32", HIDDEN)
    assert {"model.onnx", "tokenizer.json", "edgelet.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert folder.parent == store.folder / "artefacts" / "acme--tiny"
    assert folder.name.startswith("fp32-")
    assert {event.step for event in events} >= {"downloading", "building"}
    assert leftovers(store) == []
    assert store.check(MODEL) == ()


def test_what_is_built_is_found_without_network_lock_or_heavy_imports(
    bert_hub: HubServer, store: ModelStore
) -> None:
    folder = store.artefact(MODEL, "fp32")
    bert_hub.requests.clear()
    program = """
import sys
from edgelet_host.store import ModelStore
print(ModelStore().artefact("acme/tiny", "fp32"))
print(sorted({"onnx", "numpy", "huggingface_hub", "filelock", "onnxruntime"} & set(sys.modules)))
"""
    said, _ = start(program).communicate(timeout=30)
    assert said.splitlines() == [str(folder), "[]"]
    assert bert_hub.requests == []


def test_an_artefact_outlives_its_source_files(bert_hub: HubServer, store: ModelStore) -> None:
    folder = store.artefact(MODEL, "fp32")
    (store.pull(MODEL) / "model.safetensors").unlink()
    bert_hub.requests.clear()
    assert store.artefact(MODEL, "fp32") == folder
    assert bert_hub.requests == []


def test_a_truncated_artefact_is_built_again(bert_hub: HubServer, store: ModelStore) -> None:
    folder = store.artefact(MODEL, "fp32")
    os.truncate(folder / "model.onnx.data", 10)
    assert store.artefact(MODEL, "fp32") == folder
    assert store.check(MODEL) == ()


def test_another_builder_builds_again(
    bert_hub: HubServer, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = store.artefact(MODEL, "fp32")
    monkeypatch.setattr(builder, "BUILDER_VERSION", builder.BUILDER_VERSION + 1)
    assert store.artefact(MODEL, "fp32") != old


def test_precisions_lie_side_by_side(bert_hub: HubServer, store: ModelStore) -> None:
    folders = {store.artefact(MODEL, precision) for precision in ("fp32", "q8")}
    assert sorted(folder.name.partition("-")[0] for folder in folders) == ["fp32", "q8"]
    (stored,) = store.list()
    assert (stored.model, stored.kind, stored.precisions) == (MODEL, "hub", ("fp32", "q8"))
    freed = store.remove(MODEL, precision="q8")
    assert freed > 0
    (left,) = store.list()
    assert left.precisions == ("fp32",)
    assert left.size == stored.size - freed


def test_a_source_that_rotted_is_fetched_again_before_it_is_built(
    bert_hub: HubServer, store: ModelStore
) -> None:
    weights = store.pull(MODEL) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    store.artefact(MODEL, "fp32")
    assert weights.read_bytes() != bytes(content)
    assert store.check(MODEL) == ()


def test_build_builds_even_what_is_there(bert_hub: HubServer, store: ModelStore) -> None:
    folder = store.artefact(MODEL, "fp32")
    before = (folder / "model.onnx").stat().st_ino
    assert store.build(MODEL, "fp32") == folder
    assert (folder / "model.onnx").stat().st_ino != before


def test_a_build_that_fails_leaves_nothing(hub: HubServer, store: ModelStore) -> None:
    # The hub's usual files hold random bytes for weights.
    with pytest.raises(ModelError):
        store.artefact(MODEL, "fp32")
    assert [path.partition("/")[0] for path in visible(store)] == ["sources"]
    assert leftovers(store) == []


def test_a_folder_of_source_files_is_built_and_left_alone(
    bert_folder: Path, store: ModelStore
) -> None:
    before = sorted(bert_folder.rglob("*"))
    folder = store.artefact(str(bert_folder), "fp32")
    assert folder.is_relative_to(store.folder / "artefacts")
    assert store.artefact(f"{bert_folder}/../mine", "fp32") == folder
    assert sorted(bert_folder.rglob("*")) == before
    assert store.pull(str(bert_folder)) == bert_folder


def test_a_folder_of_which_nothing_was_built_is_not_listed(
    bert_folder: Path, store: ModelStore
) -> None:
    assert store.pull(str(bert_folder)) == bert_folder
    assert store.list() == ()


def test_a_folder_that_changed_is_built_again(bert_folder: Path, store: ModelStore) -> None:
    old = store.artefact(str(bert_folder), "fp32")
    (bert_folder / "model.safetensors").write_bytes(tiny_bert(seed=2)[1])
    assert store.artefact(str(bert_folder), "fp32") != old


def test_a_folder_that_holds_an_artefact_is_used_as_it_is(
    bert_folder: Path, store: ModelStore
) -> None:
    built = store.artefact(str(bert_folder), "fp32")
    assert store.artefact(str(built), "fp32") == built
    with pytest.raises(ModelError, match="holds fp32, but q8 was asked for"):
        store.artefact(str(built), "q8")


def test_a_folder_without_a_tokenizer_is_told(bert_folder: Path, store: ModelStore) -> None:
    (bert_folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=f"there is no tokenizer.json in {bert_folder}"):
        store.artefact(str(bert_folder), "fp32")


def test_what_was_built_from_a_folder_can_be_removed_when_the_folder_is_gone(
    bert_folder: Path, store: ModelStore, tmp_path: Path
) -> None:
    store.artefact(str(bert_folder), "fp32")
    bert_folder.rename(tmp_path / "elsewhere")
    (stored,) = store.list()
    assert (stored.model, stored.kind) == (str(bert_folder), "folder")
    assert store.remove(stored.model) == stored.size
    assert store.list() == ()
