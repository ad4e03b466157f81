"""Makes the component by `componentize-py`, from sources that are staged for it alone."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("edgelet", "edgelet_guest")
WORLD = Path(__file__).with_name("world.wit")


class ComponentNotBuilt(Exception):
    """`componentize-py` failed. Its own words follow."""


def key(tokenizer_json: bytes) -> str:
    """What the component is made of, as a hash: it is the same if and only if they are."""
    digest = hashlib.sha256(importlib.metadata.version("componentize-py").encode())
    for name, source in _sources():
        digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    digest.update(WORLD.read_bytes() + b"\0" + tokenizer_json)
    return digest.hexdigest()[:16]


def build(tokenizer_json: bytes, component: Path) -> None:
    """Write the component, which holds that tokenizer. Takes ten seconds.

    Raises `ComponentNotBuilt`.
    """
    with tempfile.TemporaryDirectory(prefix="edgelet-") as temporary:
        stage = Path(temporary)
        for name, source in _sources():
            staged = stage / "python" / name
            staged.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, staged)
        (stage / "python" / "edgelet_guest" / "tokenizer.json").write_bytes(tokenizer_json)
        shutil.copyfile(WORLD, stage / "world.wit")
        _componentize(stage)
        shutil.move(stage / "guest.wasm", component)


def _sources() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise ComponentNotBuilt(f"the package {package} is not installed")
        folder = Path(spec.origin).parent
        for source in sorted(folder.rglob("*.py")):
            yield f"{package}/{source.relative_to(folder).as_posix()}", source


def _componentize(stage: Path) -> None:
    program = Path(sys.executable).with_name("componentize-py")
    arguments = [
        "--wit-path",
        "world.wit",
        "--world",
        "function",
        "componentize",
        "edgelet_guest.app",
    ]
    done = subprocess.run(  # noqa: S603 (fixed arguments)
        [program, *arguments, "--python-path", "python", "--output", "guest.wasm"],
        cwd=stage,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).partition("\nStack backtrace:")[0]
        raise ComponentNotBuilt(said.partition("AssertionError: ")[2] or said)
