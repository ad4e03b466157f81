"""Requests and answers pass the gateway as they are: what HTTP allows, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.js.package import needs
from tests.serving.served import Served, served, write
from tests.serving.wire import Wire

PYTHON = """
from edgelet import Request, Response, serve

@serve
async def handler(request: Request) -> Response:
    body = await request.bytes()
    match request.path.split("/")[2:]:
        case ["mirror"]:
            return Response(body, headers={"content-type": "application/octet-stream"})
        case ["cookies"]:
            cookies = [("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2"), ("vary", "a")]
            return Response("cookies", headers=cookies)
        case ["status", status]:
            return Response(None, status=int(status))
        case ["length", length]:
            return Response("four", headers={"content-length": length})
        case ["hop"]:
            return Response("four", headers={
                "connection": "x-own, close", "x-own": "yes", "keep-alive": "timeout=1",
                "transfer-encoding": "chunked", "upgrade": "h2c", "trailer": "x-last",
            })
    return Response.json(
        {
            "method": request.method,
            "url": request.url,
            "headers": request.headers.raw(),
            "body": body.decode(),
        },
        headers={"x-method": request.method},
    )
"""

JAVASCRIPT = """
Deno.serve(async (request: Request) => {
  const body = await request.bytes();
  const [what, which] = new URL(request.url).pathname.split("/").slice(2);
  if (what === "mirror") {
    return new Response(body, { headers: { "content-type": "application/octet-stream" } });
  }
  if (what === "cookies") {
    const cookies = [["set-cookie", "a=1; Path=/"], ["set-cookie", "b=2"], ["vary", "a"]];
    return new Response("cookies", { headers: cookies });
  }
  if (what === "status") return new Response(null, { status: Number(which) });
  if (what === "length") return new Response("four", { headers: { "content-length": which } });
  if (what === "hop") {
    return new Response("four", {
      headers: {
        "connection": "x-own, close", "x-own": "yes", "keep-alive": "timeout=1",
        "transfer-encoding": "chunked", "upgrade": "h2c", "trailer": "x-last",
      },
    });
  }
  return Response.json(
    {
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      body: new TextDecoder().decode(body),
    },
    { headers: { "x-method": request.method } },
  );
});
"""

BYTES = bytes(range(256)) * 64 + os.urandom(1 << 20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = write(
        tmp_path_factory.mktemp("project"),
        {"functions/py/main.py": PYTHON, "functions/js/index.ts": JAVASCRIPT},
    )
    with served(project) as running:
        yield running


@pytest.fixture
def wire(server: Served) -> Iterator[Wire]:
    with Wire(server.url, server.authorization) as opened:
        yield opened


def echo(wire: Wire, path: str, headers: dict[str, str] | None = None) -> Any:
    wire.ask("GET", f"/functions/v1/{path}", headers)
    return json.loads(wire.body(wire.head()))


def send_often(wire: Wire, data: bytes) -> None:
    for _ in range(500):
        wire.send(data)


both = pytest.mark.parametrize("name", ["py", "js"])


@both
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
def test_a_function_sees_every_method(server: Served, name: str, method: str) -> None:
    assert server.ask(method, name).json()["method"] == method


@both
def test_an_answer_to_head_has_no_body(server: Served, name: str) -> None:
    answer = server.ask("HEAD", name)
    assert (answer.status_code, answer.headers["x-method"], answer.content) == (200, "HEAD", b"")


@both
def test_fields_that_come_more_than_once_stay(wire: Wire, name: str) -> None:
    wire.ask("GET", f"/functions/v1/{name}", {"X-Many": "1", "x-many": "2", "X-MANY": "3, 4"})
    fields = json.loads(wire.body(wire.head()))["headers"]
    assert ", ".join(value for name, value in fields if name == "x-many") == "1, 2, 3, 4"


@both
def test_every_cookie_that_a_function_sets_is_one_field(wire: Wire, name: str) -> None:
    wire.ask("GET", f"/functions/v1/{name}/cookies")
    _, fields = head = wire.head()
    assert [v for n, v in fields if n == "set-cookie"] == ["a=1; Path=/", "b=2"]
    assert wire.body(head) == b"cookies"


PATHS = {
    "": "",
    "/": "/",
    "/a//b/": "/a//b/",
    "/a%2Fb%20c%25/%C3%A9": "/a%2Fb%20c%25/%C3%A9",
    "?": "",
    "?=&&a=1&a=%26+2": "?=&&a=1&a=%26+2",
    "/a?b?c=/d": "/a?b?c=/d",
}


@both
@pytest.mark.parametrize("below", PATHS)
def test_path_and_query_stay_as_they_are_spelt(wire: Wire, name: str, below: str) -> None:
    assert echo(wire, f"{name}{below}")["url"] == f"http://localhost/{name}{PATHS[below]}"


@both
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_pass_both_ways_byte_for_byte(server: Served, name: str, chunked: bool) -> None:
    pieces = (BYTES[at : at + 77_777] for at in range(0, len(BYTES), 77_777))
    answer = server.post(f"{name}/mirror", content=pieces if chunked else BYTES)
    assert answer.content == BYTES
    assert answer.headers["content-type"] == "application/octet-stream"


@both
def test_a_request_without_a_body_has_an_empty_one(wire: Wire, name: str) -> None:
    for headers in ({}, {"content-length": "0"}):
        wire.ask("POST", f"/functions/v1/{name}/mirror", headers)
        head = wire.head()
        assert (head[0], wire.body(head)) == (200, b"")


FRAMED = {
    "status/204": (204, b""),
    "status/205": (205, b""),
    "status/304": (304, b""),
    "status/404": (404, b""),
    "length/10": (200, b"four"),
    "length/2": (200, b"four"),
    "hop": (200, b"four"),
}


@both
@pytest.mark.parametrize("path", FRAMED)
def test_an_answer_ends_where_it_ends_whatever_the_function_says(
    wire: Wire, name: str, path: str
) -> None:
    wire.ask("GET", f"/functions/v1/{name}/{path}")
    _, fields = head = wire.head()
    assert (head[0], wire.body(head)) == FRAMED[path]
    assert not {"connection", "x-own", "keep-alive", "upgrade", "trailer"} & dict(fields).keys()
    assert head[0] != 204 or "content-length" not in dict(fields)
    assert echo(wire, name)["method"] == "GET"  # the connection carries the next answer


@both
def test_fields_about_a_connection_are_not_passed_on(wire: Wire, name: str) -> None:
    about = {
        "Connection": "keep-alive, X-Hop",
        "X-Hop": "1",
        "Keep-Alive": "timeout=5",
        "Proxy-Connection": "keep-alive",
        "Proxy-Authenticate": "Basic",
        "TE": "trailers",
        "Trailer": "x-last",
        "X-Stays": "1",
    }
    seen = dict(echo(wire, name, about)["headers"])
    assert seen["x-stays"] == "1"
    assert not {field.lower() for field in about} - {"x-stays"} & seen.keys()


@both
def test_nobody_can_say_that_somebody_else_asks(wire: Wire, name: str) -> None:
    forged = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "example.com",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Prefix": "/admin",
    }
    seen = echo(wire, name, forged)
    assert seen["url"].startswith("http://localhost/")
    assert {k: v for k, v in seen["headers"] if k.startswith("x-forwarded-")} == {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "localhost",
    }


@both
def test_what_servers_and_functions_tell_each_other_no_client_can_say(
    wire: Wire, name: str
) -> None:
    said = {"x-edgelet-alive": "1", "x-edgelet-failed": "true"}
    assert not said.keys() & dict(echo(wire, name, said)["headers"]).keys()


@both
def test_headers_that_are_too_large_are_refused_in_one_sentence(wire: Wire, name: str) -> None:
    assert dict(echo(wire, name, {"x-large": "a" * 60_000})["headers"])["x-large"] == "a" * 60_000
    wire.ask("GET", f"/functions/v1/{name}", {"x-large": "a" * 70_000})
    head = wire.head()
    assert (head[0], wire.body(head)) == (431, b"Request headers too large")
    assert dict(head[1])["access-control-allow-origin"] == "*"


def test_headers_that_never_end_are_not_waited_for(server: Served, wire: Wire) -> None:
    wire.send(b"GET /functions/v1/py HTTP/1.1\r\nhost: localhost\r\nx-large: ")
    with pytest.raises(ConnectionError):
        send_often(wire, b"a" * 65536)
    assert server.get("py").status_code == 200


def test_what_is_no_request_is_refused_and_hurts_nobody(server: Served, wire: Wire) -> None:
    wire.send(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
    assert wire.head()[0] == 400
    assert server.get("py").status_code == 200


@both
def test_curl_asks_as_in_supabases_guide(server: Served, name: str) -> None:
    command = [
        needs("curl"), "--silent", "--show-error", "--get", server.function(name),
        "--data-urlencode", "input=What is a µ & why?", "-H", f"Authorization: {server.anon_key}",
    ]  # fmt: skip
    seen = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert seen["method"] == "GET"
    assert parse_qs(urlsplit(seen["url"]).query) == {"input": ["What is a µ & why?"]}
    assert dict(seen["headers"])["authorization"] == server.anon_key
