"""Supabase's own client calls functions here as it does there: bodies, answers, errors by class."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from edgelet_host.project.config import LOCAL_JWT_SECRET
from edgelet_host.serving.tokens import PUBLISHABLE_KEY
from tests.js.package import SHIM, needs
from tests.servers.scripted_server import refusing_url
from tests.serving.served import Served, served, write

ECHO = """
Deno.serve(async (request) => {
  const { method, url, headers } = request;
  const type = headers.get("content-type") ?? "";
  const body = {};
  if (!type.startsWith("multipart/form-data")) body.text = await request.text();
  else for (const [name, value] of await request.formData()) {
    body[name] = typeof value === "string" ? value : `${value.name}: ${await value.text()}`;
  }
  return Response.json({ method, type, body, query: new URL(url).search,
    region: headers.get("x-region"), info: headers.get("x-client-info"),
    authorization: headers.get("authorization") });
});
"""

ANSWERS = """
Deno.serve((request) => {
  const kind = new URL(request.url).pathname.split("/").pop();
  const event = new TextEncoder().encode("data: one\\n\\n");
  const form = new FormData();
  form.set("field", "value");
  const kinds = {
    text: () => new Response("plain"),
    bytes: () => new Response(new Uint8Array([0, 255]), {
      headers: { "content-type": "application/octet-stream" } }),
    form: () => new Response(form),
    events: () => new Response(new ReadableStream({ pull: (to) => to.enqueue(event) }), {
      headers: { "content-type": "text/event-stream" } }),
    refusal: () => Response.json({ reason: "not like this" }, { status: 422 }),
    failure: () => Response.json({ reason: "out of order" }, { status: 500 }),
    crash: () => { throw new RangeError("it threw"); },
  };
  return kinds[kind]();
});
"""

PYTHON = """
from edgelet import Request, Response, serve

@serve
async def handler(request: Request) -> Response:
    return Response.json({"hello": (await request.json())["name"]})
"""

PROGRAM = """
import * as supabase from "@supabase/supabase-js";
import transport from "ws"; // which Node 20 lacks, and the client asks for at once
const [url, key] = process.argv.slice(1);
const { functions } = supabase.createClient(url, key, { realtime: { transport } });
const kinds = ["FunctionsHttpError", "FunctionsRelayError", "FunctionsFetchError"];
const told = async ({ data, error }) => error === null ? { data } : {
  kinds: kinds.filter((kind) => error instanceof supabase[kind]),
  status: error.context.status,
  said: await error.context.text?.(),
};
const main = async () => { %s };
console.log(JSON.stringify(await main()));
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not (SHIM / "node_modules" / "@supabase" / "supabase-js").is_dir():
        pytest.skip("@supabase/supabase-js is not installed in js-shim/node_modules")
    files = {
        "functions/echo/index.ts": ECHO,
        "functions/answers/index.ts": ANSWERS,
        "functions/broken/index.ts": "throw new RangeError('not today');",
        "functions/python/main.py": PYTHON,
    }
    with served(write(tmp_path_factory.mktemp("project"), files)) as running:
        yield running


def in_client(server: Served, source: str, *, key: str | None = None, url: str = "") -> Any:
    """What statements return beside a client of the server, in Node."""
    command = [needs("node"), "--input-type=module", "-e", PROGRAM % source]
    done = subprocess.run(
        [*command, url or server.url, key or server.anon_key],
        cwd=SHIM,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def invoked(server: Served, function: str, options: str = "{}", **client: Any) -> Any:
    """What `invoke` gives: `data`, or what is known of its error."""
    source = f'return told(await functions.invoke("{function}", {options}));'
    return in_client(server, source, **client)


@pytest.mark.parametrize(
    ("body", "kind", "seen"),
    [
        ('{ name: "é" }', "application/json", '{"name":"é"}'),
        ('"text"', "text/plain", "text"),
        ('new Blob(["blob"])', "application/octet-stream", "blob"),
        ('new TextEncoder().encode("buffer").buffer', "application/octet-stream", "buffer"),
    ],
)
def test_a_body_reaches_the_function_as_what_it_is(
    server: Served, body: str, kind: str, seen: str
) -> None:
    data = invoked(server, "echo", f"{{ body: {body} }}")["data"]
    assert (data["method"], data["type"], data["body"]["text"]) == ("POST", kind, seen)
    assert data["info"].startswith("supabase-js")
    assert data["authorization"] == f"Bearer {server.anon_key}"


def test_a_form_reaches_the_function_with_its_files(server: Served) -> None:
    source = """
        const body = new FormData();
        body.set("field", "value");
        body.set("file", new File(["content"], "name.txt"));
        return (await functions.invoke("echo", { body })).data.body;
    """
    assert in_client(server, source) == {"field": "value", "file": "name.txt: content"}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_function_is_asked_by_any_method(server: Served, method: str) -> None:
    assert invoked(server, "echo", f'{{ method: "{method}" }}')["data"]["method"] == method


def test_a_region_reaches_the_function_and_comes_back(server: Served) -> None:
    source = """
        const region = supabase.FunctionRegion.UsEast1;
        const { data, response } = await functions.invoke("echo", { region });
        return [data.region, data.query, response.headers.get("x-region")];
    """
    seen = in_client(server, source)
    assert seen == ["us-east-1", "?forceFunctionRegion=us-east-1", "us-east-1"]


def test_a_function_in_python_is_called_in_the_same_way(server: Served) -> None:
    assert invoked(server, "python", '{ body: { name: "Ada" } }') == {"data": {"hello": "Ada"}}


def test_an_answer_is_given_as_what_it_is(server: Served) -> None:
    source = """
        const of = async (kind) => (await functions.invoke(`answers/${kind}`)).data;
        const bytes = [...new Uint8Array(await (await of("bytes")).arrayBuffer())];
        return [await of("text"), bytes, (await of("form")).get("field")];
    """
    assert in_client(server, source) == ["plain", [0, 255], "value"]


def test_events_arrive_while_the_function_sends_them(server: Served) -> None:
    source = """
        const { data } = await functions.invoke("answers/events");
        const reader = data.body.getReader();
        const { value } = await reader.read();
        await reader.cancel();
        return new TextDecoder().decode(value).slice(0, 11);
    """
    assert in_client(server, source) == "data: one\n\n"


@pytest.mark.parametrize(
    ("function", "status", "said"),
    [
        ("answers/refusal", 422, '{"reason":"not like this"}'),
        ("answers/failure", 500, '{"reason":"out of order"}'),
        ("nothing-of-that-name", 404, "Function not found"),
    ],
)
def test_what_a_function_refuses_is_an_http_error(
    server: Served, function: str, status: int, said: str
) -> None:
    expected = {"kinds": ["FunctionsHttpError"], "status": status, "said": said}
    assert invoked(server, function) == expected


def test_a_key_that_is_not_the_projects_is_an_http_error(server: Served) -> None:
    failed = invoked(server, "echo", key=f"{server.anon_key}x")
    assert (failed["kinds"], failed["status"]) == (["FunctionsHttpError"], 401)
    assert json.loads(failed["said"]) == {"msg": "Invalid JWT"}


@pytest.mark.parametrize(
    ("function", "status", "code"),
    [("answers/crash", 500, "WORKER_ERROR"), ("broken", 503, "BOOT_ERROR")],
)
def test_what_is_not_the_functions_answer_is_a_relay_error(
    server: Served, function: str, status: int, code: str
) -> None:
    failed = invoked(server, function)
    assert (failed["kinds"], failed["status"]) == (["FunctionsRelayError"], status)
    assert json.loads(failed["said"])["code"] == code


def test_a_server_that_is_gone_is_a_fetch_error(server: Served) -> None:
    with refusing_url() as url:
        assert invoked(server, "echo", url=url)["kinds"] == ["FunctionsFetchError"]


def test_a_publishable_key_is_a_key(server: Served) -> None:
    data = invoked(server, "echo", key=PUBLISHABLE_KEY)["data"]
    assert data["authorization"] == f"Bearer {server.anon_key}"


def test_a_users_token_reaches_the_function(server: Served) -> None:
    claims = {"sub": "ada", "role": "authenticated", "exp": int(time.time()) + 600}
    token = jwt.encode(claims, LOCAL_JWT_SECRET, algorithm="HS256")
    source = f'functions.setAuth("{token}"); return (await functions.invoke("echo")).data'
    assert in_client(server, f"{source}.authorization") == f"Bearer {token}"


def test_a_call_that_is_broken_off_is_a_fetch_error(server: Served) -> None:
    options = "{ signal: AbortSignal.abort() }"
    assert invoked(server, "echo", options)["kinds"] == ["FunctionsFetchError"]
