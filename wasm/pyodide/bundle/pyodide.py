"""Programs that run in the pinned Pyodide, under Node, from here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bundle.errors import BundleError

_HERE = Path(__file__).parent

EPOCH = 315_532_800
"""1980-01-01, the earliest date that a zip file can hold: every file of the bundle has it."""


def run_python(
    code: str, *arguments: str, folders: Sequence[Path], path: Sequence[Path] = ()
) -> str:
    """Run a program in Pyodide, as `python -c` would; returns what it printed.

    It sees `folders` of this machine under their own names, and nothing else; `path` is where it
    imports from. Asserts and docstrings are off, so that what it compiles has none.
    """
    mounts = [argument for folder in folders for argument in ("--mount", str(folder))]
    return run_node(
        _HERE / "python.mjs",
        *mounts,
        "--",
        code,
        *arguments,
        env={
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONOPTIMIZE": "2",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SOURCE_DATE_EPOCH": str(EPOCH),
        },
    )


def run_node(script: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run a script of this folder in Node; returns what it printed.

    `env` is the environment of the Python within. Raises `BundleError`.
    """
    ended = subprocess.run(  # noqa: S603  (our own scripts, with our own arguments)
        ["node", str(script), *arguments],  # noqa: S607
        env={**os.environ, "EDGELET_PYTHON_ENV": _as_lines(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise BundleError(f"{script.name} failed: {_reason(ended.stderr)}")
    return ended.stdout


def _as_lines(env: dict[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in env.items())


def _reason(stderr: str) -> str:
    """What happened and where, from a traceback; Node shows a megabyte of Pyodide's own code."""
    lines = [line.strip() for line in stderr.splitlines() if 0 < len(line.strip()) < 2000]
    where = [line for line in lines if line.startswith("File ")]
    what = [line for line in lines if line.split(":")[0].endswith(("Error", "Exception"))]
    return ", ".join([*(what or lines or ["no reason was given"])[-1:], *where[-1:]])
