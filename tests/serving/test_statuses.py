"""What a client is told when a function does not answer, and what is on the console instead."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.sandbox.test_requirements import make_wheel
from tests.serving.served import Served, served, write

PYTHON = """
import asyncio
from edgelet import Request, Response, serve

class Unforeseen(Exception):
    pass

@serve
async def handler(request: Request):
    match request.path.split("/")[2:]:
        case ["fails"]:
            raise Unforeseen("the reason of the failure")
        case ["nothing"]:
            return None
        case ["silent"]:
            await asyncio.sleep(3600)
        case ["loops"]:
            while True:
                pass
        case ["fills"]:
            kept = []
            while True:
                kept.append(b"x" * 1_000_000)
        case ["breaks-off"]:
            return Response.stream(breaking())
        case ["own", status]:
            return Response.json({"own": True}, status=int(status))
    return Response("fine")

async def breaking():
    yield "a beginning"
    raise Unforeseen("the reason of the break")
"""

JAVASCRIPT = """
class Unforeseen extends Error {
  name = "Unforeseen";
}

const breaking = () =>
  new ReadableStream({
    start: (into) => into.enqueue(new TextEncoder().encode("a beginning")),
    pull: () => {
      throw new Unforeseen("the reason of the break");
    },
  });

Deno.serve(async (request: Request) => {
  const [what, status] = new URL(request.url).pathname.split("/").slice(2);
  if (what === "fails") throw new Unforeseen("the reason of the failure");
  if (what === "nothing") return undefined as unknown as Response;
  if (what === "silent") await new Promise(() => {});
  if (what === "exits") Deno.exit(3);
  if (what === "loops") for (;;);
  for (const kept: unknown[] = []; what === "fills"; ) kept.push(new Array(100_000).fill(0.5));
  if (what === "breaks-off") return new Response(breaking());
  if (what === "own") return Response.json({ own: true }, { status: Number(status) });
  return new Response("fine");
});
"""

UNBOOTED = {
    "py-syntax": ("main.py", "def handler(:\n", r"SyntaxError: .*"),
    "py-raises": ("main.py", "raise RuntimeError('not today')\n", r"RuntimeError: not today"),
    "py-imports": ("main.py", "import nowhere\n", r"ModuleNotFoundError: .*nowhere.*"),
    "py-nothing": ("main.py", "import edgelet\n", r".*serves no handler.*"),
    "js-syntax": ("index.ts", "Deno.serve(() => new Response(;", r".*Expression expected.*"),
    "js-raises": ("index.ts", "throw new RangeError('not today');", r"RangeError: not today.*"),
    "js-imports": ("index.ts", "import './nowhere.ts';", r".*nowhere\.ts.*"),
    "js-nothing": ("index.ts", "export const nothing = 1;", r".*serves no handler.*"),
}

COMPILED = {
    "native": "cannot be installed as pure Python: .*native",
    "hidden": "needs core.so, which is not pure Python",
}

CONFIGURATION = """
[functions.py-patient]
timeout_s = 1
[functions.js-patient]
timeout_s = 1
[functions.js]
memory_mb = 64
[functions.py]
memory_mb = 64
[functions.off]
enabled = false
"""

BOOT_ERROR = (503, "BOOT_ERROR", "Worker failed to boot (please check logs)")
WORKER_ERROR = (500, "WORKER_ERROR", "Function exited due to an error (please check logs)")
WORKER_LIMIT = (
    546,
    "WORKER_LIMIT",
    "Worker failed to respond due to a resource limit (please check logs)",
)
IDLE_TIMEOUT = (504, "IDLE_TIMEOUT", "Request idle timeout limit (1s) reached")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    files = {f"functions/{name}/{file}": text for name, (file, text, _) in UNBOOTED.items()}
    files |= {f"functions/{name}/main.py": PYTHON for name in ("py", "py-patient", "off")}
    files |= {f"functions/{name}/index.ts": JAVASCRIPT for name in ("js", "js-patient")}
    for package in COMPILED:
        files[f"functions/py-{package}/main.py"] = PYTHON
        files[f"functions/py-{package}/requirements.txt"] = f"{package}\n"
    files["edgelet.toml"] = CONFIGURATION
    index = tmp_path_factory.mktemp("index")
    make_wheel(index, "native", "cp314-cp314-manylinux_2_28_x86_64", {"native/core.so": "ELF"})
    make_wheel(index, "hidden", "py3-none-any", {"hidden/core.so": "ELF"})
    env = {"PIP_INDEX_URL": index.as_uri(), "PIP_CONFIG_FILE": "/dev/null"}
    with served(write(tmp_path_factory.mktemp("project"), files), env=env) as running:
        yield running


def is_relayed(answer: httpx2.Response, expected: tuple[int, str, str]) -> None:
    """The answer is the gateway's own, to the byte."""
    status, code, message = expected
    assert answer.status_code == status
    assert answer.text == json.dumps({"code": code, "message": message}, separators=(",", ":"))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-relay-error"] == "true"
    assert answer.headers["x-region"] == "local"
    assert answer.headers["access-control-allow-origin"] == "*"


both = pytest.mark.parametrize("name", ["py", "js"])


@pytest.mark.parametrize("path", ["nobody", "nobody/below", "off", "", "py%2F", "/py", "Py"])
def test_a_function_that_is_not_there_is_not_found(server: Served, path: str) -> None:
    answer = server.get(path)
    assert (answer.status_code, answer.text) == (404, "Function not found")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-relay-error" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/functions", "/functions/v1", "/functions/v2/py", "/py"])
def test_nothing_is_found_outside_the_functions(server: Served, path: str) -> None:
    answer = httpx2.get(f"{server.url}{path}", headers=server.authorization)
    assert (answer.status_code, answer.text) == (404, "Function not found")


@pytest.mark.parametrize("name", UNBOOTED)
def test_a_function_that_cannot_be_loaded_is_a_boot_error(server: Served, name: str) -> None:
    for _ in range(2):
        is_relayed(server.get(name), BOOT_ERROR)
    reason = UNBOOTED[name][2]
    server.wait_for(rf"^\[{name}\] the function {name} cannot be loaded: {reason}$")


@pytest.mark.parametrize("package", COMPILED)
def test_a_package_that_is_not_pure_python_is_a_boot_error(server: Served, package: str) -> None:
    is_relayed(server.get(f"py-{package}"), BOOT_ERROR)
    server.wait_for(rf"^\[py-{package}\] .*{COMPILED[package]}")


@both
@pytest.mark.parametrize("path", ["fails", "nothing"])
def test_a_handler_that_fails_is_a_worker_error(server: Served, name: str, path: str) -> None:
    is_relayed(server.get(f"{name}/{path}"), WORKER_ERROR)
    assert server.get(name).text == "fine"


@both
def test_why_a_handler_failed_is_on_the_console_alone(server: Served, name: str) -> None:
    assert "reason" not in server.get(f"{name}/fails").text
    server.wait_for(rf"^\[{name}\] .*Unforeseen: the reason of the failure$")
    file = "main.py" if name == "py" else "index.ts"
    server.wait_for(rf"^\[{name}\] .*{re.escape(file)}.*\d+")


def test_a_process_that_ends_is_a_worker_error_and_the_next_one_answers(server: Served) -> None:
    is_relayed(server.get("js/exits"), WORKER_ERROR)
    server.wait_for(r"^\[js\] .*exit code 3.*$")
    assert server.get("js").text == "fine"


@both
def test_a_function_that_does_not_answer_in_time_is_told_so(server: Served, name: str) -> None:
    is_relayed(server.get(f"{name}-patient/silent"), IDLE_TIMEOUT)
    server.wait_for(rf"^\[{name}-patient\] .*within 1 s; allow more with timeout_s$")
    assert server.get(f"{name}-patient").text == "fine"


LIMITS = {
    "py/loops": r"2000 ms of CPU time",
    "py/fills": r"64 MB of memory",
    "js/fills": r"64 MB of memory",
}


@pytest.mark.parametrize("path", LIMITS)
def test_a_function_that_uses_too_much_ends_alone(server: Served, path: str) -> None:
    name, neighbour = path[:2], ("js-patient" if path.startswith("py") else "py-patient")
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(server.get, path)
        assert server.get(neighbour).text == "fine"
        is_relayed(asked.result(), WORKER_LIMIT)
    server.wait_for(rf"^\[{name}\] the function {name} was ended: .*{LIMITS[path]}")
    assert server.get(name).text == "fine"
    assert server.get(neighbour).text == "fine"


def test_a_function_that_never_pauses_ends_though_nobody_waits_for_it(server: Served) -> None:
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(server.get, "js/loops")
        is_relayed(server.get("js-patient/loops"), IDLE_TIMEOUT)
        assert server.get("py").text == "fine"
        is_relayed(asked.result(), WORKER_LIMIT)
    for name in ("js", "js-patient"):
        server.wait_for(rf"^\[{name}\] the function {name} was ended: it kept its event loop busy")
        assert server.get(name).text == "fine"


@both
def test_an_answer_that_breaks_off_is_no_whole_one(server: Served, name: str) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        server.get(f"{name}/breaks-off")
    server.wait_for(r"Unforeseen: the reason of the break")
    assert server.get(name).text == "fine"


@both
@pytest.mark.parametrize("status", [400, 401, 404, 500, 503, 504, 546])
def test_what_a_function_answers_itself_stays_its_own(
    server: Served, name: str, status: int
) -> None:
    answer = server.get(f"{name}/own/{status}")
    assert (answer.status_code, answer.text) == (status, '{"own":true}')
    assert "x-relay-error" not in answer.headers
    assert answer.headers["x-region"] == "local"


def test_the_region_that_is_asked_for_answers(server: Served) -> None:
    for path in ("py", "nobody", "py-syntax"):
        answer = server.get(path, headers={"x-region": "eu-central-1"})
        assert answer.headers["x-region"] == "eu-central-1"


def test_the_server_says_that_it_is_there(server: Served) -> None:
    answer = httpx2.get(f"{server.url}/_internal/health")
    assert (answer.status_code, answer.json()) == (200, {"message": "ok"})


def test_the_console_says_of_each_request_how_it_ended(server: Served) -> None:
    server.get("py/own/418?secret=yes")
    server.wait_for(r"^GET /functions/v1/py/own/418 418 \d+ ms$")
    server.get("nobody/at-all")
    server.wait_for(r"^GET /functions/v1/nobody/at-all 404 \d+ ms$")
    assert "secret=yes" not in server.output
