"""The code that the page offers does what the page does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.js.package import install_package, needs
from tests.playground.playground import Playground
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer

TEXTS = ("A cat “sleeps” in the \\ sun.", "The bank raised its fees.", "A dog naps on the porch.")
QUERY = "money"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty npm project that has edgelet."""
    return install_package(tmp_path_factory.mktemp("npm") / "project")


def python(code: str, folder: Path) -> str:
    (folder / "program.py").write_text(code)
    return run(sys.executable, folder / "program.py")


def javascript(code: str, folder: Path) -> str:
    (folder / "program.mjs").write_text(code)
    return run(needs("node"), folder / "program.mjs")


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_code_finds_what_the_page_found(playground: Playground, tmp_path: Path) -> None:
    playground.write(*TEXTS)
    playground.ask_for(QUERY)
    expect(playground.results.first.locator("p")).to_have_text(TEXTS[1])

    printed = python(playground.tab.locator("#search-code-text").inner_text(), tmp_path)

    assert texts_in(printed) == found(playground)


def test_the_javascript_code_finds_what_the_page_found(
    playground: Playground, project: Path
) -> None:
    playground.write(*TEXTS)
    playground.ask_for(QUERY)
    expect(playground.results.first.locator("p")).to_have_text(TEXTS[1])
    playground.tab.locator("#search-code").get_by_label("JavaScript").check()

    printed = javascript(playground.tab.locator("#search-code-text").inner_text(), project)

    assert texts_in(printed) == found(playground)


def test_the_code_for_answers_streams_them(
    playground: Playground, project: Path, tmp_path: Path
) -> None:
    with ScriptedServer(ndjson(*ollama_generate("Because", " so.")), cors=True) as server:
        playground.ask("Why?", host=server.url, mode="Ollama")
        expect(playground.answer).to_have_text("Because so.")
        code = playground.tab.locator("#answer-code-text")

        assert python(code.inner_text(), tmp_path) == "Because so."
        playground.tab.locator("#answer-code").get_by_label("JavaScript").check()
        assert javascript(code.inner_text(), project) == "Because so."


def test_copy_puts_the_code_on_the_clipboard(playground: Playground) -> None:
    playground.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])

    playground.tab.locator("#search-code-copy").click()

    expect(playground.tab.locator("#search-code-copy")).to_have_text("Copied")
    copied = playground.evaluate("navigator.clipboard.readText()")
    assert copied == playground.tab.locator("#search-code-text").text_content()


def texts_in(printed: str) -> list[str]:
    """The texts of lines that each begin with a score."""
    return [line.split(maxsplit=1)[1] for line in printed.splitlines()]


def found(playground: Playground) -> list[str]:
    return playground.tab.locator("#results p").all_inner_texts()
