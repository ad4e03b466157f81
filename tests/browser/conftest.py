"""One Chromium for the folder; servers for what is served; tabs that are closed behind the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.chromium import launch_chromium
from tests.browser.static_server import StaticServer
from tests.browser.tab import Tab
from tests.js.package import built_dist, export_models

HERE = Path(__file__).parent


# A scope wider than the folder would leave Playwright's event loop running under other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model in all precisions, as JavaScript hosts read them."""
    return export_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="package")
def mounts(models: Path) -> dict[str, Path]:
    """What a site with edgelet serves, beside what the tests themselves need in a page."""
    return {
        "/dist/": built_dist(),
        "/models/": models,
        "/js/": HERE.parent / "js",
        "/": HERE / "pages",
    }


@pytest.fixture
def serve_dist(mounts: dict[str, Path]) -> Iterator[StaticServer]:
    """A server of a test's own."""
    with StaticServer(mounts, isolated=True) as server:
        yield server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who has never been here."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def tab(context: BrowserContext, serve_dist: StaticServer) -> Tab:
    """A page of the server's own, not yet visited."""
    return Tab(context, f"{serve_dist.url}/blank.html")


@pytest.fixture(scope="module", params=[False, True], ids=["page", "worker"])
def shared_tab(
    request: pytest.FixtureRequest, browser: Browser, mounts: dict[str, Path]
) -> Iterator[Tab]:
    """One page for all tests of a module, with edgelet on the main thread and in a worker."""
    context = browser.new_context()
    with StaticServer(mounts, isolated=True) as server:
        tab = Tab(context, f"{server.url}/blank.html")
        yield tab.open(worker=request.param, models=f"{server.url}/models/")
        tab.call("dispose")
        context.close()
