"""Models come over the wire once, are checked, and a load that failed can be tried again."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from edgelet.models import DEFAULT_MODEL
from tests.browser.static_server import Fault, StaticServer, corrupted, cut_short, status
from tests.browser.tab import Tab

MODEL = f"/models/{DEFAULT_MODEL}/int8/"
WEIGHTS = f"{MODEL}model.onnx.data"
BOTH = pytest.mark.parametrize("worker", [False, True], ids=["page", "worker"])


@BOTH
def test_a_second_visit_transfers_no_byte_of_the_model(
    tab: Tab, serve_dist: StaticServer, worker: bool
) -> None:
    options: dict[str, Any] = {"models": f"{serve_dist.url}/models/", "worker": worker}
    first = tab.open(**options).call("embed", DEFAULT_MODEL, ["Hello"])
    assert serve_dist.transferred(WEIGHTS) > 20_000_000
    assert not any(event["cached"] for event in tab.call("progress"))
    serve_dist.transfers.clear()

    second = tab.open(**options).call("embed", DEFAULT_MODEL, ["Hello"])

    assert second == first
    assert serve_dist.transferred("/dist/") > 0
    # The card alone is asked for again, so that a new deployment is seen.
    asked = {each.path for each in serve_dist.transfers if each.path.startswith(MODEL)}
    assert asked == {f"{MODEL}edgelet.json"}
    assert {event["cached"] for event in tab.call("progress")} == {True}
    assert tab.problems == []


def test_another_visitor_shares_nothing(
    tab: Tab, serve_dist: StaticServer, context: BrowserContext
) -> None:
    tab.open().call("embed", DEFAULT_MODEL, ["Hello"])
    serve_dist.transfers.clear()
    assert context.browser is not None
    with context.browser.new_context() as stranger:
        Tab(stranger, f"{serve_dist.url}/blank.html").open().call("embed", DEFAULT_MODEL, ["Hello"])

    assert serve_dist.transferred("/dist/assets/models/") > 20_000_000


@BOTH
def test_progress_tells_every_byte_of_every_file(
    tab: Tab, serve_dist: StaticServer, worker: bool
) -> None:
    tab.open(worker=worker, models=f"{serve_dist.url}/models/")
    tab.call("embed", DEFAULT_MODEL, ["Hello"])

    events = tab.call("progress")

    last = {event["file"]: event for event in events}
    assert f"{DEFAULT_MODEL}/int8/model.onnx.data" in last
    assert all(event["loaded"] == event["total"] for event in last.values())
    for file in last:
        loaded = [event["loaded"] for event in events if event["file"] == file]
        assert loaded == sorted(loaded)
    weights = [event for event in events if event["file"].endswith("model.onnx.data")]
    assert len(weights) > 2


@pytest.mark.parametrize("file", ["edgelet.json", "model.onnx.data"])
@pytest.mark.parametrize(
    "fault",
    [status(404), status(500), corrupted, cut_short],
    ids=["404", "500", "corrupted", "cut short"],
)
def test_a_load_that_failed_is_tried_again(
    tab: Tab, serve_dist: StaticServer, file: str, fault: Fault
) -> None:
    tab.open(models=f"{serve_dist.url}/models/")
    serve_dist.faults[MODEL + file] = [fault]

    failed = tab.call("tryToEmbed", DEFAULT_MODEL, ["Hello"])
    mended = tab.call("tryToEmbed", DEFAULT_MODEL, ["Hello"])

    assert failed["error"]["name"] == "ModelError"
    assert MODEL in failed["error"]["message"]
    assert mended == {"dimensions": 384}


def test_python_that_could_not_be_loaded_is_tried_again(tab: Tab, serve_dist: StaticServer) -> None:
    serve_dist.faults["/dist/assets/python/core.zip"] = [status(500)]
    tab.open()

    failed = tab.call("tryToEmbed", DEFAULT_MODEL, ["Hello"])
    mended = tab.call("tryToEmbed", DEFAULT_MODEL, ["Hello"])

    assert "core.zip" in failed["error"]["message"]
    assert mended == {"dimensions": 384}


def test_a_model_that_is_kept_needs_no_network(tab: Tab, serve_dist: StaticServer) -> None:
    models = f"{serve_dist.url}/models/"
    tab.open(models=models).call("embed", DEFAULT_MODEL, ["Hello"])
    names = ("edgelet.json", "model.onnx", "model.onnx.data", "tokenizer.json")
    serve_dist.faults = {MODEL + name: [status(500)] * 9 for name in names}

    assert tab.open(models=models).call("tryToEmbed", DEFAULT_MODEL, ["Hello"]) == {
        "dimensions": 384
    }


@BOTH
def test_a_relative_path_of_a_model_is_relative_to_the_page(
    tab: Tab, serve_dist: StaticServer, worker: bool
) -> None:
    tab.open(worker=worker)

    assert tab.call("tryToEmbed", f"./models/{DEFAULT_MODEL}/int8", ["Hello"]) == {
        "dimensions": 384
    }
