"""Pages as people build them: bundled, with a GPU asked for, with several threads."""

from __future__ import annotations

import subprocess
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from edgelet.models import DEFAULT_MODEL
from tests.browser.static_server import StaticServer
from tests.browser.tab import Tab
from tests.js.package import SHIM, needs

_APPLICATION = """
import { configure, Session } from "edgelet";

configure({ assets: "/edgelet/assets/" });
const session = new Session("all-MiniLM-L6-v2");
document.title = `${(await session.run("Hello world")).length} numbers`;
await session[Symbol.asyncDispose]();
document.title += ", disposed of";
"""


def test_a_bundled_application_finds_the_copy_of_dist(
    context: BrowserContext, mounts: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "edgelet").symlink_to(SHIM)
    (tmp_path / "main.js").write_text(_APPLICATION)
    bundled = tmp_path / "site" / "app.js"
    command = [needs("esbuild"), "main.js", "--bundle", "--format=esm", f"--outfile={bundled}"]
    subprocess.run([*command, "--log-level=error"], cwd=tmp_path, check=True)
    page = '<!doctype html><link rel="icon" href="data:," /><script type="module" src="app.js">'
    (tmp_path / "site" / "index.html").write_text(f"{page}</script>")

    with StaticServer({"/edgelet/": mounts["/dist/"], "/": tmp_path / "site"}) as server:
        tab = Tab(context, f"{server.url}/index.html")
        tab.page.goto(f"{server.url}/index.html")
        expect(tab.page).to_have_title("384 numbers, disposed of", timeout=60_000)

    assert tab.problems == []


def test_without_a_gpu_models_run_in_webassembly_and_the_console_says_so(tab: Tab) -> None:
    expected = tab.open(worker=False).call("embed", DEFAULT_MODEL, ["Hello"])

    found = tab.open(worker=False, device="webgpu").call("embed", DEFAULT_MODEL, ["Hello"])

    assert found == expected
    assert any("in WebAssembly instead of on the GPU" in problem for problem in tab.problems)


def test_a_page_that_is_isolated_has_as_many_threads_as_it_asks_for(tab: Tab) -> None:
    one = tab.open(worker=False, threads=1).call("embed", DEFAULT_MODEL, ["Hello"])
    assert len(tab.page.workers) == 0

    two = tab.open(worker=False, threads=2).call("embed", DEFAULT_MODEL, ["Hello"])

    assert len(tab.page.workers) == 1  # the other thread is the page's own
    assert two == one
