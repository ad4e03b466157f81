"""After one visit the page works without a network."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from tests.js.package import built_dist
from tests.playground.playground import Playground
from tests.playground.server import address, start

STORED_TWICE = """async () => {
  const seen = new Map();
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) {
      const path = new URL(request.url).pathname;
      seen.set(path, [...(seen.get(path) ?? []), name]);
    }
  }
  return [...seen].filter(([path, names]) => names.length > 1).map(([path]) => path);
}"""


def test_after_one_visit_the_page_works_without_its_server(newcomer: BrowserContext) -> None:
    with start("--directory", str(built_dist()), "--port", "0") as process:
        url = address(process)
        first = Playground(newcomer, url).visit().until_ready()
        first.tab.wait_for_load_state("networkidle")
        assert first.complaints == []
        first.tab.close()
        process.kill()
        process.wait()

    again = Playground(newcomer, url).visit().until_ready()
    again.write("A cat on a mat", "A dog on a log", "Shares fell")
    again.ask_for("stock market")

    expect(again.results.first.locator("p")).to_have_text("Shares fell")
    expect(again.model_status).to_contain_text("from cache")


def test_no_weights_are_stored_twice(newcomer: BrowserContext, url: str) -> None:
    playground = Playground(newcomer, url).visit().until_ready()

    twice = playground.tab.evaluate(STORED_TWICE)

    assert [path for path in twice if "model.onnx" in path or "tokenizer" in path] == []


def test_a_new_build_is_seen_at_once(newcomer: BrowserContext, url: str) -> None:
    playground = Playground(newcomer, url).visit().until_ready()
    newcomer.route(
        "**/playground/style.css",
        lambda route: route.fulfill(body="body { --build: new }", content_type="text/css"),
    )

    playground.visit()

    assert (
        playground.evaluate("getComputedStyle(document.body).getPropertyValue('--build')") == "new"
    )
