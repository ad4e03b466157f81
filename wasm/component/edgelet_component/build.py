"""Makes components by `componentize-py`, from sources that are staged for it alone."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

WORLDS = Path(__file__).parent


class ComponentNotBuilt(Exception):
    """`componentize-py` failed. Its own words follow."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of component. The last of its packages has the module `app`, which is its face.

    `wit` is the file of its world; `data` names a file beside `app`, which is given with each
    build.
    """

    world: str
    wit: str
    packages: tuple[str, ...]
    data: str


SANDBOX = Kind("function", "world.wit", ("edgelet", "edgelet_guest"), "tokenizer.json")
"""Runs any function: its host gives the code, and performs the effects."""

STANDALONE = Kind(
    "standalone",
    "standalone.wit",
    ("edgelet", "edgelet_guest", "edgelet_standalone"),
    "model.json",
)
"""Has room for one function, and is then that, for any host of `wasi:http`."""

EMBEDDING = replace(STANDALONE, world="embedding")
"""The same for a function that embeds, and for hosts of `wasi:http` and `wasi:nn`."""


def key(kind: Kind, data: bytes) -> str:
    """What the component is made of, as a hash: it is the same if and only if they are."""
    digest = hashlib.sha256(importlib.metadata.version("componentize-py").encode())
    for name, source in _sources(kind):
        digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    digest.update(kind.world.encode() + b"\0" + (WORLDS / kind.wit).read_bytes() + b"\0" + data)
    return digest.hexdigest()[:16]


def build(kind: Kind, data: bytes, component: Path) -> None:
    """Write the component, which holds those data. Takes ten seconds.

    Raises `ComponentNotBuilt`.
    """
    with tempfile.TemporaryDirectory(prefix="edgelet-") as temporary:
        stage = Path(temporary)
        for name, source in _sources(kind):
            staged = stage / "python" / name
            staged.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, staged)
        (stage / "python" / kind.packages[-1] / kind.data).write_bytes(data)
        shutil.copyfile(WORLDS / kind.wit, stage / "world.wit")
        _componentize(kind, stage)
        shutil.move(stage / "guest.wasm", component)


def _sources(kind: Kind) -> Iterator[tuple[str, Path]]:
    for package in kind.packages:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise ComponentNotBuilt(f"the package {package} is not installed")
        folder = Path(spec.origin).parent
        for source in sorted(folder.rglob("*.py")):
            yield f"{package}/{source.relative_to(folder).as_posix()}", source


def _componentize(kind: Kind, stage: Path) -> None:
    program = Path(sys.executable).with_name("componentize-py")
    arguments = [
        "--wit-path",
        "world.wit",
        "--world",
        kind.world,
        "componentize",
        f"{kind.packages[-1]}.app",
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
