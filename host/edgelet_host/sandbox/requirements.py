"""A function's `requirements.txt`: pure-Python packages, fetched once for each set of them.

Nothing native runs in the sandbox, so pip is asked for wheels of pure Python alone, for the Python
of the component; what has none is refused in pip's own words.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs
from filelock import FileLock

from edgelet.errors import FunctionError

FILE = "requirements.txt"
PYTHON = "3.14"
"""The component's Python; see `componentize-py`."""


def vendored(function: Path, cache: Path | None = None) -> Path | None:
    """The folder of packages of the function in that folder; `None` when it needs none.

    Raises `FunctionError` with pip's words, for instance for a package that is not pure Python.
    """
    file = function / FILE
    if not file.is_file():
        return None
    wanted = file.read_bytes()
    if not wanted.strip():
        return None
    cache = cache or platformdirs.user_cache_path("edgelet") / "packages"
    folder = cache / hashlib.sha256(PYTHON.encode() + b"\0" + wanted).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{folder.name}.lock"):
        if not folder.exists():
            _install(file, folder)
    return folder


def _install(file: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        packages = Path(temporary) / "packages"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(packages)]
        only = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none"]
        done = subprocess.run(  # noqa: S603 (no shell, and the file is the user's own)
            [*command, *only, f"--python-version={PYTHON}", "--no-compile", "-r", str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FunctionError(_reason(file, done.stderr))
        native = next(
            (each for each in packages.rglob("*") if each.suffix in (".so", ".pyd")), None
        )
        if native is not None:
            raise FunctionError(f"{file} needs {native.name}, which is not pure Python")
        shutil.move(packages, folder)


def _reason(file: Path, said: str) -> str:
    errors = [
        line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR")
    ]
    why = "; ".join(errors) or said.strip() or "pip failed without a word"
    return f"{file} cannot be installed as pure Python: {why}"
