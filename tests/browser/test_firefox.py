"""Firefox embeds and streams as Chromium does, on the main thread and in a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgelet.models import DEFAULT_MODEL
from tests.browser.firefox import FirefoxPage, start_firefox
from tests.browser.static_server import StaticServer
from tests.browser.tab import START
from tests.conformance.reference import REQUIRED, nearness, reference_texts
from tests.servers.llama_server import start_llama_server

BOTH = pytest.mark.parametrize("worker", [False, True], ids=["page", "worker"])


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirefoxPage]:
    with start_firefox(tmp_path_factory.mktemp("firefox")) as page:
        yield page


@BOTH
def test_firefox_embeds(firefox: FirefoxPage, serve_dist: StaticServer, worker: bool) -> None:
    visit(firefox, serve_dist, worker)

    answer = firefox.evaluate(
        "(...given) => subject.embed(...given)", DEFAULT_MODEL, reference_texts()
    )

    found = nearness(answer["vectors"])
    assert found.mean >= REQUIRED["int8"].mean
    assert found.least >= REQUIRED["int8"].least


@BOTH
def test_firefox_streams(firefox: FirefoxPage, serve_dist: StaticServer, worker: bool) -> None:
    visit(firefox, serve_dist, worker)
    options = {"mode": "openaicompatible", "max_tokens": 8}

    with start_llama_server() as url:
        answer = firefox.evaluate(
            "(...given) => subject.stream(...given)", "tiny", "Why?", {"host": url}, options
        )

    assert answer["chunks"][-1]["finish_reason"] == "length"
    assert len([chunk for chunk in answer["chunks"] if chunk["text"]]) > 1


def visit(firefox: FirefoxPage, server: StaticServer, worker: bool) -> None:
    firefox.goto(f"{server.url}/blank.html")
    firefox.evaluate(START, ["/dist/browser.js", {"worker": worker}])
