"""Starts the command line as a process: with pipes, or on a pseudo-terminal."""

import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

EDGELET = [str(Path(sys.executable).parent / "edgelet")]
"""The installed program."""
FAKE = [sys.executable, "-m", "tests.cli.program"]
"""The same with a host that needs no model."""

_FORCED = (
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "PY_COLORS",
    "NO_COLOR",
    "TTY_COMPATIBLE",
    "EDGELET_DEBUG",
)


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str = ""


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _FORCED}
    return {**kept, "TERM": "xterm-256color", "COLUMNS": "80", **variables}


def run(program: list[str], *arguments: str | Path, stdin: bytes = b"", **variables: str) -> Ended:
    """Run to the end, with pipes."""
    process = subprocess.run(
        [*program, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(**variables),
        check=False,
        timeout=60,
    )
    return Ended(process.returncode, process.stdout.decode(), process.stderr.decode())


def start(program: list[str], *arguments: str | Path) -> "subprocess.Popen[bytes]":
    """Start, with pipes, and let it run."""
    return subprocess.Popen(
        [*program, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )


def run_on_terminal(program: list[str], *arguments: str | Path, **variables: str) -> Ended:
    """Run to the end with stdin, stdout and stderr on one pseudo-terminal of 80 columns."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*program, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(**variables),
        )
        os.close(theirs)
        seen = b""
        while data := _read(ours):
            seen += data
        return Ended(process.wait(60), seen.decode().replace("\r\n", "\n"))
    finally:
        os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says EIO when the last writer has left
        return b""
