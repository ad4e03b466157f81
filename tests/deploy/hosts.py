"""Deployed functions, each in the host of its target."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from tests.deploy import deployed
from tests.deploy.deployed import Running
from tests.deploy.workers import running_worker


def running(folder: Path, commands: list[str], **env: str) -> AbstractContextManager[Running]:
    """Run a deployed function, until the context ends."""
    if (folder / "wrangler.jsonc").exists():
        return running_worker(folder, **env)
    return deployed.running(folder, commands, **env)
