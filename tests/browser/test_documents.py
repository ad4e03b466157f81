"""Every page, and every line of Python for pages, that the documents show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.pyodide_page import PyodidePage, Site, build_site
from tests.browser.static_server import StaticServer
from tests.browser.tab import Tab
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer

ROOT = Path(__file__).parents[2]
BRIDGE = "https://my.site/edgelet/bridge.js"
MODELS = "https://my.site/models/"
OLLAMA = "http://127.0.0.1:11434"


def blocks(document: str, *languages: str) -> list[str]:
    """The blocks of code of a document in those languages."""
    found = re.findall(r"```(\w+)\n(.*?)```", (ROOT / document).read_text("utf-8"), re.DOTALL)
    return [code for language, code in found if language in languages]


@pytest.mark.parametrize("document", ["docs/javascript.md", "js-shim/README.md"])
def test_a_page_of_the_documents_embeds(
    document: str, context: BrowserContext, mounts: dict[str, Path], tmp_path: Path
) -> None:
    [html] = blocks(document, "html")
    icon = '<link rel="icon" href="data:," />'
    (tmp_path / "page.html").write_text(f"<!doctype html><title>edgelet</title>{icon}{html}")
    with StaticServer({"/edgelet/": mounts["/dist/"], "/": tmp_path}) as server:
        tab = Tab(context, f"{server.url}/page.html")
        tab.page.goto(f"{server.url}/page.html")

        expect(tab.page.locator("#answer")).to_have_text("384 numbers", timeout=60_000)

    assert tab.problems == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return build_site(tmp_path_factory.mktemp("documents"))


def test_the_python_of_the_documents_runs_from_first_line_to_last(
    browser: Browser, mounts: dict[str, Path], site: Site
) -> None:
    answer = ndjson(*ollama_generate("Rayleigh ", "scattering"))
    with (
        StaticServer({**site.mounts, **mounts}) as server,
        ScriptedServer(answer, cors=True) as ollama,
        browser.new_context() as visitor,
    ):
        page = PyodidePage(visitor.new_page(), server.url, site)
        # What a reader need not say: the index is PyPI, and the bridge is on a CDN.
        index, bridge = f"{server.url}/simple", f"{server.url}/dist/bridge.js"
        page.run("import micropip; micropip.set_index_urls([index])", index=index)
        page.run("import os; os.environ['EDGELET_BRIDGE'] = bridge; None", bridge=bridge)
        places = {BRIDGE: bridge, MODELS: f"{server.url}/models/", OLLAMA: ollama.url}
        cells = "\n".join(blocks("docs/pyodide.md", "python"))
        for documented, here in places.items():
            cells = cells.replace(documented, here)

        assert page.run(f"{cells}\nlen(vector)") == 384

    assert ollama.requests[0].path == "/api/generate"


def test_the_readme_shows_the_first_lines_of_the_page_about_pyodide() -> None:
    assert blocks("README.md", "py") == blocks("docs/pyodide.md", "python")[:1]
