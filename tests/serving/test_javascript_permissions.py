"""A function in JavaScript reaches what it was granted, and nothing else of the machine."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.answers import json_answer
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Head
from tests.serving.served import Served, served, write

PROBE = """
const { constructor: AsyncFunction } = Object.getPrototypeOf(async () => {});
Deno.serve(async (request) => {
  try {
    return Response.json({ value: await AsyncFunction(await request.text())() });
  } catch (error) {
    return Response.json({ failed: `${error.name}: ${error.message}` });
  }
});
"""

THROWING = 'Deno.serve(() => fetch("http://192.0.2.7:8080/"));'

CONFIG = """
[functions.granted]
allow_hosts = ["{host}"]
static_files = ["./static/*.html"]

[functions.anywhere]
allow_hosts = ["*"]

[edge_runtime.secrets]
OWN = "secret"
"""


@pytest.fixture(scope="module")
def named() -> Iterator[ScriptedServer]:
    """The server that one function may reach."""
    with ScriptedServer(json_answer("reached")) as running:
        yield running


@pytest.fixture(scope="module")
def unnamed() -> Iterator[ScriptedServer]:
    """The server that is named nowhere."""
    with ScriptedServer(json_answer("reached")) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, named: ScriptedServer) -> Iterator[Served]:
    files = {f"functions/{name}/index.ts": PROBE for name in ("probe", "granted", "anywhere")}
    files |= {
        "edgelet.toml": CONFIG.format(host=named.url.removeprefix("http://")),
        "functions/.env": "MORE=secret\n",
        "functions/throwing/index.ts": THROWING,
        "functions/granted/own.txt": "mine",
        "functions/probe/own.txt": "another's",
        "functions/probe/module.ts": "export const secret = 1;",
        "static/page.html": "static",
        "README": "the project's",
    }
    env = {"OF_THE_SHELL": "secret", "AWS_SECRET_ACCESS_KEY": "secret"}
    with served(write(tmp_path_factory.mktemp("project"), files), env=env) as running:
        yield running


def does(server: Served, source: str, function: str = "granted") -> str:
    """What a function's statement returns, or the error that it throws."""
    answer = server.post(function, content=source).json()
    return str(answer.get("failed", answer.get("value")))


def test_a_function_sees_the_variables_that_it_was_given_alone(server: Served) -> None:
    env = server.post("granted", content="return Deno.env.toObject()").json()["value"]
    assert env.keys() == {
        "OWN",
        "MORE",
        "SUPABASE_URL",
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        "SUPABASE_PUBLISHABLE_KEYS",
        "SUPABASE_SECRET_KEYS",
        "SUPABASE_DB_URL",
        "SB_REGION",
    }
    assert does(server, 'return (await import("node:process")).env.OF_THE_SHELL') == "None"


def test_a_host_that_was_named_is_reached(server: Served, named: ScriptedServer) -> None:
    assert does(server, f'return (await fetch("{named.url}")).json()') == "reached"


def test_a_host_that_was_not_named_is_refused(server: Served, unnamed: ScriptedServer) -> None:
    said = does(server, f'return (await fetch("{unnamed.url}")).json()')
    assert said.startswith("NotCapable: Requires net access to ")
    assert unnamed.url.removeprefix("http://") in said
    assert unnamed.requests == []


def test_a_host_that_was_named_cannot_send_on_to_another(
    server: Served, named: ScriptedServer, unnamed: ScriptedServer
) -> None:
    named.play_next([Head(302, {"location": unnamed.url}, framing=0)])
    try:
        said = does(server, f'return (await fetch("{named.url}")).json()')
    finally:
        named.play_next(json_answer("reached"))
    assert "Requires net access" in said
    assert unnamed.requests == []


def test_any_host_is_reached_where_all_were_named(server: Served, unnamed: ScriptedServer) -> None:
    source = f'return (await fetch("{unnamed.url}")).json()'
    assert does(server, source, "anywhere") == "reached"


def test_the_console_says_how_to_grant_a_host(server: Served) -> None:
    assert server.get("throwing").status_code == 500
    assert server.get("throwing").status_code == 500
    found = server.wait_for(r"^\[throwing\] throwing may not reach .*$")
    assert found[0] == (
        "[throwing] throwing may not reach 192.0.2.7:8080; "
        "name it in allow_hosts of [functions.throwing]"
    )
    assert server.output.count(found[0]) == 1


def test_a_function_reads_its_own_files_and_static_ones(server: Served) -> None:
    assert does(server, 'return Deno.readTextFile("own.txt")') == "mine"
    page = json.dumps(str(server.project / "static" / "page.html"))
    assert does(server, f"return Deno.readTextFile({page})") == "static"


@pytest.mark.parametrize(
    "path",
    ["functions/.env", "README", "edgelet.toml", "functions/probe/own.txt", "/etc/passwd"],
)
@pytest.mark.parametrize("function", ["granted", "anywhere"])
def test_a_function_reads_nothing_else(server: Served, function: str, path: str) -> None:
    place = json.dumps(str(server.project / path))
    assert "NotCapable" in does(server, f"return Deno.readTextFile({place})", function)


@pytest.mark.parametrize("path", ["own.txt", "../../README", "/tmp/made-by-a-function"])
def test_a_function_writes_nowhere(server: Served, path: str) -> None:
    assert "NotCapable" in does(server, f'await Deno.writeTextFile("{path}", "x")')
    assert not Path("/tmp/made-by-a-function").exists()


@pytest.mark.parametrize(
    "source",
    [
        'return new Deno.Command("/bin/sh").outputSync().code',
        'Deno.dlopen("libc.so.6", {})',
        "return Deno.hostname()",
        "Deno.kill(1, 'SIGTERM')",
        'return (await import(new URL("../probe/module.ts", Deno.mainModule).href)).secret',
        'return (await fetch(new URL("../probe/own.txt", Deno.mainModule))).text()',
        "return Deno.listen({ port: 0 }).addr.port",
    ],
)
def test_a_function_does_nothing_beside_computing(server: Served, source: str) -> None:
    assert re.search(r"Requires \w+ access", does(server, source))


def test_a_function_starts_no_program_by_way_of_node(server: Served, tmp_path: Path) -> None:
    command = json.dumps(f"echo > {tmp_path}/made")
    source = f'return (await import("node:child_process")).execSync({command})'
    assert does(server, source).startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_function_cannot_be_granted_more_by_asking(server: Served) -> None:
    source = 'return (await Deno.permissions.request({ name: "run" })).state'
    assert does(server, source) == "denied"


THROUGH = """
const client = Deno.createHttpClient({{ proxy: {{ transport: "unix", path: "{path}" }} }});
const headers = {{ authorization: "{authorization}" }};
const url = "http://edgelet.invalid/call";
return (await fetch(url, {{ client, headers, method: "POST", body: "{{}}" }})).status;
"""


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", "wrong"])
def test_the_door_is_closed_to_a_wrong_token(server: Served, authorization: str) -> None:
    path = _sockets(server)["door"]
    assert does(server, THROUGH.format(path=path, authorization=authorization)) == "401"


@pytest.mark.parametrize("function", ["granted", "anywhere"])
def test_another_functions_socket_cannot_be_reached(server: Served, function: str) -> None:
    path = _sockets(server)["probe"]
    assert "NotCapable" in does(server, THROUGH.format(path=path, authorization=""), function)


def test_a_function_does_not_find_its_token(server: Served) -> None:
    commands = _commands(server)
    source = """
        const reader = async () => (await Deno.stdin.readable.getReader().read()).value;
        const tried = await Promise.allSettled([Deno.readTextFile("/proc/self/environ"),
          Deno.readTextFile("/proc/self/cmdline"), reader()]);
        return [Deno.args, Object.keys(Deno.env.toObject()).filter((each) => /token/i.test(each)),
          tried.map(({ status }) => status)]
    """
    seen = server.post("granted", content=source).json()["value"]
    assert seen == [[], [], ["rejected", "rejected", "rejected"]]
    assert "token" not in commands.lower()
    assert "secret" not in commands.lower()


def _commands(server: Served) -> str:
    for name in ("probe", "granted", "anywhere"):
        does(server, "return 1", name)
    pids = subprocess.run(
        ["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    listed = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]
    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in pids]
    return b"\n".join(listed + environments).replace(b"\0", b" ").decode()


def _sockets(server: Served) -> dict[str, str]:
    """Where the door is, and where the function probe listens."""
    commands = _commands(server)
    [command] = [each for each in commands.split("\n") if each.rstrip().endswith("/probe/index.ts")]
    listens, door = re.findall(r"unix:([^,\s]+)", command)[:2]
    return {"probe": listens, "door": door}
