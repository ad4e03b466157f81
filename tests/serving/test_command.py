"""`edgelet functions serve` as it is typed: what it prints, and how it refuses."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect

from tests.cli.processes import EDGELET, Ended, run
from tests.serving.served import Served, served, write
from tests.serving.test_reload import until

PYTHON = """
from edgelet import Response, serve

@serve
def handler(request):
    return Response("from Python")
"""
JAVASCRIPT = 'Deno.serve(() => new Response("from JavaScript"));'
INSPECTOR = 8083
LOCAL_SECRET = (
    "everyone knows the local JWT secret, and this server can be reached from other machines"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path, {"functions/py/main.py": PYTHON})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = write(
        tmp_path_factory.mktemp("project"),
        {
            "functions/py/main.py": PYTHON,
            "functions/js/index.ts": JAVASCRIPT,
            "functions/open/main.py": PYTHON,
            "edgelet.toml": "[functions.open]\nverify_jwt = false\n",
        },
    )
    with served(project, "--quiet") as running:
        yield running


def refused(project: Path, *options: str, **variables: str) -> str:
    """What the command says when it does not serve: one sentence."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(project)
        ended = run(EDGELET, "functions", "serve", *options, **variables)
    return sentence(ended)


def sentence(ended: Ended) -> str:
    assert ended.code == 1, ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err
    (line,) = ended.err.splitlines()
    return line


def test_each_function_has_its_url_and_language(server: Served) -> None:
    for name, language in (("py", "python"), ("js", "javascript"), ("open", "python")):
        assert re.search(
            rf"^  {name} +{language} +{server.function(name)}$", server.output, re.MULTILINE
        )
    assert server.output.startswith(f"Serving 3 functions at {server.url}/functions/v1\n")


def test_the_lines_that_call_them_can_be_pasted(server: Served) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    export = next(line for line in server.output.splitlines() if "export ANON_KEY=" in line)
    curls = [line for line in server.output.splitlines() if line.startswith("  curl ")]
    assert len(curls) == 3
    assert sum("ANON_KEY" in each for each in curls) == 2
    heard = [
        subprocess.run(
            ["bash", "-c", f"{export}\n{curl} --silent --show-error --fail"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for curl in curls
    ]
    assert sorted(heard) == ["from JavaScript", "from Python", "from Python"]


def test_quietly_no_request_is_a_line(server: Served) -> None:
    assert server.get("py").is_success
    assert server.get("nothing").status_code == 404
    assert "GET" not in server.output


def test_without_quiet_each_request_is_a_line_without_its_query(project: Path) -> None:
    with served(project, deno=False) as server:
        assert server.output.startswith("Serving 1 function at ")
        server.get("py/below?token=hidden")
        server.wait_for(r"^GET /functions/v1/py/below 200 \d+ ms$")
        assert "hidden" not in server.output


def test_only_the_functions_that_are_named_are_served(project: Path) -> None:
    write(project, {"functions/other/main.py": PYTHON})
    with served(project, "py", deno=False) as server:
        assert server.get("py").text == "from Python"
        assert server.get("other").status_code == 404
        assert "other" not in server.output.partition("Call them")[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_listens_where_it_is_told_to(project: Path, host: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with served(project, "--host", host, deno=False) as server:
        assert f"http://[{host}]:" in server.url or f"http://{host}:" in server.url
        assert server.get("py").text == "from Python"
        assert LOCAL_SECRET not in server.output


def test_a_port_is_where_it_is_served(project: Path) -> None:
    port = free_port()
    with served(project, "--port", str(port), deno=False) as server:
        assert server.url == f"http://127.0.0.1:{port}"
        assert server.get("py").text == "from Python"


def test_beyond_this_machine_the_local_secret_protects_nothing(project: Path) -> None:
    with served(project, "--host", "0.0.0.0", deno=False) as server:
        server.wait_for(re.escape(LOCAL_SECRET))
        assert server.get("py").text == "from Python"
    write(project, {"edgelet.toml": f'[auth]\njwt_secret = "{"own-secret" * 4}"\n'})
    with served(project, "--host", "0.0.0.0", deno=False) as server:
        assert LOCAL_SECRET not in server.output


def test_a_port_that_is_taken_is_told_before_anything_is_started(project: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        nothing = str(project / "cache")
        said = refused(project, "--port", port, XDG_CACHE_HOME=nothing)
        assert not Path(nothing, "edgelet").exists()
    assert said == (
        f"error: cannot listen at 127.0.0.1, port {port}: Address already in use; "
        f"choose another with --host or --port"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["nothing"], "there is no function 'nothing' in .*/functions; make one with: edgelet"),
        (["--host", "no.such.host.invalid"], "cannot listen at no.such.host.invalid, port 54321: "),
        (["--inspect"], "--inspect needs the name of one function in JavaScript"),
        (["py", "--inspect"], "--inspect needs the name of one function in JavaScript"),
        (["--env-file", "gone"], "--env-file gone: there is no such file"),
        (["--import-map", "gone"], "--import-map gone: there is no such file"),
    ],
)
def test_what_cannot_be_is_one_sentence(project: Path, options: list[str], said: str) -> None:
    assert re.match(f"error: {said}", refused(project, *options))


def test_inspecting_needs_the_name_of_one_of_two(project: Path) -> None:
    write(project, {f"functions/{name}/index.ts": JAVASCRIPT for name in ("one", "two")})
    assert "--inspect needs the name of one" in refused(project, "--inspect")
    assert "--inspect needs the name of one" in refused(project, "one", "two", "--inspect")


def test_without_functions_there_is_nothing_to_serve(tmp_path: Path) -> None:
    assert re.fullmatch(
        "error: there are no functions in .*/functions; make one with: edgelet functions new hello",
        refused(tmp_path),
    )


@pytest.mark.parametrize("port", ["70000", "-1", "web"])
def test_a_port_is_a_number_of_a_port(project: Path, port: str) -> None:
    ended = run(EDGELET, "functions", "serve", "--port", port)
    assert ended.code == 2
    assert "--port" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("package", ["uvicorn", "pyjwt", "httptools"])
def test_a_package_that_is_missing_is_one_sentence(project: Path, package: str) -> None:
    without = (
        "import importlib.metadata as metadata, sys\n"
        "found = metadata.version\n"
        "def version(name):\n"
        f"    if name == {package!r}: raise metadata.PackageNotFoundError(name)\n"
        "    return found(name)\n"
        "metadata.version = version\n"
        f"sys.modules[{package!r}] = None\n"
        "from edgelet_host.cli import main\n"
        "sys.argv = ['edgelet', 'functions', 'serve']\n"
        "main()\n"
    )
    assert sentence(run([sys.executable, "-c", without])) == (
        f"error: running functions needs the package {package}, which is not installed; "
        f'get it with: pip install "edgelet[functions]"'
    )


def test_help_has_examples() -> None:
    ended = run(EDGELET, "functions", "serve", "--help")
    assert ended.code == 0
    for example in ("edgelet functions serve hello embed --port 8000", "--inspect", "--no-sandbox"):
        assert example in ended.out


def test_without_deno_functions_in_python_are_served_all_the_same(project: Path) -> None:
    write(project, {"functions/js/index.ts": JAVASCRIPT})
    nowhere = str(project / "bin")
    env = {"PATH": nowhere, "EDGELET_DENO": ""}
    with served(project, env=env, deno=False) as server:
        assert server.get("py").text == "from Python"
        answer = server.get("js")
        assert answer.status_code == 503
        assert answer.json()["code"] == "BOOT_ERROR"
        server.wait_for(
            r"^\[js\] functions in JavaScript need Deno, which was not found; "
            r"install it from https://deno.com or with `npm install deno`$"
        )


def test_a_debugger_finds_the_function(project: Path) -> None:
    write(project, {"functions/js/index.ts": JAVASCRIPT})
    if not is_free(INSPECTOR):
        pytest.skip(f"something else listens at port {INSPECTOR}")
    with served(project, "js", "--inspect") as server:
        assert debugged(server) == "from JavaScript"
        write(project, {"functions/js/index.ts": JAVASCRIPT.replace("from", "anew from")})
        server.wait_for(r"^\[js\] loaded anew$")
        assert debugged(server) == "anew from JavaScript"
    assert is_free(INSPECTOR)


def debugged(server: Served) -> str:
    """Ask the function, which waits for a debugger, and be the debugger that lets it run."""
    heard: list[str] = []
    asking = threading.Thread(target=lambda: heard.append(server.get("js").text))
    asking.start()
    until(lambda: len(targets()), 1)
    (target,) = targets()
    assert target["webSocketDebuggerUrl"].startswith(f"ws://127.0.0.1:{INSPECTOR}/")
    assert "index.ts" in target["url"]
    with connect(target["webSocketDebuggerUrl"]) as debugger:
        debugger.send(json.dumps({"id": 1, "method": "Runtime.runIfWaitingForDebugger"}))
        assert json.loads(debugger.recv(timeout=30))["id"] == 1
        asking.join()
    return heard[0]


def targets() -> list[dict[str, str]]:
    """What the inspector lists; nothing when there is none."""
    try:
        listed: list[dict[str, str]] = httpx2.get(f"http://127.0.0.1:{INSPECTOR}/json").json()
    except httpx2.TransportError:
        return []
    return listed


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port: int = found.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
