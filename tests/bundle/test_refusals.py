"""Parts of different versions are refused at build time, in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bundle.errors import BundleError
from bundle.manifest import FROZEN, SNAPSHOT, write_manifest
from bundle.pyodide import run_python
from bundle.stale import sha256_of
from bundle.versions import Versions, read_versions

VERSIONS = Versions("0.1.0", "314.0.7", "3.14.2", "2026_0", "emscripten_5_0_3")


def write(file: Path, facts: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing in it but versions, which belong together."""
    core = tmp_path / "core" / "edgelet"
    core.mkdir(parents=True)
    (core / "__init__.py").write_text('__version__ = "0.1.0"\n')
    shim = tmp_path / "js-shim"
    write(shim / "package.json", {"version": "0.1.0", "devDependencies": {"pyodide": "314.0.7"}})
    pyodide = shim / "node_modules" / "pyodide"
    write(pyodide / "package.json", {"version": "314.0.7"})
    info = {"python": "3.14.2", "abi_version": "2026_0", "platform": "emscripten_5_0_3"}
    write(pyodide / "pyodide-lock.json", {"info": info})
    return tmp_path


def test_versions_that_belong_together_are_read(clone: Path) -> None:
    assert read_versions(clone) == VERSIONS


def test_another_version_of_core_is_refused(clone: Path) -> None:
    (clone / "core" / "edgelet" / "__init__.py").write_text('__version__ = "0.2.0"\n')
    with pytest.raises(BundleError, match=r"core is version 0\.2\.0, but .* says 0\.1\.0"):
        read_versions(clone)


def test_another_pyodide_than_the_pinned_one_is_refused(clone: Path) -> None:
    write(clone / "js-shim" / "node_modules" / "pyodide" / "package.json", {"version": "315.0.0"})
    with pytest.raises(BundleError, match=r"pyodide 315\.0\.0 is installed, but .* pins 314\.0\.7"):
        read_versions(clone)


def test_a_range_of_pyodides_is_refused(clone: Path) -> None:
    facts = {"version": "0.1.0", "devDependencies": {"pyodide": "^314.0.7"}}
    write(clone / "js-shim" / "package.json", facts)
    with pytest.raises(BundleError, match="pin one version"):
        read_versions(clone)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    for name in ("pyodide.asm.mjs", SNAPSHOT, *FROZEN):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_snapshot_of_these_parts_is_described(parts: Path) -> None:
    hashes = {name: sha256_of(parts / name) for name in FROZEN}
    write_manifest(parts, VERSIONS, hashes)
    facts = json.loads((parts / "manifest.json").read_text())
    assert facts["snapshot"]["of"] == hashes
    assert facts["files"]["core.zip"] == {"size": 8, "sha256": hashes["core.zip"]}
    assert facts["pyodide"] == "314.0.7"


@pytest.mark.parametrize("changed", FROZEN)
def test_a_snapshot_of_other_parts_is_refused(parts: Path, changed: str) -> None:
    hashes = {name: sha256_of(parts / name) for name in FROZEN}
    (parts / changed).write_text("other")
    with pytest.raises(BundleError, match=f"another {changed}"):
        write_manifest(parts, VERSIONS, hashes)
    assert not (parts / "manifest.json").exists()


def test_what_fails_in_pyodide_is_told_with_its_place(root: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"ValueError: no such luck, File .*line 2"):
        run_python("x = 1\nraise ValueError('no such luck')", folders=[tmp_path])
