"""The environment of the peers: their packages are none of edgelet's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from bench.browser.peer import PEER, install_peer

PEERS = Path(__file__).parent / "peers"
_VENV = PEERS / ".venv"
_BIN = _VENV / ("Scripts" if sys.platform == "win32" else "bin")

_TORCH = (
    ["torch==2.13.0+cpu"],
    ["torch==2.13.0+cpu", "--extra-index-url", "https://download.pytorch.org/whl/cpu"],
    ["torch>=2.13"],
)
"""PyTorch from an index that has the build for processors, else from PyTorch's own; PyPI's, which
brings gigabytes for graphics cards on Linux, only where neither is to be had."""


def peers_python() -> Path:
    """The Python of the peers, installed until `requirements.txt` changes."""
    requirements, stamp = PEERS / "requirements.txt", _VENV / "installed"
    python = _BIN / "python"
    if stamp.exists() and stamp.stat().st_mtime > requirements.stat().st_mtime:
        return python
    print("installing the peers…", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", _VENV], check=True)
    if not any(_installed(python, *torch) for torch in _TORCH):
        raise SystemExit("error: PyTorch could not be installed; check the network or pip's index")
    if not _installed(python, "-r", str(requirements)):
        raise SystemExit(
            "error: the peers could not be installed; check the network or pip's index"
        )
    stamp.touch()
    return python


def packages_of_peers() -> dict[str, str]:
    """The versions of what is measured beside edgelet."""
    names = ("torch", "sentence-transformers", "fastembed", "openvino")
    code = f"from importlib.metadata import version\nprint(*map(version, {names}))"
    said = subprocess.check_output([peers_python(), "-c", code], text=True).split()
    versions = dict(zip(names, said, strict=True))
    if packages := node_packages():
        package = json.loads((packages / PEER / "package.json").read_text("utf-8"))
        versions["transformers.js"] = package["version"]
    return versions


def node_packages() -> Path | None:
    """The folder with transformers.js, which the benchmark in the browser installs, too.

    None where Node is not installed.
    """
    return install_peer() if shutil.which("npm") else None


def _installed(python: Path, *packages: str) -> bool:
    quiet = ["--quiet", "--disable-pip-version-check"]
    command = [python, "-m", "pip", "install", *quiet, *packages]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
