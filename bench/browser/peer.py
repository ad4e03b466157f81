"""transformers.js: its package, installed by its lock file, and the model in the hub's layout."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.browser.hub_model import hub_model

from edgelet.models import DEFAULT_MODEL, built_in_model
from edgelet_host.store import ModelStore

HERE = Path(__file__).parent
PEER = "@huggingface/transformers"


def install_peer() -> Path:
    """Install transformers.js by its lock file; gives the folder of its packages."""
    packages = HERE / "node_modules"
    if not (packages / PEER).exists():
        # Programs that packages run then get what neither browsers nor processors need.
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(npm, cwd=HERE, check=True)
    return packages


def peer_models(folder: Path) -> Path:
    """The folder with the default model in the hub's layout, made unless it is there."""
    known = built_in_model(DEFAULT_MODEL)
    assert known is not None
    hub_model(ModelStore().pull(DEFAULT_MODEL), folder / DEFAULT_MODEL, known.max_tokens)
    return folder
