"""Language models from a page: a real llama.cpp server, CORS, and leaving early."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.static_server import StaticServer
from tests.browser.tab import Tab
from tests.servers.answers import json_answer, ndjson, ollama_generate
from tests.servers.llama_server import start_llama_server
from tests.servers.scripted_server import ScriptedServer, refusing_url
from tests.servers.steps import Stall

UNENDING = [*ndjson(*ollama_generate("Hel", "lo")[:2]), Stall()]


@pytest.fixture(scope="module")
def llama_url() -> Iterator[str]:
    with start_llama_server() as url:
        yield url


def test_a_streamed_answer_is_the_whole_answer_in_pieces(shared_tab: Tab, llama_url: str) -> None:
    options = {"mode": "openaicompatible", "max_tokens": 24, "seed": 7, "temperature": 0.0}
    asked = ("tiny", "Why is the sky blue?", {"host": llama_url})

    whole = shared_tab.call("generate", *asked, options)["chunk"]
    chunks = shared_tab.call("stream", *asked, options)["chunks"]

    assert "".join(chunk["text"] for chunk in chunks) == whole["text"]
    assert chunks[-1]["finish_reason"] == whole["finish_reason"] == "length"
    assert len([chunk for chunk in chunks if chunk["text"]]) > 1
    assert whole["completion_tokens"] == 24


def test_a_stream_left_early_frees_the_server(shared_tab: Tab, llama_url: str) -> None:
    asked = ("tiny", "Go on", {"host": llama_url})
    options = {"mode": "openaicompatible"}
    for by in ("break", "abort") * 3:  # three times as many as the server answers at once
        shared_tab.call("stream", *asked, options, {"after": 1, "by": by})

    answer = shared_tab.call("generate", *asked, {**options, "max_tokens": 1, "timeout": 20})

    assert answer["chunk"]["completion_tokens"] == 1


@pytest.mark.parametrize("by", ["break", "abort"])
def test_leaving_a_stream_closes_its_connection(shared_tab: Tab, by: str) -> None:
    with ScriptedServer(UNENDING, cors=True) as server:
        leave = {"after": 1, "by": by}
        answer = shared_tab.call("stream", "mistral", "Hi", {"host": server.url}, {}, leave)
        ended = time.monotonic()

        assert answer["chunks"][0]["text"] == "Hel"
        assert answer.get("error", {}).get("name") == ("AbortError" if by == "abort" else None)
        assert server.wait_until_client_left() - ended < 0.1


def test_a_refusal_of_the_page_says_how_to_allow_it(shared_tab: Tab) -> None:
    with ScriptedServer(json_answer({"response": "a", "done": True})) as server:
        answer = shared_tab.call("generate", "mistral", "Hi", {"host": server.url}, {})

    origin = shared_tab.page.evaluate("location.origin")
    assert answer["error"]["name"] == "ConnectionFailed"
    assert f"OLLAMA_ORIGINS={origin}" in answer["error"]["message"]


@pytest.fixture(params=[False, True], ids=["page", "worker"])
def plain_tab(
    request: pytest.FixtureRequest, context: BrowserContext, mounts: dict[str, Path]
) -> Iterator[Tab]:
    """A page that is not cross-origin isolated, as most are: it can tell why a server is silent."""
    with StaticServer(mounts) as server:
        yield Tab(context, f"{server.url}/blank.html").open(worker=request.param)


def test_most_pages_can_tell_a_refusal(plain_tab: Tab) -> None:
    with ScriptedServer(json_answer({"response": "a", "done": True})) as server:
        answer = plain_tab.call("generate", "mistral", "Hi", {"host": server.url}, {})

    assert "the server answers, but does not allow" in answer["error"]["message"]
    assert "OLLAMA_ORIGINS=" in answer["error"]["message"]


def test_most_pages_can_tell_a_server_that_is_not_there(plain_tab: Tab) -> None:
    with refusing_url() as url:
        answer = plain_tab.call("generate", "mistral", "Hi", {"host": url}, {})

    assert answer["error"]["name"] == "ConnectionFailed"
    assert url in answer["error"]["message"]
    assert "OLLAMA_ORIGINS" not in answer["error"]["message"]


def test_a_stream_whose_runtime_is_disposed_of_says_so(shared_tab: Tab) -> None:
    with ScriptedServer(UNENDING, cors=True) as server:
        answer = shared_tab.call("streamAcrossDispose", "mistral", "Hi", {"host": server.url})

        assert answer["text"] == "Hel"
        assert "disposed of" in answer["error"]["message"]
        server.wait_until_client_left()


def test_a_call_whose_runtime_is_disposed_of_says_so_and_closes_its_connection(
    shared_tab: Tab,
) -> None:
    with ScriptedServer([Stall()], cors=True) as server:
        shared_tab.call("begin", "mistral", "Hi", {"host": server.url})
        server.wait_for_request(60)
        shared_tab.call("dispose")
        answer = shared_tab.call("ended")

        assert "disposed of" in answer["error"]["message"]
        server.wait_until_client_left()
