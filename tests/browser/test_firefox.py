"""Firefox embeds and streams as Chromium does, on the main thread and in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgelet.models import DEFAULT_MODEL, PRECISIONS, Precision
from tests.browser.firefox import FirefoxPage, start_firefox
from tests.browser.static_server import StaticServer
from tests.browser.tab import START
from tests.conformance.cases import Case, load_cases, load_rows
from tests.conformance.judge import hold_to_case, judge_token_ids
from tests.conformance.reference import REQUIRED, nearness, reference_texts
from tests.conftest import NoteVectors
from tests.servers.llama_server import start_llama_server
from tests.servers.scripted_server import ScriptedServer

BOTH = pytest.mark.parametrize("worker", [False, True], ids=["page", "worker"])


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer([], cors=True) as server:
        yield server


@pytest.fixture(scope="module")
def visited(firefox: FirefoxPage, mounts: dict[str, Path]) -> Iterator[FirefoxPage]:
    """Firefox with edgelet in a worker of its page, for all cases."""
    with StaticServer(mounts, isolated=True) as site:
        visit(firefox, site, worker=True, models="/models/")
        yield firefox


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirefoxPage]:
    with start_firefox(tmp_path_factory.mktemp("firefox")) as page:
        yield page


@pytest.mark.parametrize("case", load_cases("compatibility"), ids=lambda case: case.case)
def test_compatibility(case: Case, visited: FirefoxPage, server: ScriptedServer) -> None:
    hold_to_case(
        case,
        server,
        lambda env: visited.evaluate("(...given) => subject.runCase(...given)", case.row(), env),
    )


def test_token_ids_are_those_of_the_rust_tokenizer(visited: FirefoxPage) -> None:
    rows = load_rows("token_ids")
    texts = [row["text"] for row in rows]

    answer = visited.evaluate("(...given) => subject.tokenIds(...given)", DEFAULT_MODEL, texts)

    for row, ids in zip(rows, answer, strict=True):
        judge_token_ids(row, ids)


def test_vectors_are_those_of_sentence_transformers(visited: FirefoxPage) -> None:
    rows = load_rows("vectors")

    vectors = embedded(visited, [row["text"] for row in rows], "fp32")

    for row, vector in zip(rows, vectors, strict=True):
        assert sum(a * b for a, b in zip(vector, row["vector"], strict=True)) > 0.99999


@pytest.mark.parametrize("precision", PRECISIONS)
def test_vectors_come_as_near_to_native_fp32_as_the_readme_says(
    visited: FirefoxPage, precision: Precision, note_vectors: NoteVectors
) -> None:
    texts = reference_texts()
    vectors = embedded(visited, texts, precision)

    note_vectors(vectors, precision)
    found = nearness(vectors, texts)
    assert found.mean >= REQUIRED[precision].mean
    assert found.least >= REQUIRED[precision].least


@BOTH
def test_firefox_embeds(
    firefox: FirefoxPage, serve_dist: StaticServer, worker: bool, some_texts: list[str]
) -> None:
    visit(firefox, serve_dist, worker)

    found = nearness(embedded(firefox, some_texts), some_texts)

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


def embedded(firefox: FirefoxPage, texts: list[str], *precision: str) -> list[list[float]]:
    """The vectors of texts; in int8, the default, unless a precision is named."""
    options = {"precision": precision[0]} if precision else {}
    answer = firefox.evaluate(
        "(...given) => subject.embed(...given)", DEFAULT_MODEL, texts, options
    )
    vectors: list[list[float]] = answer["vectors"]
    return vectors


def visit(firefox: FirefoxPage, server: StaticServer, worker: bool, **options: str) -> None:
    firefox.goto(f"{server.url}/blank.html")
    firefox.evaluate(START, ["/dist/browser.js", {"worker": worker, **options}])
