"""A function in JavaScript may give its handler in every way that Supabase's runtime takes one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.serving.served import Served, served, write

SHAPES = {
    "handler": 'Deno.serve(() => new Response("served"));',
    "options": 'Deno.serve({ port: 9999, hostname: "0.0.0.0" }, () => new Response("served"));',
    "within": 'Deno.serve({ handler: () => new Response("served") });',
    "promised": 'Deno.serve(async () => { await null; return new Response("served"); });',
    "exported": 'export default { fetch: () => new Response("served") };',
    "instance": """
        class App { word = "served"; fetch(): Response { return new Response(this.word); } }
        export default new App();
    """,
    "late": """
        const word = await new Promise<string>((done) => setTimeout(() => done("served"), 50));
        Deno.serve(() => new Response(word));
    """,
    "soon": 'setTimeout(() => Deno.serve(() => new Response("served")), 50);',
    "awaited": 'await Deno.serve(() => new Response("served")).finished;',
}

FACTS = """
const listened: unknown[] = [];
const onListen = (address: unknown) => listened.push(address);
const server = Deno.serve({ onListen }, (_, info) => {
  console.log("a line\\nand another");
  console.error("an error's line");
  return Response.json({
    main: import.meta.main,
    remote: info.remoteAddr,
    listened,
    server: ["shutdown", "ref", "unref"].map((name) => typeof server[name]),
    finished: server.finished instanceof Promise,
  });
});
"""

FAILING = """
Deno.serve(async (request) => {
  const path = new URL(request.url).pathname;
  if (path.endsWith("/throws")) throw new RangeError("it threw");
  if (path.endsWith("/nothing")) return;
  return new Response("still here");
});
"""

EXCUSED = """
Deno.serve({
  handler: () => { throw new RangeError("it threw"); },
  onError: (error) => new Response(`excused: ${error.message}`, { status: 418 }),
});
"""

BROKEN = {
    "two": 'Deno.serve(() => new Response("1"));\nDeno.serve(() => new Response("2"));',
    "none": "export const nothing = 1;",
    "throwing": 'throw new RangeError("it cannot begin");',
    "misspelt": "Deno.serve(() => new Response(;",
    "missing": 'import { nothing } from "./missing.ts";\nDeno.serve(() => new Response(nothing));',
}

REASONS = {
    "two": "a function serves one handler; it serves two",
    "none": "the function serves no handler; give one to Deno.serve, or export default",
    "throwing": "RangeError: it cannot begin",
    "misspelt": "Expression expected",
    "missing": "missing.ts",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    sources = {**SHAPES, "facts": FACTS, "failing": FAILING, "excused": EXCUSED, **BROKEN}
    files = {f"functions/{name}/index.ts": source for name, source in sources.items()}
    with served(write(tmp_path_factory.mktemp("project"), files)) as running:
        yield running


@pytest.mark.parametrize("shape", SHAPES)
def test_a_handler_is_served_however_it_is_given(server: Served, shape: str) -> None:
    answer = server.get(shape)
    assert (answer.status_code, answer.text) == (200, "served")


def test_a_function_sees_what_it_would_see_when_run_alone(server: Served) -> None:
    seen = server.get("facts").json()
    assert seen["main"] is True
    assert seen["remote"] == {"transport": "tcp", "hostname": "127.0.0.1", "port": 0}
    assert [address["port"] for address in seen["listened"]] == [8000]
    assert seen["server"] == ["function"] * 3
    assert seen["finished"] is True


def test_what_a_function_prints_is_printed_with_its_name(server: Served) -> None:
    server.get("facts")
    for line in ("a line", "and another", "an error's line"):
        server.wait_for(rf"^\[facts\] {line}$")


@pytest.mark.parametrize("path", ["throws", "nothing"])
def test_a_handler_that_fails_is_told_by_the_servers_answer(server: Served, path: str) -> None:
    answer = server.get(f"failing/{path}")
    assert answer.status_code == 500
    assert answer.json()["code"] == "WORKER_ERROR"
    assert answer.headers["x-relay-error"] == "true"
    assert "it threw" not in answer.text
    assert server.get("failing").text == "still here"


def test_why_a_handler_failed_is_on_the_console_with_its_place(server: Served) -> None:
    server.get("failing/throws")
    server.wait_for(r"^\[failing\] RangeError: it threw\n\[failing\]     at .*index\.ts:4:\d+\)?$")
    server.get("failing/nothing")
    server.wait_for(r"^\[failing\] TypeError: the handler returned nothing instead of a Response$")


def test_a_function_may_answer_for_its_own_errors(server: Served) -> None:
    answer = server.get("excused")
    assert (answer.status_code, answer.text) == (418, "excused: it threw")
    assert "x-relay-error" not in answer.headers


@pytest.mark.parametrize("name", BROKEN)
def test_a_function_that_cannot_begin_is_a_boot_error(server: Served, name: str) -> None:
    answer = server.get(name)
    assert answer.status_code == 503
    assert answer.json() == {
        "code": "BOOT_ERROR",
        "message": "Worker failed to boot (please check logs)",
    }
    assert answer.headers["x-relay-error"] == "true"
    server.wait_for(rf"^\[{name}\] .*{re.escape(REASONS[name])}")
