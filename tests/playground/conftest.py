"""The page, served by its own server, in one Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.chromium import launch_chromium
from tests.js.package import built_dist
from tests.playground.playground import Playground
from tests.playground.server import serving


# A scope wider than the folder would leave Playwright's event loop running under other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def url() -> Iterator[str]:
    """The page's address."""
    with serving(built_dist()) as url:
        yield url


@pytest.fixture(scope="package")
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """Someone who comes again and again, and has the model in the cache since the first time."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def newcomer(browser: Browser) -> Iterator[BrowserContext]:
    """Someone who has never been here."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def playground(visitor: BrowserContext, url: str) -> Iterator[Playground]:
    """The page, ready. No test may make the browser complain, unless it says so itself."""
    playground = Playground(visitor, url).visit().until_ready()
    yield playground
    playground.tab.close()
    assert playground.complaints == []
