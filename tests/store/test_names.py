"""Model names: what they mean, and that no name leads out of the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgelet.errors import EdgeletError, ModelError, OptionError
from edgelet_host.store import ModelStore
from edgelet_host.store.names import FolderModel, HubModel, parse_model

HOSTILE = [
    "",
    "@",
    "a/../b",
    "a/..",
    "a/b/c",
    "a//b",
    "a/b@",
    "a/b@../x",
    "a/b@x/../../y",
    "a/b@/etc",
    "a/b@x//y",
    "a/b@x?y",
    "a/b@x#y",
    "a--b/c",
    "a/b--c",
    "a/.b",
    "a/b.",
    "-a/b",
    "a\\b/c",
    "a/b\\..\\c",
    "a/b c",
    "a/b\n",
    "a/b\0",
    "C:/x",
    "folder@x/y",
    "a/%2e%2e",
    "ä/ö",
    "http://evil/x",
    "a/" + "b" * 97,
    "a/b@" + "c" * 300,
]


@pytest.mark.parametrize("name", ["gte-small", "thenlper/gte-small"])
def test_a_built_in_model_has_two_names_and_one_place(name: str) -> None:
    named = parse_model(name)
    assert isinstance(named, HubModel)
    assert (named.model, named.repository) == ("gte-small", "thenlper/gte-small")
    assert named.folder_name == "thenlper--gte-small"
    assert not named.moves


def test_another_revision_of_a_built_in_model_is_not_pinned() -> None:
    named = parse_model("thenlper/gte-small@main")
    assert isinstance(named, HubModel)
    assert (named.model, named.revision, named.built_in) == ("thenlper/gte-small", "main", None)
    assert named.moves


def test_a_hub_id_may_carry_a_revision() -> None:
    assert parse_model("org/name") == HubModel("org/name", "org/name", "main")
    assert parse_model("org/name@refs/pr/1") == HubModel("org/name", "org/name", "refs/pr/1")


def test_a_folder_has_one_name_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my model"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    named = {
        parse_model(name) for name in ("./my model", str(folder), "~/my model", "./a/../my model")
    }
    assert named == {FolderModel(str(folder), folder)}
    assert named.pop().folder_name.startswith("folder@my_model-")


def test_folders_of_the_same_name_stay_apart(tmp_path: Path) -> None:
    one, two = parse_model(f"{tmp_path}/a/model"), parse_model(f"{tmp_path}/b/model")
    assert one.folder_name != two.folder_name


def test_a_bare_name_is_answered_with_the_built_in_ones(store: ModelStore) -> None:
    with pytest.raises(ModelError, match=r"no built-in model 'e5-small'; .*gte-small.*\./e5-small"):
        store.pull("e5-small")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_malformed_name_touches_the_disk(store: ModelStore, tmp_path: Path, name: str) -> None:
    for use in (store.pull, store.remove, store.check, lambda model: store.artefact(model, "fp32")):
        with pytest.raises(EdgeletError) as failure:
            use(name)
        assert "\n" not in str(failure.value)
    assert list(tmp_path.rglob("*")) == []


def test_a_folder_that_is_not_there_is_told(store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"no folder {tmp_path}/nothing"):
        store.pull(f"{tmp_path}/nothing")


def test_an_unknown_precision_is_told(store: ModelStore) -> None:
    with pytest.raises(OptionError, match="unknown precision 'fp16'; use one of: fp32, q8, int8"):
        store.artefact("gte-small", "fp16")  # type: ignore[arg-type]
