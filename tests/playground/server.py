"""The playground's server, as `./build.sh run` starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "js-shim" / "playground" / "serve.py"


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the server's program."""
    return subprocess.Popen(
        [sys.executable, "-u", str(SCRIPT), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address(process: subprocess.Popen[str]) -> str:
    """The address that the server prints once it serves."""
    assert process.stdout is not None
    line = process.stdout.readline()
    while line and "http://" not in line:
        line = process.stdout.readline()
    assert line, "the server ended before it served"
    return next(word for word in line.split() if word.startswith("http://"))


@contextmanager
def serving(directory: Path) -> Iterator[str]:
    """Serve a folder at a free port; yields the page's address."""
    with start("--directory", str(directory), "--port", "0") as process:
        try:
            yield address(process)
        finally:
            process.kill()
