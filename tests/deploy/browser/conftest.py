"""One Chromium for the folder, an inference host, and pages of visitors who were never here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import launch_chromium
from tests.deploy.browser.visited import Visit, visited
from tests.deploy.scripts import go_on
from tests.servers.scripted_server import ScriptedServer


@pytest.fixture
def inference_host() -> Iterator[ScriptedServer]:
    """A server that pages may ask; nothing goes on in its scripts until the test says so."""
    go_on.clear()
    with ScriptedServer([], cors=True) as server:
        yield server


# A scope wider than the folder would leave Playwright's event loop running under other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def printed() -> list[str]:
    """What the page and its service worker have printed."""
    return []


@pytest.fixture
def page(browser: Browser, printed: list[str]) -> Iterator[Page]:
    """A page of a visitor who has never been here."""
    with browser.new_context() as context:
        context.on("console", lambda message: printed.append(message.text))
        yield context.new_page()


@pytest.fixture
def visit(page: Page) -> Iterator[Visit]:
    """Serves a folder, and visits it."""
    with ExitStack() as stack:
        yield lambda folder, name: stack.enter_context(visited(page, folder, name))
