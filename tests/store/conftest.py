"""What the store's tests share: a hub on loopback, a store beside it, and no way out to the net."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Some of its settings are read once, when it is imported: before any test changes the environment.
import huggingface_hub.errors  # noqa: F401
import pytest

from edgelet_host.store import ModelStore
from tests.store.hub_server import HubServer

MODEL = "acme/tiny"
SMALL = {
    "config.json": b'{"model_type": "bert"}',
    "tokenizer.json": b'{"version": "1.0"}',
    "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
    "README.md": b"not needed",
    "pytorch_model.bin": b"not needed either",
}
WEIGHTS = random.Random(7).randbytes(300_000)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("HF_", "PIP_", "EDGELET_"))]:
        monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("EDGELET_MODELS", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", closed_address())
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "5")
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "1")
    monkeypatch.setenv("PIP_INDEX_URL", closed_address())
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        server.add(MODEL, SMALL, {"model.safetensors": WEIGHTS})
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield server


@pytest.fixture
def store() -> ModelStore:
    return ModelStore()


def closed_address() -> str:
    """An address of this machine where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Run a piece of Python in a process of its own, with this one's modules and environment."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def visible(store: ModelStore) -> list[str]:
    """The published folders in the cache, by path below it."""
    return sorted(
        folder.relative_to(store.folder).as_posix()
        for room in ("sources", "artefacts")
        for folder in (store.folder / room).glob("*/*")
        if folder.is_dir() and not folder.name.startswith(".") and folder.name != "refs"
    )


def leftovers(store: ModelStore) -> list[str]:
    """Work in progress that somebody left behind, unfinished downloads aside."""
    return sorted(
        path.name for path in store.folder.rglob(".*") if not path.name.startswith(".partial-")
    )
