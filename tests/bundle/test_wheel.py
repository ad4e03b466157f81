"""The wheel and its lock file, as plain Pyodide pages use them."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

from bundle.stale import sha256_of


def test_the_lock_file_names_the_wheel_beside_it(python: Path) -> None:
    wheels = python / "wheels"
    lock = json.loads((wheels / "pyodide-lock.json").read_text())
    package = lock["packages"]["edgelet"]
    assert package["sha256"] == sha256_of(wheels / package["file_name"])
    assert package["depends"] == []
    assert sorted(file.name for file in wheels.iterdir()) == [
        package["file_name"],
        "pyodide-lock.json",
    ]


def test_the_wheel_runs_on_every_platform_and_holds_each_host(python: Path) -> None:
    [wheel] = (python / "wheels").glob("*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as file:
        packages = {name.split("/")[0] for name in file.namelist()}
        [entry_points] = [name for name in file.namelist() if name.endswith("entry_points.txt")]
        assert b"pyodide_host" in file.read(entry_points)
    assert {"edgelet", "edgelet_host", "edgelet_pyodide"} <= packages


def test_pyodide_loads_it_from_one_folder_without_a_network(python: Path, root: Path) -> None:
    pyodide = root / "js-shim" / "node_modules" / "pyodide"
    loads = Path(__file__).parent / "loads.mjs"
    ended = subprocess.run(
        ["node", str(loads), f"{python / 'wheels'}/", f"{pyodide}/"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    version = json.loads((python / "manifest.json").read_text())["edgelet"]
    assert ended.stdout.splitlines()[-1].endswith(version)
