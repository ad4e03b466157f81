"""What is stored: listed, checked and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgelet.errors import ModelError, OptionError
from edgelet_host.store import ModelStore, StoredModel, cache_folder
from tests.store.conftest import MODEL, SMALL, WEIGHTS, visible
from tests.store.hub_server import Fault, HubServer


def test_the_cache_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EDGELET_MODELS", "~/models")
    assert ModelStore().folder == tmp_path / "models"
    monkeypatch.delenv("EDGELET_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().parts[-2:] == ("edgelet", "models")
    assert ModelStore(tmp_path / "mine").folder == tmp_path / "mine"


def test_an_empty_cache_is_listed_without_making_it(store: ModelStore) -> None:
    assert store.list() == ()
    assert not store.folder.exists()


def test_a_pulled_model_is_listed_with_its_size_and_place(
    hub: HubServer, store: ModelStore
) -> None:
    store.pull(MODEL)
    where = store.folder / "sources" / "acme--tiny"
    size = sum(file.stat().st_size for file in where.rglob("*") if file.is_file())
    assert store.list() == (StoredModel(MODEL, "hub", (), size, (where,)),)
    assert size > len(WEIGHTS)


def test_an_unfinished_download_is_listed_and_can_be_removed(
    hub: HubServer, store: ModelStore
) -> None:
    hub.fault("model.safetensors", Fault(cut_after=100_000))
    hub.fault("model.safetensors", Fault(cut_after=0, times=2))
    with pytest.raises(ModelError):
        store.pull(MODEL)
    (stored,) = store.list()
    assert stored.model == MODEL
    assert stored.size > 100_000
    assert store.remove(MODEL) == stored.size
    assert store.list() == ()


def test_check_finds_what_was_changed_or_lost(hub: HubServer, store: ModelStore) -> None:
    folder = store.pull(MODEL)
    assert store.check(MODEL) == ()
    weights = bytearray(WEIGHTS)
    weights[1000] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "tokenizer.json").unlink()
    assert set(store.check(MODEL)) == {folder / "model.safetensors", folder / "tokenizer.json"}


def test_check_tells_of_a_model_that_is_not_there(store: ModelStore) -> None:
    with pytest.raises(ModelError, match="nothing is stored of gte-small in"):
        store.check("gte-small")


def test_remove_takes_all_revisions_and_says_how_much(hub: HubServer, store: ModelStore) -> None:
    store.pull(MODEL)
    hub.add(MODEL, SMALL, {"model.safetensors": WEIGHTS[::-1]})
    store.pull(MODEL)
    assert len(visible(store)) == 2
    assert store.remove(MODEL) > 2 * len(WEIGHTS)
    assert visible(store) == []
    assert store.remove(MODEL) == 0


def test_one_revision_cannot_be_removed_alone(store: ModelStore) -> None:
    with pytest.raises(OptionError, match="remove acme/tiny as a whole"):
        store.remove(f"{MODEL}@main")


def test_a_folder_that_cannot_be_written_is_told(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ModelError, match=r"cannot store acme/tiny in .*EDGELET_MODELS"):
        ModelStore(tmp_path / "file").pull(MODEL)
