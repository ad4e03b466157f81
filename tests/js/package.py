"""The npm package as its users get it: built, packed, installed into an empty project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edgelet.models import DEFAULT_MODEL, PRECISIONS
from edgelet_host.store import ModelStore

SHIM = Path(__file__).parents[2] / "js-shim"
DIST = SHIM / "dist"


def built_dist() -> Path:
    """`js-shim/dist`, which `./build.sh bundle` makes; the tests are of no use without it."""
    needs("node")
    if not (DIST / "assets" / "python" / "manifest.json").exists():
        pytest.fail(f"{DIST} is not built; run ./build.sh bundle first")
    return DIST


def needs(program: str) -> str:
    """The path of a program; the test is skipped, with the reason, where there is none."""
    found = shutil.which(program, path=f"{SHIM / 'node_modules' / '.bin'}:{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{program} is not installed on this machine")
    if program == "node" and not _is_recent(found):
        pytest.skip("the installed Node is older than 20")
    return str(Path(found).resolve())


def install_package(project: Path) -> Path:
    """Pack the package and install it into the empty folder `project`, as a stranger would."""
    built_dist()
    project.mkdir()
    (project / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
    _npm("pack", "--ignore-scripts", "--pack-destination", str(project), cwd=SHIM)
    [tarball] = project.glob("*.tgz")
    _npm("install", "--no-audit", "--no-fund", f"./{tarball.name}", cwd=project)
    return project


def with_native_engine(project: Path, other: Path) -> Path:
    """The same project as `other`, with onnxruntime-node beside edgelet."""
    shutil.copytree(project, other, copy_function=os.link)
    engine = SHIM / "node_modules" / "onnxruntime-node"
    if not engine.exists():
        pytest.skip("onnxruntime-node is not installed in js-shim/node_modules")
    (other / "node_modules" / "onnxruntime-node").symlink_to(engine)
    return other


def link_native_engine(project: Path) -> None:
    """Put onnxruntime-node into a folder's `node_modules`, as its host's own tool would.

    The files are those of the clone, not links to another folder, which Deno may not read.
    """
    for name in ("onnxruntime-node", "onnxruntime-common"):
        package = SHIM / "node_modules" / name
        if not package.exists():
            pytest.skip(f"{name} is not installed in js-shim/node_modules")
        shutil.copytree(package, project / "node_modules" / name, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)


def export_models(folder: Path) -> Path:
    """A folder of models as JavaScript hosts read it, with the default model in all precisions."""
    for precision in PRECISIONS:
        artefact = ModelStore().artefact(DEFAULT_MODEL, precision)
        shutil.copytree(artefact, folder / DEFAULT_MODEL / precision)
    return folder


def _is_recent(node: str) -> bool:
    recent = "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"
    return subprocess.run([node, "-e", recent], check=False).returncode == 0


def _npm(*arguments: str, cwd: Path) -> None:
    done = subprocess.run(
        [needs("npm"), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"npm {arguments[0]} failed: {done.stderr[-2000:]}")
