"""Embedding, and language models that stream: the examples, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.deploy.browser.native import TEXT, hold_to_native
from tests.deploy.browser.visited import Visit, stop_workers
from tests.deploy.deployed import EXAMPLES, deployed
from tests.deploy.scripts import (
    go_on,
    never_ends,
    says_a_word_and_no_more,
    says_a_word_then_waits,
    says_a_word_when_told,
)
from tests.servers.scripted_server import ScriptedServer


@pytest.mark.parametrize("name", ["embed-minilm", "embed-minilm-js"])
def test_it_embeds_and_goes_on_after_reloads_and_restarts(
    tmp_path: Path, page: Page, visit: Visit, name: str
) -> None:
    deployed(EXAMPLES, name, "browser", tmp_path)
    site = visit(tmp_path, name).visit()
    assert site.fetched("/assets/") == 1  # what the worker imports; the rest comes when it is asked

    hold_to_native(site.ask(f"?input={TEXT}").json())
    missing = site.ask()
    assert (missing.status, missing.json()) == (400, {"error": "give a text as ?input=…"})

    site.visit()
    hold_to_native(site.ask(f"?input={TEXT}").json())
    assert site.fetched("snapshot.bin.gz") == 1

    stop_workers(page)
    hold_to_native(site.ask(f"?input={TEXT}").json())
    assert site.fetched("snapshot.bin.gz") == 2
    assert site.fetched("model.onnx.data") == 1


@pytest.mark.parametrize("name", ["ollama-test", "ollama-test-py"])
def test_a_language_model_streams_without_engine_or_model(
    tmp_path: Path, page: Page, visit: Visit, inference_host: ScriptedServer, name: str
) -> None:
    inference_host.play_next(says_a_word_then_waits)
    deployed(EXAMPLES, name, "browser", tmp_path)
    site = visit(tmp_path, name).visit(AI_INFERENCE_API_HOST=inference_host.url)
    first = site.begin("?prompt=Why%3F")
    assert first == "Because "
    go_on.set()
    assert first + site.rest() == "Because of Rayleigh."
    assert inference_host.requests[-1].json()["prompt"] == "Why?"

    inference_host.play_next(never_ends)
    assert site.begin("?prompt=Why%3F").startswith("word")
    site.leave()
    inference_host.wait_until_client_left(20)

    stop_workers(page)
    inference_host.play_next(says_a_word_then_waits)
    site.visit()  # the browser has kept where the inference host is
    assert site.ask("?prompt=Why%3F").text == "Because of Rayleigh."
    for lost in ("onnxruntime", "/models/"):
        assert site.fetched(lost) == 0


def test_leaving_a_silent_stream_closes_its_connection(
    tmp_path: Path, page: Page, visit: Visit, inference_host: ScriptedServer, printed: list[str]
) -> None:
    inference_host.play_next(says_a_word_and_no_more)
    deployed(EXAMPLES, "ollama-test-py", "browser", tmp_path, "--no-model")
    site = visit(tmp_path, "ollama-test-py").visit(AI_INFERENCE_API_HOST=inference_host.url)
    assert site.begin("?prompt=Why%3F") == "Because "
    site.leave()
    inference_host.wait_until_client_left(20)

    inference_host.play_next(says_a_word_and_no_more)
    assert site.begin("?prompt=Why%3F") == "Because "
    page.close()
    inference_host.wait_until_client_left(20)
    assert printed == []


def test_who_left_before_the_answer_is_gone_when_it_begins(
    tmp_path: Path, page: Page, visit: Visit, inference_host: ScriptedServer
) -> None:
    inference_host.play_next(says_a_word_when_told)
    deployed(EXAMPLES, "ollama-test-py", "browser", tmp_path, "--no-model")
    site = visit(tmp_path, "ollama-test-py").visit(AI_INFERENCE_API_HOST=inference_host.url)
    page.evaluate("""() => {
      globalThis.leaving = new AbortController();
      globalThis.left = fetch("functions/v1/ollama-test-py?prompt=a", { signal: leaving.signal });
      left.catch(() => undefined);
    }""")
    inference_host.wait_for_request(60)
    site.leave()
    assert page.evaluate("() => left.catch((error) => error.name)") == "AbortError"
    go_on.set()
    inference_host.wait_until_client_left(20)


def test_its_page_shows_the_answer_as_it_comes(
    tmp_path: Path, page: Page, visit: Visit, inference_host: ScriptedServer
) -> None:
    inference_host.play_next(says_a_word_then_waits)
    deployed(EXAMPLES, "ollama-test-py", "browser", tmp_path, "--no-model")
    page.goto(visit(tmp_path, "ollama-test-py").url)
    expect(page.get_by_text("Ready")).to_be_visible(timeout=20_000)
    expect(page.get_by_label("and then")).to_have_value("?prompt=Hello world")
    page.get_by_text("Variables").click()
    page.get_by_label("One a line.").fill(f"AI_INFERENCE_API_HOST={inference_host.url}")
    page.get_by_role("button", name="Ask").click()
    answer = page.get_by_label("Answer")
    expect(answer).to_have_text("Because", timeout=20_000)
    go_on.set()
    expect(answer).to_have_text("Because of Rayleigh.")

    inference_host.play_next(never_ends)
    page.get_by_role("button", name="Ask").click()
    expect(answer).to_contain_text("word")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped")).to_be_visible()
    inference_host.wait_until_client_left(20)
