"""The parts of the npm package that a deployed function needs.

They are one entry with all it imports, Python, onnxruntime, and the default model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from edgelet.errors import FunctionError
from edgelet.models import DEFAULT_MODEL
from edgelet_host.project.npm_package import npm_package

PRECISION = "int8"
"""What JavaScript hosts compute in unless they are told otherwise."""

_IMPORTED = re.compile(r"""["']\./([\w.-]+\.js)["']""")
_PYTHON = (
    "core.zip", "manifest.json", "pyodide.asm.mjs", "pyodide.asm.wasm",
    "snapshot.bin.gz", "stdlib.zip",
)  # fmt: skip
_ENGINE = ("ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
_ENGINE_MODULE = re.compile(r".*-ort\.[\w.-]+")
_NATIVE = "onnxruntime-node"


def package_files(
    root: Path, entry: str, *, library: bool, model: bool, engine: bool = True
) -> dict[str, Path]:
    """Files by their paths in the package, for the project in `root`.

    `library` is the whole standard library, which functions in Python may import from; `engine` is
    onnxruntime in WebAssembly.

    Raises `FunctionError` when the package, or a part of it, is not there.
    """
    package = _package(root)
    names = [*_modules(package, entry)]
    names += [f"assets/python/{name}" for name in _PYTHON]
    names += ["assets/python/library.zip"] if library else []
    if engine:
        names += [f"assets/onnxruntime/{name}" for name in _ENGINE]
    else:
        names = [name for name in names if not _ENGINE_MODULE.fullmatch(name)]
    if model:
        folder = package / model_folder()
        names += [f"{model_folder()}/{file.name}" for file in _listed(folder)]
    for name in names:
        if not (package / name).is_file():
            raise FunctionError(
                f"the npm package in {package} has no {name}; install edgelet again"
            )
    return {name: package / name for name in names}


def native_engine(root: Path) -> dict[str, str]:
    """The native engine as a dependency: its name and the versions that the package works with.

    Raises `FunctionError` when the package is not there.
    """
    manifest = json.loads((_package(root).parent / "package.json").read_bytes())
    return {_NATIVE: manifest["peerDependencies"][_NATIVE]}


def model_folder() -> str:
    """Where the default model lies in the package."""
    return f"assets/models/{DEFAULT_MODEL}/{PRECISION}"


def _package(root: Path) -> Path:
    package = npm_package(root)
    if package is None:
        raise FunctionError("the npm package edgelet is not installed; run `npm install edgelet`")
    return package


def _modules(package: Path, entry: str) -> Iterator[str]:
    """The entry and what it imports, each once, and the licences of what is bundled in them."""
    seen, waiting = {entry}, [entry]
    while waiting:
        name = waiting.pop()
        yield name
        file = package / name
        if not file.is_file():
            continue  # whoever asked says so
        if (package / f"{name}.LEGAL.txt").is_file():
            yield f"{name}.LEGAL.txt"
        found = set(_IMPORTED.findall(file.read_text("utf-8"))) - seen
        found = {each for each in found if (package / each).is_file()}
        seen |= found
        waiting += sorted(found)


def _listed(folder: Path) -> list[Path]:
    if not (folder / "edgelet.json").is_file():
        raise FunctionError(
            f"the npm package has no model in {folder}; install edgelet again, or give --no-model"
        )
    return sorted(file for file in folder.iterdir() if file.is_file())
