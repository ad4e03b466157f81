"""A function in JavaScript reaches what it was granted, and nothing else of the machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.answers import json_answer
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Head
from tests.serving.javascript_probe import PROBE, does, process_of
from tests.serving.processes import command_line
from tests.serving.served import Served, served, write

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


def says(server: Served, source: str, function: str = "granted") -> str:
    """What a function's statements return, or the error that they throw."""
    return str(does(server, function, source))


def test_a_function_sees_the_variables_that_it_was_given_alone(server: Served) -> None:
    env = does(server, "granted", "return Deno.env.toObject()")
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
    assert says(server, 'return (await import("node:process")).env.OF_THE_SHELL') == "None"


def test_a_host_that_was_named_is_reached(server: Served, named: ScriptedServer) -> None:
    assert says(server, f'return (await fetch("{named.url}")).json()') == "reached"


def test_a_host_that_was_not_named_is_refused(server: Served, unnamed: ScriptedServer) -> None:
    said = says(server, f'return (await fetch("{unnamed.url}")).json()')
    assert said.startswith("NotCapable: Requires net access to ")
    assert unnamed.url.removeprefix("http://") in said
    assert unnamed.requests == []


def test_a_host_that_was_named_cannot_send_on_to_another(
    server: Served, named: ScriptedServer, unnamed: ScriptedServer
) -> None:
    named.play_next([Head(302, {"location": unnamed.url}, framing=0)])
    try:
        said = says(server, f'return (await fetch("{named.url}")).json()')
    finally:
        named.play_next(json_answer("reached"))
    assert "Requires net access" in said
    assert unnamed.requests == []


def test_any_host_is_reached_where_all_were_named(server: Served, unnamed: ScriptedServer) -> None:
    source = f'return (await fetch("{unnamed.url}")).json()'
    assert says(server, source, "anywhere") == "reached"


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
    assert says(server, 'return Deno.readTextFile("own.txt")') == "mine"
    page = json.dumps(str(server.project / "static" / "page.html"))
    assert says(server, f"return Deno.readTextFile({page})") == "static"


@pytest.mark.parametrize(
    "path",
    ["functions/.env", "README", "edgelet.toml", "functions/probe/own.txt", "/etc/passwd"],
)
@pytest.mark.parametrize("function", ["granted", "anywhere"])
def test_a_function_reads_nothing_else(server: Served, function: str, path: str) -> None:
    place = json.dumps(str(server.project / path))
    assert "NotCapable" in says(server, f"return Deno.readTextFile({place})", function)


@pytest.mark.parametrize("place", ["functions/granted/new.txt", "new.txt"])
def test_a_function_writes_nowhere(server: Served, place: str) -> None:
    path = server.project / place
    assert "NotCapable" in says(server, f'await Deno.writeTextFile("{path}", "x")')
    assert not path.exists()


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
    assert re.search(r"Requires \w+ access", says(server, source))


def test_a_function_starts_no_program_by_way_of_node(server: Served, tmp_path: Path) -> None:
    command = json.dumps(f"echo > {tmp_path}/made")
    source = f'return (await import("node:child_process")).execSync({command})'
    assert says(server, source).startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_function_cannot_be_granted_more_by_asking(server: Served) -> None:
    source = 'return (await Deno.permissions.request({ name: "run" })).state'
    assert says(server, source) == "denied"


THROUGH = """
const client = Deno.createHttpClient({{ proxy: {{ transport: "unix", path: "{path}" }} }});
const headers = {{ authorization: "{authorization}" }};
const url = "http://edgelet.invalid/call";
return (await fetch(url, {{ client, headers, method: "POST", body: "{{}}" }})).status;
"""


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", "wrong"])
def test_the_door_is_closed_to_a_wrong_token(server: Served, authorization: str) -> None:
    path = _sockets(server, "granted")["door"]
    assert says(server, THROUGH.format(path=path, authorization=authorization)) == "401"


def test_a_function_that_removes_its_door_hurts_nobody_else(server: Served) -> None:
    path = json.dumps(_sockets(server, "anywhere")["door"])
    says(server, f"Deno.removeSync({path})", "anywhere")
    ask = "return (await new Supabase.ai.Session('all-MiniLM-L6-v2').run('Hello')).length"
    assert says(server, ask, "granted") == "384"


@pytest.mark.parametrize("socket", ["function", "door"])
@pytest.mark.parametrize("function", ["granted", "anywhere"])
def test_another_functions_socket_cannot_be_reached(
    server: Served, function: str, socket: str
) -> None:
    path = _sockets(server, "probe")[socket]
    assert "NotCapable" in says(server, THROUGH.format(path=path, authorization=""), function)


def test_a_function_does_not_find_its_token(server: Served) -> None:
    source = """
        const reader = async () => (await Deno.stdin.readable.getReader().read()).value;
        const tried = await Promise.allSettled([Deno.readTextFile("/proc/self/environ"),
          Deno.readTextFile("/proc/self/cmdline"), reader()]);
        return [Deno.args, Object.keys(Deno.env.toObject()).filter((each) => /token/i.test(each)),
          tried.map(({ status }) => status)]
    """
    seen = does(server, "granted", source)
    assert seen == [[], [], ["rejected", "rejected", "rejected"]]
    pid = process_of(server, "granted")
    shown = command_line(pid) + Path(f"/proc/{pid}/environ").read_text()
    assert "token" not in shown.lower()
    assert "secret" not in shown.lower()


def _sockets(server: Served, function: str) -> dict[str, str]:
    """Where a function listens, and where its door is."""
    says(server, "return 1", function)
    command = command_line(process_of(server, function))
    folder = re.findall(r"--allow-write=(\S+)/function,", command)[0]
    return {name: f"{folder}/{name}" for name in ("function", "door")}
