"""The playground on a server that knows nothing of it: any file server will do."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from tests.browser.static_server import StaticServer
from tests.js.package import built_dist
from tests.playground.playground import Playground


def test_the_page_works_as_static_files(newcomer: BrowserContext) -> None:
    with StaticServer({"/site/": built_dist()}) as server:
        playground = Playground(newcomer, f"{server.url}/site/playground/").visit().until_ready()

        expect(playground.heads).to_have_count(12)
        assert {each.status for each in server.transfers} == {200}
        playground.tab.close()

    assert playground.complaints == []
