"""esbuild, where a function must be turned into JavaScript, or is to be minified."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgelet.errors import FunctionError

_SECONDS = 120
_CLONE = Path(__file__).parents[3] / "js-shim"


PACKAGES_OUTSIDE = ("--platform=node", "--packages=external")
"""Packages stay imports."""


def packages_within(conditions: Sequence[str]) -> tuple[str, ...]:
    """Packages become part of the code; what the runtime itself has stays an import."""
    external = ("node:*", "cloudflare:*")
    return (
        "--platform=browser",
        f"--conditions={','.join(conditions)}",
        *(f"--external:{each}" for each in external),
    )


def bundled(
    root: Path,
    files: Mapping[str, bytes],
    entry: str,
    *,
    packages: Sequence[str] = PACKAGES_OUTSIDE,
    folders: Sequence[Path] = (),
    minify: bool,
) -> bytes:
    """The entry and the files it imports as one module, with `packages` of `folders` or without.

    `root` is the project, where esbuild may be installed. Raises `FunctionError`.
    """
    with tempfile.TemporaryDirectory(prefix="edgelet-") as temporary:
        folder = Path(temporary)
        for name, data in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        options = [f"./{entry}", "--bundle", *packages]
        return _run(root, options, minify=minify, folder=folder, packages=folders)


def minified(root: Path, name: str, code: bytes) -> bytes:
    """One module, minified, in the language it is written in. Raises `FunctionError`."""
    loader = Path(name).suffix.removeprefix(".").removeprefix("m")
    options = [f"--loader={loader}", f"--sourcefile={name}"]
    return _run(root, options, minify=True, folder=None, code=code)


def _run(
    root: Path,
    options: list[str],
    *,
    minify: bool,
    folder: Path | None,
    code: bytes = b"",
    packages: Sequence[Path] = (),
) -> bytes:
    common = ["--format=esm", "--target=es2022", "--charset=utf8", "--log-level=error"]
    command = [_esbuild(root), *options, *common, *(["--minify"] if minify else [])]
    places = os.pathsep.join(str(each.resolve() / "node_modules") for each in packages)
    done = subprocess.run(  # noqa: S603 (fixed arguments)
        command,
        cwd=folder,
        env={**os.environ, "NODE_PATH": places},
        input=code,
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise FunctionError(f"the function cannot be built: {said}")
    return done.stdout


def _esbuild(root: Path) -> str:
    folders = (folder / "node_modules" / ".bin" for folder in (root.resolve(), _CLONE))
    found = (shutil.which("esbuild", path=str(folder)) for folder in folders)
    program = next(filter(None, found), None) or shutil.which("esbuild")
    if program is None:
        raise FunctionError(
            "esbuild is not installed, which turns TypeScript into JavaScript and minifies; "
            "run `npm install esbuild` in the project"
        )
    return program
