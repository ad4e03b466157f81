"""Pulling from a hub: what is fetched, what is refused, and what a failure says."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgelet import models
from edgelet.errors import ModelError, OptionError
from edgelet_host.store import ModelStore, Progress
from tests.store.conftest import MODEL, SMALL, WEIGHTS, closed_address, leftovers, start, visible
from tests.store.hub_server import Fault, HubServer

NEEDED = ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"]


def files_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "edgelet-files.json"
    )


def test_a_pull_brings_the_needed_files_and_no_others(hub: HubServer, store: ModelStore) -> None:
    folder = store.pull(MODEL)
    assert files_in(folder) == NEEDED
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    commit = hub.repositories[MODEL].commit
    assert visible(store) == [f"sources/acme--tiny/{commit}"]
    assert leftovers(store) == []
    record = json.loads((folder / "edgelet-files.json").read_text())
    assert record["files"]["model.safetensors"] == {
        "size": len(WEIGHTS),
        "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
    }


def test_a_second_pull_transfers_no_file(hub: HubServer, store: ModelStore) -> None:
    store.pull(MODEL)
    hub.requests.clear()
    store.pull(MODEL)
    assert [seen.path for seen in hub.requests] == [
        "/api/models/acme/tiny/revision/main?blobs=true"
    ]


def test_a_commit_that_is_at_hand_needs_no_hub(
    hub: HubServer, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = f"{MODEL}@{hub.repositories[MODEL].commit}"
    folder = store.pull(pinned)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert store.pull(pinned) == folder


def test_a_branch_is_followed(hub: HubServer, store: ModelStore) -> None:
    old = store.pull(MODEL)
    hub.add(MODEL, SMALL, {"model.safetensors": WEIGHTS[::-1]})
    new = store.pull(MODEL)
    assert new != old
    assert (new / "model.safetensors").read_bytes() == WEIGHTS[::-1]


def test_an_onnx_graph_comes_when_there_is_no_safetensors(
    hub: HubServer, store: ModelStore
) -> None:
    hub.add(MODEL, SMALL, {"onnx/model.onnx": b"graph", "onnx/model.onnx_data": b"weights"})
    assert files_in(store.pull(MODEL)) == [
        "1_Pooling/config.json",
        "config.json",
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "tokenizer.json",
    ]


def test_a_mirror_without_a_full_list_is_asked_file_by_file(
    hub: HubServer, store: ModelStore
) -> None:
    hub.bare_listing = True
    assert files_in(store.pull(MODEL)) == NEEDED
    hub.fault("model.safetensors", Fault(corrupt=True))
    store.remove(MODEL)
    with pytest.raises(ModelError, match="sha256"):
        store.pull(MODEL)


def test_progress_counts_the_bytes_of_each_file(hub: HubServer) -> None:
    events: list[Progress] = []
    ModelStore(progress=events.append).pull(MODEL)
    weights = [event for event in events if event.file == "model.safetensors"]
    assert {event.model for event in events} == {MODEL}
    assert weights[0] == Progress(MODEL, "downloading", "model.safetensors", 0, len(WEIGHTS))
    assert weights[-1].step == "checking"
    counts = [event.done_bytes for event in weights]
    assert counts == sorted(counts)
    assert counts[-1] == len(WEIGHTS)


def test_a_listener_that_raises_cancels_and_the_next_pull_continues(hub: HubServer) -> None:
    def cancel(event: Progress) -> None:
        if event.file == "model.safetensors" and event.done_bytes:
            raise KeyboardInterrupt

    store = ModelStore(progress=cancel)
    with pytest.raises(KeyboardInterrupt):
        store.pull(MODEL)
    assert visible(store) == []
    hub.requests.clear()
    assert files_in(ModelStore().pull(MODEL)) == NEEDED
    assert hub.downloads("model.safetensors")[0].headers["range"].startswith("bytes=")


@pytest.mark.parametrize("error", [BrokenPipeError("head is done"), RuntimeError("enough")])
def test_what_a_listener_raises_comes_out_as_it_is(hub: HubServer, error: Exception) -> None:
    def fail(event: Progress) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        ModelStore(progress=fail).pull(MODEL)
    assert raised.value is error


# --- broken transfers -------------------------------------------------------------------------


def test_a_cut_transfer_is_continued_where_it_stopped(hub: HubServer, store: ModelStore) -> None:
    hub.fault("model.safetensors", Fault(cut_after=100_000))
    folder = store.pull(MODEL)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.sent["model.safetensors"] == len(WEIGHTS)
    assert hub.downloads("model.safetensors")[1].headers["range"] == "bytes=100000-"


def test_a_later_pull_fetches_only_the_rest(hub: HubServer, store: ModelStore) -> None:
    hub.fault("model.safetensors", Fault(cut_after=120_000))
    hub.fault("model.safetensors", Fault(cut_after=0, times=2))
    with pytest.raises(ModelError, match=r"stopped at 120,000 of 300,000 bytes"):
        store.pull(MODEL)
    assert visible(store) == []
    assert (store.pull(MODEL) / "model.safetensors").read_bytes() == WEIGHTS
    assert hub.sent["model.safetensors"] == len(WEIGHTS)


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    hub: HubServer, store: ModelStore
) -> None:
    hub.fault("model.safetensors", Fault(cut_after=1000))
    hub.fault("model.safetensors", Fault(ignore_range=True))
    assert (store.pull(MODEL) / "model.safetensors").read_bytes() == WEIGHTS


def test_a_stalled_transfer_ends_by_timeout(hub: HubServer, store: ModelStore) -> None:
    hub.fault("model.safetensors", Fault(stall_after=50_000))
    hub.fault("model.safetensors", Fault(stall_after=0, times=2))
    with pytest.raises(ModelError, match=r"stopped at 50,000 of 300,000 bytes: .*ReadTimeout"):
        store.pull(MODEL)
    assert visible(store) == []


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_corrupted_file_is_refused_and_the_next_pull_works(
    hub: HubServer, store: ModelStore, file: str
) -> None:
    hub.fault(file, Fault(corrupt=True))
    with pytest.raises(
        ModelError, match=rf"{file} of {MODEL} from 127.* expected .* got "
    ) as failure:
        store.pull(MODEL)
    content = {**SMALL, "model.safetensors": WEIGHTS}[file]
    git_blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    expected = hashlib.sha256(content).hexdigest() if file == "model.safetensors" else git_blob
    assert expected in str(failure.value)
    assert visible(store) == []
    assert files_in(store.pull(MODEL)) == NEEDED


def test_a_file_longer_than_stated_is_refused(hub: HubServer, store: ModelStore) -> None:
    hub.fault("model.safetensors", Fault(extra=5_000_000))
    with pytest.raises(ModelError, match="expected 300,000 bytes, got more"):
        store.pull(MODEL)
    assert visible(store) == []


def test_the_pinned_hash_of_a_built_in_model_counts_more_than_the_hubs(
    hub: HubServer, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = replace(
        models.BUILT_IN_MODELS[0],
        name="tiny",
        repository=MODEL,
        wheel=None,
        weights_sha256="0" * 64,
    )
    monkeypatch.setattr(models, "BUILT_IN_MODELS", (pinned,))
    with pytest.raises(ModelError, match=r"expected sha256 0{64}, it has"):
        store.pull("tiny")
    hub.bare_listing = True
    with pytest.raises(ModelError, match="is not the one that edgelet knows"):
        store.pull("tiny")
    assert hub.sent["model.safetensors"] == 0


def test_a_disk_without_room_is_named(hub: HubServer, tmp_path: Path) -> None:
    program = """
import resource
from edgelet.errors import ModelError
from edgelet_host.store import ModelStore
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    ModelStore().pull("acme/tiny")
except ModelError as error:
    print(error)
"""
    said, _ = start(program).communicate(timeout=30)
    assert "no room for acme/tiny in" in said
    assert str(tmp_path / "cache") in said
    assert "EDGELET_MODELS" in said


# --- what a failure says ----------------------------------------------------------------------


def test_a_hub_out_of_reach_fails_at_once_with_one_sentence(store: ModelStore) -> None:
    began = time.monotonic()
    with pytest.raises(ModelError) as failure:
        store.pull("gte-small")
    assert time.monotonic() - began < 10
    said = str(failure.value)
    assert "gte-small" in said
    assert "127.0.0.1:" in said
    assert "refused" in said
    assert "HF_ENDPOINT" in said
    assert said.endswith("or give a folder that holds its files, such as ./gte-small")
    assert "\n" not in said
    assert store.list() == ()


def test_a_hub_that_never_answers_fails_within_the_timeout(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as black_hole:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{black_hole.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"gte-small: .* cannot be reached: .*Timeout"):
            store.pull("gte-small")
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("status", "headers", "says"),
    [
        (404, {}, "no such model or revision"),
        (401, {}, "set HF_TOKEN"),
        (403, {"X-Error-Code": "GatedRepo"}, "private, gated or absent"),
        (429, {"Retry-After": "7"}, "slow down for 7 seconds"),
        (429, {}, "slow down "),
        (500, {}, "status 500"),
    ],
)
def test_a_refusal_says_what_to_do(
    hub: HubServer, store: ModelStore, status: int, headers: dict[str, str], says: str
) -> None:
    hub.refuse_with = (status, headers)
    with pytest.raises(ModelError, match=says) as failure:
        store.pull(MODEL)
    assert MODEL in str(failure.value)
    assert hub.name in str(failure.value)
    assert len(hub.requests) == 1


def test_a_refusal_in_the_middle_is_told_too(hub: HubServer, store: ModelStore) -> None:
    hub.fault("model.safetensors", Fault(status=503))
    with pytest.raises(ModelError, match="status 503"):
        store.pull(MODEL)
    assert visible(store) == []


def test_an_unknown_revision_is_told(hub: HubServer, store: ModelStore) -> None:
    with pytest.raises(ModelError, match=r"no such model or revision \(acme/tiny@v9\)"):
        store.pull(f"{MODEL}@v9")


def test_a_repository_without_weights_is_told(hub: HubServer, store: ModelStore) -> None:
    hub.add(MODEL, SMALL, {"pytorch_model.bin": b"pickle"})
    with pytest.raises(ModelError, match=r"neither model.safetensors nor onnx/model.onnx"):
        store.pull(MODEL)


def test_offline_is_told_and_nothing_is_asked(
    hub: HubServer, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE forbids asking"):
        store.pull(MODEL)
    assert hub.requests == []


def test_a_page_that_is_no_hub_is_told(hub: HubServer, store: ModelStore) -> None:
    hub.refuse_with = (200, {"Content-Type": "text/html"})
    with pytest.raises(ModelError, match="does not answer as a Hugging Face hub does"):
        store.pull(MODEL)


@pytest.mark.parametrize("commit", ["../../../evil", "main", ""])
def test_a_hub_cannot_choose_a_folder(hub: HubServer, store: ModelStore, commit: str) -> None:
    hub.add(MODEL, SMALL, {"model.safetensors": WEIGHTS}, commit=commit or "-")
    with pytest.raises(ModelError, match="with the commit"):
        store.pull(MODEL)


def test_a_hub_cannot_answer_with_another_commit(hub: HubServer, store: ModelStore) -> None:
    asked = "a" * 40
    hub.add(MODEL, SMALL, {"model.safetensors": WEIGHTS}, revisions=(asked,))
    with pytest.raises(ModelError, match="with the commit"):
        store.pull(f"{MODEL}@{asked}")


def test_an_endpoint_that_is_no_address_is_refused(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "ftp://user:secret@hub")
    with pytest.raises(OptionError, match="HF_ENDPOINT must be an address") as failure:
        store.pull(MODEL)
    assert "secret" not in str(failure.value)


# --- the token --------------------------------------------------------------------------------

TOKEN = "hf_secretsecretsecret"


def test_the_token_goes_to_the_endpoint_and_not_to_the_cdn(
    hub: HubServer, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.token = TOKEN
    store.pull(MODEL)
    by_server = {
        server: {
            seen.headers.get("authorization") for seen in hub.requests if seen.server == server
        }
        for server in ("hub", "cdn")
    }
    assert by_server == {"hub": {f"Bearer {TOKEN}"}, "cdn": {None}}


def test_the_token_is_in_no_message(
    hub: HubServer, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    said = []
    for status in (401, 403, 404, 429, 500):
        hub.refuse_with = (status, {"X-Error-Message": f"bad {TOKEN}"})
        with pytest.raises(ModelError) as failure:
            store.pull(MODEL)
        said.append(str(failure.value))
    host = closed_address().removeprefix("http://")
    monkeypatch.setenv("HF_ENDPOINT", f"http://me:{TOKEN}@{host}")
    with pytest.raises(ModelError) as failure:
        store.pull(MODEL)
    said.append(str(failure.value))
    assert TOKEN not in " ".join(said)
