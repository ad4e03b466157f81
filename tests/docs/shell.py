"""The commands of a page, typed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.js.package import SHIM
from tests.serving.served import EDGELET


def typed(commands: str, folder: Path) -> str:
    """What a shell prints that has the command on its path."""
    deno = SHIM / "node_modules" / "deno"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": f"{EDGELET.parent}:{deno}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
