"""The component on disk: made once for what it is made of, and never loaded when foreign."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest
from wasmtime import wat2wasm
from wasmtime.component import Component

from edgelet.errors import ModelError
from edgelet_component import build as building
from edgelet_host.sandbox import component as preparing
from edgelet_host.sandbox.component import prepared_component
from edgelet_host.sandbox.wasm import new_engine

pytestmark = pytest.mark.usefixtures("model_folder")


class Builds:
    """Stands in for the ten seconds of `build`: writes an empty component, and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.failure: BaseException | None = None

    def __call__(self, _: building.Kind, __: bytes, path: Path) -> None:
        self.count += 1
        path.write_bytes(b"half of it")
        if self.failure is not None:
            raise self.failure
        path.write_bytes(wat2wasm("(component)"))


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> Builds:
    builds = Builds()
    monkeypatch.setattr(preparing, "build", builds)
    return builds


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of the packages that the component is made of, which a test may change."""
    copies = tmp_path / "sources"
    for package in building.SANDBOX.packages:
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, copies / package)
    shutil.copyfile(building.WORLDS / "world.wit", copies / "world.wit")

    def found(package: str) -> ModuleSpec:
        return ModuleSpec(package, None, origin=str(copies / package / "__init__.py"))

    monkeypatch.setattr(building, "find_spec", found)
    monkeypatch.setattr(building, "WORLDS", copies)
    return copies


def kept(folder: Path) -> set[str]:
    """The files in the folder, but for its lock."""
    return {file.name for file in folder.iterdir() if file.name != "lock"}


def test_a_component_is_built_and_compiled_once(builds: Builds, tmp_path: Path) -> None:
    said: list[str] = []

    first = prepared_component(said.append, tmp_path / "cache")
    again = prepared_component(said.append, tmp_path / "cache")

    assert first == again
    assert builds.count == 1
    assert said == ["building the component that runs functions", "compiling it for this machine"]
    Component.deserialize_file(new_engine(), str(first))


def test_its_files_are_their_owners_alone(builds: Builds, tmp_path: Path) -> None:
    prepared_component(folder=tmp_path / "cache")

    assert kept(tmp_path / "cache")
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700
    for name in kept(tmp_path / "cache"):
        assert stat.S_IMODE((tmp_path / "cache" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "changed",
    ["edgelet/session.py", "edgelet/dialects/openai.py", "edgelet_guest/app.py", "world.wit"],
)
def test_a_changed_source_is_another_component(
    changed: str, sources: Path, builds: Builds, tmp_path: Path
) -> None:
    before = prepared_component(folder=tmp_path / "cache")
    with (sources / changed).open("a") as source:
        source.write("\n")

    after = prepared_component(folder=tmp_path / "cache")

    assert before != after
    assert builds.count == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "edgelet" / "added.py").write_text(""),
        lambda folder: (folder / "edgelet" / "sync.py").unlink(),
        lambda folder: (folder / "edgelet" / "sync.py").rename(folder / "edgelet" / "other.py"),
    ],
    ids=["added", "removed", "renamed"],
)
def test_a_source_that_comes_or_goes_is_another_key(
    change: Callable[[Path], object], sources: Path
) -> None:
    before = building.key(building.SANDBOX, b"tokenizer")
    assert building.key(building.SANDBOX, b"tokenizer") == before

    change(sources)

    assert building.key(building.SANDBOX, b"tokenizer") != before


def test_another_tokenizer_is_another_key(sources: Path) -> None:
    assert building.key(building.SANDBOX, b"one") != building.key(building.SANDBOX, b"another")


@pytest.mark.parametrize("fact", ["_processor", "WASM_STACK"])
def test_another_machine_compiles_anew(
    fact: str, builds: Builds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prepared_component(folder=tmp_path)
    monkeypatch.setattr(preparing, fact, (lambda: "other") if fact == "_processor" else 1)

    assert prepared_component(folder=tmp_path) != before
    assert builds.count == 1


def be_writable_by_a_group(file: Path) -> None:
    file.chmod(0o620)


def be_writable_by_all(file: Path) -> None:
    file.chmod(0o602)


def be_a_link(file: Path) -> None:
    moved = file.with_name("elsewhere")
    file.rename(moved)
    file.symlink_to(moved)


def be_a_dangling_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


FOREIGN = [be_writable_by_a_group, be_writable_by_all, be_a_link, be_a_dangling_link]


@pytest.mark.parametrize("become", FOREIGN, ids=lambda become: become.__name__)
@pytest.mark.parametrize("suffix", [".cwasm", ".wasm"])
def test_a_foreign_file_is_made_anew(
    suffix: str, become: Callable[[Path], None], builds: Builds, tmp_path: Path
) -> None:
    compiled = prepared_component(folder=tmp_path)
    (foreign,) = tmp_path.glob(f"*{suffix}")
    good = foreign.read_bytes()
    foreign.write_bytes(good + b"foreign")
    become(foreign)

    assert prepared_component(folder=tmp_path) == compiled
    assert foreign.read_bytes() == good
    assert not foreign.is_symlink()
    assert stat.S_IMODE(foreign.stat().st_mode) == 0o600


def test_a_file_of_another_user_is_made_anew(
    builds: Builds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared_component(folder=tmp_path)
    monkeypatch.setattr(preparing.os, "getuid", lambda: 4711)
    said: list[str] = []

    prepared_component(said.append, tmp_path)

    assert "compiling it for this machine" in said


INTERRUPTIONS = [KeyboardInterrupt(), SystemExit(1), RuntimeError("a bug")]


@pytest.mark.parametrize("failure", INTERRUPTIONS, ids=lambda failure: type(failure).__name__)
def test_an_interrupted_build_leaves_nothing(
    failure: BaseException, builds: Builds, tmp_path: Path
) -> None:
    builds.failure = failure
    with pytest.raises(type(failure)):
        prepared_component(folder=tmp_path)
    assert kept(tmp_path) == set()

    builds.failure = None
    assert prepared_component(folder=tmp_path).exists()


def test_what_a_killed_build_left_is_removed(builds: Builds, tmp_path: Path) -> None:
    prepared_component(folder=tmp_path)
    complete = kept(tmp_path)
    for file in tmp_path.glob("*.*wasm"):
        file.unlink()
    (tmp_path / "unfinished-abc123").write_bytes(b"half of it")

    prepared_component(folder=tmp_path)

    assert kept(tmp_path) == complete


@pytest.mark.parametrize(
    "failure", [building.ComponentNotBuilt("no such module"), OSError(28, "No space left")]
)
def test_a_build_that_fails_is_one_clear_error(
    failure: Exception, builds: Builds, tmp_path: Path
) -> None:
    builds.failure = failure
    with pytest.raises(
        ModelError, match="the component that runs functions cannot be built: "
    ) as e:
        prepared_component(folder=tmp_path)

    assert str(failure) in str(e.value)
    assert kept(tmp_path) == set()


def test_a_component_that_cannot_be_compiled_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "build", lambda _, __, path: path.write_bytes(b"no component"))

    with pytest.raises(ModelError, match="cannot be compiled"):
        prepared_component(folder=tmp_path)


def test_componentize_pys_own_words_are_kept(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sources / "edgelet_guest" / "app.py").write_text("raise RuntimeError('broken on purpose')\n")

    with pytest.raises(
        ModelError, match=r"(?s)cannot be built: Traceback .*broken on purpose"
    ) as caught:
        prepared_component(folder=tmp_path / "cache")

    assert "Stack backtrace" not in str(caught.value)
    assert "componentize-py" not in str(caught.value)
    assert kept(tmp_path / "cache") == set()


def test_a_componentize_py_that_is_not_there_is_one_clear_error(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building.sys, "executable", str(tmp_path / "nowhere" / "python"))

    with pytest.raises(ModelError, match=r"cannot be built: .*componentize-py"):
        prepared_component(folder=tmp_path / "cache")


def test_a_cache_that_cannot_be_made_is_one_clear_error(builds: Builds, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ModelError, match="cannot be"):
        prepared_component(folder=tmp_path / "file" / "cache")


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x7fELF" + b"\0" * 4096])
def test_a_damaged_file_is_compiled_anew(damage: bytes, builds: Builds, tmp_path: Path) -> None:
    compiled = prepared_component(folder=tmp_path / "cache")
    compiled.write_bytes(damage)
    said: list[str] = []

    assert prepared_component(said.append, tmp_path / "cache") == compiled
    assert said == ["compiling it for this machine"]
    Component.deserialize_file(new_engine(), str(compiled))


def test_what_nobody_has_used_for_a_month_is_removed(builds: Builds, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for name, days in (("old", 31), ("young", 29)):
        file = cache / f"edgelet-guest-{name}.wasm"
        file.touch()
        then = time.time() - days * 24 * 3600
        os.utime(file, (then, then))

    prepared_component(folder=cache)

    assert not (cache / "edgelet-guest-old.wasm").exists()
    assert (cache / "edgelet-guest-young.wasm").exists()
