"""esbuild, where a function must be turned into JavaScript, or is to be minified."""

from __future__ import annotations

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


def packages_within(
    conditions: Sequence[str] = (), external: Sequence[str] = ()
) -> tuple[str, ...]:
    """Packages become part of the code; what `external` names stays an import."""
    return (
        "--platform=browser",
        # With their own paths, comments would say where the project lies.
        "--preserve-symlinks",
        *([f"--conditions={','.join(conditions)}"] if conditions else []),
        *(f"--external:{each}" for each in external),
    )


def bundled(
    root: Path,
    files: Mapping[str, bytes],
    entry: str,
    *,
    packages: Sequence[str] = PACKAGES_OUTSIDE,
    folders: Mapping[str, Path] | None = None,
    minify: bool,
) -> bytes:
    """The entry and the files it imports as one module.

    `root` is the project, where esbuild may be installed. `packages` is what becomes of packages;
    they are found in `folders`, by the places that these have among the files. Raises
    `FunctionError`.
    """
    with tempfile.TemporaryDirectory(prefix="edgelet-") as temporary:
        folder = Path(temporary)
        for name, data in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        for place, installed in (folders or {}).items():
            if installed.is_dir():
                (folder / place).symlink_to(installed.resolve())
        options = [f"./{entry}", "--bundle", *packages]
        return _run(root, options, minify=minify, folder=folder)


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
) -> bytes:
    common = ["--format=esm", "--target=es2022", "--charset=utf8", "--log-level=error"]
    command = [_esbuild(root), *options, *common, *(["--minify"] if minify else [])]
    done = subprocess.run(  # noqa: S603 (fixed arguments)
        command,
        cwd=folder,
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
