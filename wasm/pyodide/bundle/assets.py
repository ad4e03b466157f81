"""The order of the work: from a clone to a folder of assets, each part made when it is stale."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path

from bundle.archives import compile_archive, sources_of, write_archive
from bundle.manifest import FROZEN, SNAPSHOT, write_manifest
from bundle.packages import install_tools, wanted_tools
from bundle.pyodide import run_node
from bundle.stale import Workshop, sha256_of
from bundle.standard_library import imported_modules, standard_library
from bundle.versions import Versions, read_versions
from bundle.wheel import build_wheel

_ENGINE = ("ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs")
_PYODIDE = ("pyodide.asm.mjs", "pyodide.asm.wasm")

_LIBRARY = "library.zip"
"""The whole standard library, for what functions in Python import."""

_FOR_OTHERS = {"edgelet.testing"}
"""Modules that have no use in the npm package: they are for tests."""


class Assets:
    """The parts of the npm package's `dist/assets`, made from the clone at `root`.

    `folder` is where they go, `work` where tools and notes are kept. The default model's
    `tokenizer.json` must have been exported to `folder` before the snapshot is taken.
    """

    def __init__(self, root: Path, folder: Path, work: Path) -> None:
        self._root, self._work = root, work
        self._modules = root / "js-shim" / "node_modules"
        self._packages = [root / "core" / "edgelet", root / "wasm" / "pyodide" / "edgelet_pyodide"]
        self._engine, self._models = folder / "onnxruntime", folder / "models"
        self._workshop = Workshop(work / "notes")
        self._tools = work / "tools"
        self.python = folder / "python"

    def make(self) -> None:
        """Make all that is stale. Raises `BundleError`."""
        versions = read_versions(self._root)
        self._copies()
        self._tools_of_pyodide()
        self._core(versions)
        self._standard_library(versions)
        self._snapshot(versions)
        self._wheel(versions)

    def _copies(self) -> None:
        for names, package, folder in (
            (_PYODIDE, self._modules / "pyodide", self.python),
            (_ENGINE, self._modules / "onnxruntime-web" / "dist", self._engine),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                _copy(package / name, folder / name)
        _copy(self._modules / "pyodide" / "python_stdlib.zip", self.python / _LIBRARY)

    def _tools_of_pyodide(self) -> None:
        marker = self._tools / "pyodide_build" / "__init__.py"
        self._workshop.made(
            "tools",
            wanted_tools(self._root),
            [marker],
            lambda: install_tools(self._root, self._tools),
        )

    def _core(self, versions: Versions) -> None:
        archive = self.python / "core.zip"

        def make() -> None:
            write_archive(archive, sources_of(self._packages))
            compile_archive(archive, self._tools)

        self._workshop.made("core", [*self._packages, versions.pyodide], [archive], make)

    def _standard_library(self, versions: Versions) -> None:
        archive = self.python / "stdlib.zip"
        whole = self._modules / "pyodide" / "python_stdlib.zip"

        sources = [file for package in self._packages for file in package.rglob("*.py")]
        names = imported_modules(file for file in sources if not _is_for_others(file))

        def make() -> None:
            members = standard_library(names, self.python / "core.zip", self._tokenizer(), whole)
            write_archive(archive, members)
            compile_archive(archive, self._tools)

        inputs: list[Path | str] = [*sorted(names), whole, versions.pyodide]
        self._workshop.made("stdlib", inputs, [archive], make)

    def _snapshot(self, versions: Versions) -> None:
        snapshot = self.python / SNAPSHOT
        frozen = [self.python / name for name in FROZEN]
        taken_of = self._work / "snapshot-of.json"

        def make() -> None:
            names = {name for name in FROZEN[:2] for name in _modules(self.python / name)}
            run_node(
                Path(__file__).parent / "snapshot.mjs",
                f"{self.python}/",
                str(self._tokenizer()),
                str(snapshot),
                *sorted(names - _FOR_OTHERS),
            )
            hashes = {file.name: sha256_of(file) for file in frozen}
            taken_of.write_text(json.dumps(hashes), encoding="utf-8")

        inputs: list[Path | str] = [*frozen, self._tokenizer(), versions.pyodide]
        self._workshop.made("snapshot", inputs, [snapshot, taken_of], make)
        write_manifest(self.python, versions, json.loads(taken_of.read_text(encoding="utf-8")))

    def _wheel(self, versions: Versions) -> None:
        folder = self.python / "wheels"
        names = ("pyproject.toml", "README.md", "LICENSE", "core", "host")
        inputs: list[Path | str] = [
            *(self._root / name for name in names),
            *self._packages,
            str(asdict(versions)),
        ]
        self._workshop.made(
            "wheel",
            inputs,
            [folder],
            lambda: build_wheel(self._root, folder, versions, self._tools),
        )

    def _tokenizer(self) -> Path:
        return self._models / "all-MiniLM-L6-v2" / "int8" / "tokenizer.json"


def _modules(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as file:
        names = [name.removesuffix(".pyc").replace("/", ".") for name in file.namelist()]
    return {name.removesuffix(".__init__") for name in names}


def _is_for_others(file: Path) -> bool:
    return f"{file.parent.name}.{file.stem}" in _FOR_OTHERS


def _copy(source: Path, copy: Path) -> None:
    if not (copy.is_file() and sha256_of(source) == sha256_of(copy)):
        shutil.copyfile(source, copy)
