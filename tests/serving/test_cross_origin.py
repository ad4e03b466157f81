"""Pages of any origin may call functions, and read every answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import sync_playwright

from edgelet_host.serving.tokens import PUBLISHABLE_KEY
from tests.browser.chromium import launch_chromium
from tests.browser.static_server import StaticServer
from tests.serving.served import Served, served, write

FUNCTION = """
from edgelet import Request, Response, serve

@serve
async def handler(request: Request) -> Response:
    print("the function was asked by", request.method)
    match request.path.split("/")[2:]:
        case ["own"]:
            own = {
                "access-control-allow-origin": "https://example.com",
                "access-control-expose-headers": "x-own",
                "vary": "Origin",
            }
            return Response("own", headers=own)
        case ["fails"]:
            raise ValueError
    return Response.json({"got": await request.text(), "by": request.headers["origin"]})
"""

PAGE = """async ([url, options]) => {
  const response = await fetch(url, options);
  const seen = ["x-relay-error", "x-region"].map((name) => response.headers.get(name));
  return [response.status, await response.json(), ...seen];
}"""

ORIGIN = "http://app.example.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    files = {"functions/py/main.py": FUNCTION, "functions/unbooted/main.py": "import nowhere\n"}
    with served(write(tmp_path_factory.mktemp("project"), files), deno=False) as running:
        yield running


def preflight(server: Served, path: str, **more: str) -> httpx2.Response:
    asked = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return httpx2.options(server.function(path), headers=asked)


@pytest.mark.parametrize("path", ["py", "py/below?a=1", "unbooted", "nobody"])
def test_a_preflight_needs_no_token_and_no_function(server: Served, path: str) -> None:
    answer = preflight(server, path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = answer.headers["access-control-allow-methods"].split(", ")
    assert {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"} <= set(allowed)
    server.ask("PATCH", "py", headers={"origin": ORIGIN})
    server.wait_for("the function was asked by PATCH")
    assert "the function was asked by OPTIONS" not in server.output


def test_a_page_may_send_whatever_headers_it_asks_for(server: Served) -> None:
    wanted = "authorization, x-client-info, apikey, content-type, x-own"
    answer = preflight(server, "py", access_control_request_headers=wanted)
    assert answer.headers["access-control-allow-headers"] == wanted
    assert "access-control-request-headers" in answer.headers["vary"].lower()
    usual = preflight(server, "py").headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "x-client-info", "apikey", "content-type"} <= set(usual)


def test_a_page_of_a_public_address_may_ask_this_machine(server: Served) -> None:
    name = "access-control-allow-private-network"
    asked = preflight(server, "py", access_control_request_private_network="true")
    assert asked.headers[name] == "true"
    assert name not in preflight(server, "py").headers


ANSWERS = {
    "answered": ("py", {}, 200),
    "failing": ("py/fails", {}, 500),
    "not booted": ("unbooted", {}, 503),
    "without a token": ("py", {"authorization": ""}, 401),
    "not there": ("nobody", {}, 404),
    "too large": ("py", {"x-large": "a" * 70_000}, 431),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_may_be_read(server: Served, kind: str) -> None:
    path, headers, status = ANSWERS[kind]
    answer = server.post(path, headers={"origin": ORIGIN, **headers})
    assert answer.status_code == status
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    exposed = answer.headers["access-control-expose-headers"]
    assert {"x-relay-error", "x-region"} <= set(exposed.split(", "))


def test_the_servers_health_may_be_read(server: Served) -> None:
    answer = httpx2.get(f"{server.url}/_internal/health", headers={"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_what_a_function_says_of_its_origins_stands(server: Served) -> None:
    headers = server.get("py/own").headers
    assert headers.get_list("access-control-allow-origin") == ["https://example.com"]
    assert headers.get_list("access-control-expose-headers") == ["x-own"]


def test_an_options_request_that_is_no_preflight_reaches_the_function(server: Served) -> None:
    answer = server.ask("OPTIONS", "py/own", headers={"authorization": "", "origin": ORIGIN})
    assert answer.text == "own"
    assert answer.headers["access-control-allow-origin"] == "https://example.com"


def test_a_page_reads_answers_and_errors(server: Served, tmp_path: Path) -> None:
    write(tmp_path, {"index.html": '<!doctype html><link rel="icon" href="data:," />'})
    headers = {
        "authorization": f"Bearer {server.anon_key}",
        "apikey": PUBLISHABLE_KEY,
        "x-client-info": "a page",
        "content-type": "application/json",
    }
    good = {"method": "POST", "headers": headers, "body": '{"input": "text"}'}
    with StaticServer({"/": tmp_path}) as site, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        try:
            page = browser.new_page()
            page.goto(f"{site.url}/index.html")
            answered = page.evaluate(PAGE, [server.function("py"), good])
            failed = page.evaluate(PAGE, [server.function("py/fails"), good])
            refused = page.evaluate(PAGE, [server.function("py"), {"method": "DELETE"}])
        finally:
            browser.close()
    assert answered == [200, {"got": '{"input": "text"}', "by": site.url}, None, "local"]
    assert (failed[0], failed[1]["code"], failed[2]) == (500, "WORKER_ERROR", "true")
    assert refused[:2] == [401, {"msg": "Error: Missing authorization header"}]
