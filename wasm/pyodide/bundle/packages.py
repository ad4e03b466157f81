"""Python packages that the work needs, by this Python's own pip."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from bundle.errors import BundleError

_GROUP = "pyodide"


def wanted_tools(root: Path) -> list[str]:
    """What pyproject.toml asks for to run inside Pyodide."""
    facts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted: list[str] = facts["dependency-groups"][_GROUP]
    return wanted


def install_tools(root: Path, folder: Path) -> None:
    """Fill `folder` with pyodide-build and what it needs, for Pyodide's Python, which runs it.

    Raises `BundleError`.
    """
    shutil.rmtree(folder, ignore_errors=True)
    run_pip(
        "install",
        "--target",
        str(folder),
        "--python-version=3.14",
        "--only-binary=:all:",
        *wanted_tools(root),
    )


def run_pip(*arguments: str) -> None:
    """Run pip, and say nothing unless it fails. Raises `BundleError`."""
    ended = subprocess.run(  # noqa: S603  (our own arguments)
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        reason = [line for line in ended.stderr.splitlines() if "ERROR" in line][-1:]
        raise BundleError(
            f"pip {arguments[0]} failed ({' '.join(reason) or 'without a reason'}); check the "
            f"network, or the index that pip is set to use"
        )
