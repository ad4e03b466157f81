"""The wheel for plain Pyodide pages, and a lock file that lets them load it without an index."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from bundle.errors import BundleError
from bundle.packages import run_pip
from bundle.pyodide import run_python
from bundle.versions import Versions

LOCK = "pyodide-lock.json"


def build_wheel(root: Path, folder: Path, versions: Versions, tools: Path) -> None:
    """Fill `folder` with the wheel of the clone at `root` and its `pyodide-lock.json`, alone.

    `tools` is the folder where pyodide-lock is installed. Raises `BundleError` when the wheel is of
    another version than core.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run_pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(root))
    [wheel] = folder.glob("*.whl")
    expected = f"edgelet-{versions.edgelet}-py3-none-any.whl"
    if wheel.name != expected:
        raise BundleError(f"the wheel is {wheel.name}, expected {expected}; build a clean clone")
    _write_lock(wheel, versions, tools)


def _write_lock(wheel: Path, versions: Versions, tools: Path) -> None:
    facts = asdict(versions)
    info = {"arch": "wasm32", "abi_version": facts["abi"]}
    info |= {name: facts[name] for name in ("platform", "python")}
    with TemporaryDirectory() as scratch:
        empty = Path(scratch) / LOCK
        empty.write_text(json.dumps({"info": info, "packages": {}}), encoding="utf-8")
        run_python(
            "from pyodide_lock.cli import main; main(standalone_mode=False)",
            "add-wheels",
            f"--input={empty}",
            f"--output={wheel.parent / LOCK}",
            f"--base-path={wheel.parent}",
            str(wheel),
            folders=[wheel.parent, empty.parent, tools],
            path=[tools],
        )
