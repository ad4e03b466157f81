"""Processes that die, and processes that meet: what others see is whole, and is made once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgelet_host.store import ModelStore, Progress
from tests.store.conftest import MODEL, WEIGHTS, leftovers, start, visible
from tests.store.hub_server import Fault, HubServer

PULL = """
from edgelet_host.store import ModelStore
store = ModelStore(progress=lambda event: print(event.step, flush=True))
print(store.pull("acme/tiny"))
"""

# Stops for good just before or just after the n-th rename of the publishing.
STOP_WHILE_PUBLISHING = """
import os, sys, time
moment, number = sys.argv[1], int(sys.argv[2])
rename, calls = os.rename, []

def stop():
    print("stopped", flush=True)
    time.sleep(60)

def stopping(*arguments):
    calls.append(arguments)
    if len(calls) == number and moment == "before":
        stop()
    rename(*arguments)
    if len(calls) == number and moment == "after":
        stop()

os.rename = stopping
from edgelet_host.store import ModelStore
ModelStore().pull("acme/tiny")
"""


def test_a_process_killed_in_a_download_leaves_nothing_and_its_bytes_are_used(
    hub: HubServer, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "30")
    hub.fault("model.safetensors", Fault(stall_after=200_000))
    with start(PULL) as process:
        assert hub.stalled.wait(20)
        while not any(file.stat().st_size == 200_000 for file in _partial_weights(store)):
            time.sleep(0.01)
        process.kill()
    assert visible(store) == []
    hub.requests.clear()
    folder = store.pull(MODEL)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert [seen.headers["range"] for seen in hub.downloads("model.safetensors")] == [
        "bytes=200000-"
    ]
    assert leftovers(store) == []


@pytest.mark.parametrize(
    ("moment", "number", "published"), [("before", 1, 0), ("before", 2, 0), ("after", 2, 1)]
)
def test_a_process_killed_while_publishing_leaves_nothing_or_all(
    hub: HubServer, store: ModelStore, moment: str, number: int, published: int
) -> None:
    with start(STOP_WHILE_PUBLISHING, moment, str(number)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        process.kill()
    assert len(visible(store)) == published
    if published:
        assert store.check(MODEL) == ()
    folder = store.pull(MODEL)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert store.check(MODEL) == ()
    assert leftovers(store) == []
    assert hub.sent["model.safetensors"] == len(WEIGHTS)


def test_a_process_killed_while_replacing_leaves_no_mixture(
    hub: HubServer, store: ModelStore
) -> None:
    damaged = store.pull(MODEL) / "model.safetensors"
    damaged.write_bytes(b"short")
    with start(STOP_WHILE_PUBLISHING, "after", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        process.kill()
    assert visible(store) == []
    assert len(leftovers(store)) == 1
    assert (store.pull(MODEL) / "model.safetensors").read_bytes() == WEIGHTS
    assert leftovers(store) == []


def test_two_processes_download_once(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "30")
    hub.fault("model.safetensors", Fault(stall_after=1000))
    with start(PULL) as first:
        assert hub.stalled.wait(20)
        with start(PULL) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "waiting\n"
            hub.go_on.set()
            said_by_second, _ = second.communicate(timeout=30)
        said_by_first, _ = first.communicate(timeout=30)
    assert (first.returncode, second.returncode) == (0, 0)
    assert said_by_first.splitlines()[-1] == said_by_second.splitlines()[-1]
    assert len(hub.downloads("model.safetensors")) == 1
    assert hub.sent["model.safetensors"] == len(WEIGHTS)


def test_many_threads_download_once(hub: HubServer) -> None:
    events: list[Progress] = []
    store = ModelStore(progress=events.append)
    together = threading.Barrier(4)

    def pull(_: int) -> str:
        together.wait()
        return str(store.pull(MODEL))

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(pull, range(4)))) == 1
    assert len(hub.downloads("model.safetensors")) == 1
    waiting = {event.message for event in events if event.step == "waiting"}
    assert waiting <= {"another process is at work on acme/tiny; waiting for it"}


def test_waiting_for_another_can_be_given_up(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "30")
    hub.fault("model.safetensors", Fault(stall_after=1000))

    def give_up(event: Progress) -> None:
        assert event.step == "waiting"
        raise KeyboardInterrupt

    with start(PULL) as first:
        assert hub.stalled.wait(20)
        with pytest.raises(KeyboardInterrupt):
            ModelStore(progress=give_up).pull(MODEL)
        hub.go_on.set()
        first.communicate(timeout=30)
    assert first.returncode == 0


def _partial_weights(store: ModelStore) -> list[Path]:
    return list(store.folder.glob("sources/*/.partial-*/model.safetensors"))
