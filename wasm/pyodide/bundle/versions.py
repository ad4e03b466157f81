"""Which versions belong together, and the refusal to bundle what does not.

Core's bytecode, the standard library and the snapshot work in exactly one build of Pyodide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.errors import BundleError


@dataclass(frozen=True, slots=True)
class Versions:
    """What `manifest.json` says of the bundle's parts; `abi` and `platform` are Pyodide's."""

    edgelet: str
    pyodide: str
    python: str
    abi: str
    platform: str


def read_versions(root: Path) -> Versions:
    """The versions in the clone at `root`, whose `js-shim/node_modules` is installed.

    Raises `BundleError`.
    """
    package = _read(root / "js-shim" / "package.json")
    core = core_version(root)
    if package["version"] != core:
        raise BundleError(
            f"core is version {core}, but js-shim/package.json says {package['version']}; "
            f"give both the same version"
        )
    pinned = package["devDependencies"]["pyodide"]
    if not re.fullmatch(r"\d+\.\d+\.\d+", pinned):
        raise BundleError(
            f"js-shim/package.json asks for pyodide {pinned}; pin one version, because bytecode "
            f"and snapshot work in one build only"
        )
    folder = root / "js-shim" / "node_modules" / "pyodide"
    if not folder.is_dir():
        raise BundleError("pyodide is not installed; run `npm ci` in js-shim")
    installed = _read(folder / "package.json")["version"]
    if installed != pinned:
        raise BundleError(
            f"pyodide {installed} is installed, but js-shim/package.json pins {pinned}; "
            f"run `npm ci` in js-shim"
        )
    info = _read(folder / "pyodide-lock.json")["info"]
    return Versions(core, installed, info["python"], info["abi_version"], info["platform"])


def core_version(root: Path) -> str:
    """`edgelet.__version__`, read without importing core."""
    text = (root / "core" / "edgelet" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise BundleError('core/edgelet/__init__.py lacks a line `__version__ = "…"`')
    return found[1]


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
