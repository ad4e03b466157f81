"""The built bundle, and the tools that it was built with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.js.package import needs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The clone, where Node is installed; the tests are skipped where it is not."""
    needs("node")
    return ROOT


@pytest.fixture(scope="session")
def python(root: Path) -> Path:
    """`dist/assets/python`, as `./build.sh bundle` made it."""
    folder = root / "js-shim" / "dist" / "assets" / "python"
    if not (folder / "manifest.json").exists():
        pytest.fail(f"{folder} is not built; run ./build.sh bundle first")
    return folder


@pytest.fixture(scope="session")
def tools(python: Path, root: Path) -> Path:
    """The folder where pyodide-build lies, for Pyodide's Python."""
    return root / "build" / "bundle" / "tools"
