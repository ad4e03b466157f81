"""What functions see in a browser, and what their pages see when they fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.static_server import StaticServer, status
from tests.deploy.browser.visited import PREFIX, Visit
from tests.deploy.deployed import deployed
from tests.serving.served import write

MAIN = """
import os

from edgelet import Request, Response, serve


@serve
async def handler(request: Request) -> Response:
    match request.path:
        case "/own/echo":
            return Response.stream(request.body, status=201, headers={"x-own": "yes"})
        case "/own/environment":
            return Response.json(dict(os.environ))
        case "/own/fails":
            raise ValueError("on purpose")
        case "/own/breaks":
            return Response.stream(broken())
        case "/own/nothing":
            return Response(status=204)
    return Response(request.url)


async def broken():
    yield "some"
    raise ValueError("midway")
"""


def test_python_sees_requests_and_failures_as_on_a_server(
    tmp_path: Path, page: Page, visit: Visit, printed: list[str]
) -> None:
    write(tmp_path, {"functions/own/main.py": MAIN})
    deployed(tmp_path, "own", "browser", tmp_path / "out", "--no-model")
    site = visit(tmp_path / "out", "own").visit(GREETING="Grüße")
    assert site.ask("/any?q=ü").text == f"{site.site.url}/own/any?q=%C3%BC"
    assert site.ask("/nothing").status == 204
    large = "Grüße " * 50_000
    echo = site.ask("/echo", method="POST", body=large)
    assert (echo.status, echo.headers["x-own"], echo.text) == (201, "yes", large)

    failed = site.ask("/fails")
    assert (failed.status, failed.json()["code"]) == (500, "WORKER_ERROR")
    assert any("ValueError: on purpose" in line for line in printed)
    assert site.ask("/breaks").text.startswith("failed: ")
    assert any("ValueError: midway" in line for line in printed)

    assert site.ask("/environment").json() == {"GREETING": "Grüße"}
    site.visit()
    assert site.ask("/environment").json() == {"GREETING": "Grüße"}
    site.visit(OTHER="one")
    assert site.ask("/environment").json() == {"OTHER": "one"}

    assert page.evaluate("async () => (await fetch('functions/v1/owner')).status") == 404
    assert [each.path for each in site.site.transfers if "/v1/" in each.path] == [
        f"{PREFIX}functions/v1/owner"
    ]


@pytest.mark.parametrize(
    ("file", "code", "reason"),
    [
        ("main.py", "import missing_package\n", "No module named 'missing_package'"),
        ("main.py", "x = 1\n", "serves no handler"),
        ("index.js", "throw new Error('at once')\n", "at once"),
        ("index.js", "export default 1\n", "serves no handler"),
    ],
)
def test_a_function_that_does_not_load_answers_503(
    tmp_path: Path, visit: Visit, printed: list[str], file: str, code: str, reason: str
) -> None:
    write(tmp_path, {f"functions/broken/{file}": code})
    deployed(tmp_path, "broken", "browser", tmp_path / "out", "--no-model")
    site = visit(tmp_path / "out", "broken").visit()
    answers = [site.ask(), site.ask()]
    assert [each.status for each in answers] == [503, 503]
    assert answers[0].json()["code"] == "BOOT_ERROR"
    assert len([line for line in printed if reason in line]) == 1


def test_what_the_server_failed_to_send_is_asked_for_again(tmp_path: Path, visit: Visit) -> None:
    write(tmp_path, {"functions/own/main.py": MAIN})
    deployed(tmp_path, "own", "browser", tmp_path / "out", "--no-model")
    site = visit(tmp_path / "out", "own").visit()
    site.site.faults[f"{PREFIX}edgelet/assets/python/core.zip"] = [status(500)]
    assert [site.ask("/nothing").status for _ in range(2)] == [503, 204]


INDEX = """
import { shout } from "../_shared/shout.ts";
import { word } from "words";

const waited = await Promise.resolve("waited");

export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/own/fails") throw new Error("on purpose");
    EdgeRuntime.waitUntil(Promise.resolve());
    const said = [Deno.env.get("GREETING"), await request.text(), word, waited];
    return new Response(shout(said.join(" ")));
  },
};
"""


@pytest.mark.parametrize("options", [(), ("--minify",)])
def test_typescript_with_shared_modules_and_packages(
    tmp_path: Path, visit: Visit, options: tuple[str, ...]
) -> None:
    write(
        tmp_path,
        {
            "functions/own/index.ts": INDEX,
            "functions/_shared/shout.ts": "export const shout = (text: string) => text + '!';\n",
            "node_modules/words/package.json": '{"name": "words", "exports": "./words.js"}',
            "node_modules/words/words.js": "export const word = 'package';\n",
        },
    )
    out = tmp_path / "out"
    deployed(tmp_path, "own", "browser", out, "--no-model", *options)
    assert str(tmp_path) not in (out / "service-worker.js").read_text()
    site = visit(out, "own").visit(GREETING="Hello")
    assert site.ask(method="POST", body="body").text == "Hello body package waited!"
    assert site.visit(GREETING="Bye").ask().text == "Bye  package waited!"
    failed = site.ask("/fails")
    assert (failed.status, failed.json()["code"]) == (500, "WORKER_ERROR")


def test_a_page_outside_the_folder_is_told_so(tmp_path: Path, page: Page) -> None:
    write(tmp_path, {"functions/own/main.py": MAIN, "site/index.html": "<!doctype html>"})
    deployed(tmp_path, "own", "browser", tmp_path / "site" / "inner", "--no-model")
    with StaticServer({"/": tmp_path / "site"}) as site:
        page.goto(site.url)
        said = page.evaluate("""async () => {
          const { ready } = await import("/inner/functions.js");
          return ready().catch((error) => error.message);
        }""")
        assert said == (
            "a service worker serves pages in its own folder alone: "
            f"move this one to {site.url}/inner/"
        )
