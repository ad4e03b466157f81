"""Streaming an answer from an inference host into the page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.playground.playground import Playground
from tests.servers.answers import json_answer, ndjson, ollama_generate
from tests.servers.llama_server import start_llama_server
from tests.servers.scripted_server import ScriptedServer, refusing_url
from tests.servers.steps import Stall

OLLAMA, OPENAI = "Ollama", "OpenAI-compatible"


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    with start_llama_server() as url:
        yield url


def test_a_real_server_streams_its_answer(playground: Playground, llama: str) -> None:
    playground.ask("Why is the sky blue?", host=llama, mode=OPENAI)

    expect(playground.answer_status).to_contain_text("finish reason: length")
    expect(playground.answer_status).to_contain_text("first chunk after")
    chunks = re.search(r"([\d,]+) chunks", playground.answer_status.inner_text())
    assert chunks is not None
    assert int(chunks[1].replace(",", "")) > 100
    assert len(playground.answer.inner_text()) > 100


def test_ollama_streams_its_answer(playground: Playground) -> None:
    answer = ndjson(*ollama_generate("Because ", "of Rayleigh", "."))
    with ScriptedServer(answer, cors=True) as server:
        playground.ask("Why?", host=server.url, mode=OLLAMA, model="mistral")

        expect(playground.answer).to_have_text("Because of Rayleigh.")
        expect(playground.answer_status).to_contain_text("4 chunks · 3 tokens")
        expect(playground.answer_status).to_contain_text("finish reason: stop")
        request = server.requests[0]

    assert request.path == "/api/generate"
    assert request.json() == {"model": "mistral", "prompt": "Why?", "stream": True}


def test_stop_closes_the_connection(playground: Playground) -> None:
    script = [*ndjson(*ollama_generate("Once upon", " a time"))[:2], Stall()]
    with ScriptedServer(script, cors=True) as server:
        playground.ask("A story", host=server.url, mode=OLLAMA)
        expect(playground.answer).to_have_text("Once upon")

        playground.tab.get_by_role("button", name="Stop").click()

        server.wait_until_client_left()
        expect(playground.answer_status).to_contain_text("Stopped: first chunk after")
    expect(playground.answer).to_have_text("Once upon")
    expect(playground.tab.get_by_role("button", name="Ask")).to_be_focused()


def test_stop_before_the_first_chunk_closes_the_connection_too(playground: Playground) -> None:
    with ScriptedServer([Stall()], cors=True) as server:
        playground.ask("A story", host=server.url, mode=OLLAMA)
        server.wait_for_request()

        playground.tab.get_by_role("button", name="Stop").click()

        server.wait_until_client_left()
        expect(playground.answer_status).to_have_text("Stopped: before the first chunk")


def test_a_refusal_is_shown_in_the_servers_own_words(playground: Playground) -> None:
    refusal = json_answer({"error": "model 'nope' not found, try pulling it first"}, status=404)
    with ScriptedServer(refusal, cors=True) as server:
        playground.ask("Hi", host=server.url, mode=OLLAMA, model="nope")

        expect(playground.answer_status).to_have_text(
            "The inference host answered 404: model 'nope' not found, try pulling it first"
        )
    playground.complaints = without(playground.complaints, "status of 404")


def test_a_dead_host_is_an_error_in_a_sentence(playground: Playground) -> None:
    with refusing_url() as dead:
        playground.ask("Hi", host=dead, mode=OLLAMA)

        expect(playground.answer_status).to_have_class(re.compile("error"))
        expect(playground.answer_status).to_contain_text(dead.removeprefix("http://"))
    playground.complaints = without(playground.complaints, "ERR_CONNECTION_REFUSED")


def test_a_host_that_does_not_let_the_page_in_is_told_how_to(playground: Playground) -> None:
    with ScriptedServer(ndjson(*ollama_generate("Hi"))) as server:
        playground.ask("Hi", host=server.url, mode=OLLAMA)

        expect(playground.answer_status).to_contain_text("OLLAMA_ORIGINS")
    playground.complaints = without(playground.complaints, "CORS policy", "ERR_FAILED")


def test_the_key_goes_to_the_host_and_nowhere_else(playground: Playground) -> None:
    with ScriptedServer(ndjson(*ollama_generate("Hi")), cors=True) as server:
        playground.ask("Hi", host=server.url, mode=OLLAMA, key="k-123")
        expect(playground.answer).to_have_text("Hi")
        request = server.requests[0]

    assert request.headers["authorization"] == "Bearer k-123"
    kept = playground.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert "k-123" not in kept
    assert "k-123" not in playground.tab.locator("#answer-code").inner_text()


def test_the_page_embeds_while_an_answer_streams(playground: Playground) -> None:
    script = [*ndjson(*ollama_generate("Once upon", " a time"))[:2], Stall()]
    with ScriptedServer(script, cors=True) as server:
        playground.ask("A story", host=server.url, mode=OLLAMA)
        expect(playground.answer).to_have_text("Once upon")

        playground.write("one", "two", "three")

        playground.tab.get_by_role("button", name="Stop").click()
        server.wait_until_client_left()


def test_the_address_follows_the_kind_of_server_until_it_is_changed(playground: Playground) -> None:
    host = playground.tab.get_by_label("Address")
    playground.tab.get_by_label(OPENAI, exact=True).check()
    expect(host).to_have_value("http://127.0.0.1:8080")

    host.fill("https://example.org/v1")
    playground.tab.get_by_label(OLLAMA, exact=True).check()

    expect(host).to_have_value("https://example.org/v1")


def without(complaints: list[str], *expected: str) -> list[str]:
    """What the browser complained of, beside what it always says of such an answer itself."""
    return [each for each in complaints if not any(words in each for words in expected)]
