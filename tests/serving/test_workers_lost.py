"""A process that is lost costs the requests it held, and nothing else; none shows a secret."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.serving.hostile import prompt_neighbours
from tests.serving.processes import alive, children, command_line
from tests.serving.served import Served, served, write
from tests.serving.test_reload import until

SECRET = "s3cr3t-value-of-the-project"
LANGUAGES = ["py", "js"]

PYTHON = """
import asyncio, os
from edgelet import Response, serve

@serve
async def handler(request):
    if "wait" not in request.query:
        return Response("prompt")
    print("waiting", len(os.environ["OWN_SECRET"]))
    await asyncio.sleep(60)
    return Response("too late")
"""

JAVASCRIPT = """
Deno.serve(async (request) => {
  if (!request.url.includes("wait")) return new Response("prompt");
  console.log("waiting", Deno.env.get("OWN_SECRET").length);
  await new Promise((resolve) => setTimeout(resolve, 60000));
  return new Response("too late");
});
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = write(
        tmp_path_factory.mktemp("project"),
        {
            "functions/py/main.py": PYTHON,
            "functions/js/index.ts": JAVASCRIPT,
            "functions/neighbour/index.ts": JAVASCRIPT,
            "functions/.env": f"OWN_SECRET={SECRET}\n",
        },
    )
    with served(project, "--preload") as running:
        yield running


class Waiting:
    """Requests that wait in a function's process."""

    def __init__(self, server: Served, name: str, number: int = 1) -> None:
        before = server.output.count(f"[{name}] waiting")
        self.answers: list[httpx2.Response] = []
        self._asking = [
            threading.Thread(target=lambda: self.answers.append(server.get(f"{name}?wait=1")))
            for _ in range(number)
        ]
        for each in self._asking:
            each.start()
        until(lambda: server.output.count(f"[{name}] waiting"), before + number)

    @property
    def left(self) -> int:
        return sum(each.is_alive() for each in self._asking)

    def ended(self) -> list[httpx2.Response]:
        for each in self._asking:
            each.join()
        return self.answers


def workers(server: Served) -> list[int]:
    return [pid for pid in children(server.process.pid) if "sandbox.worker" in command_line(pid)]


def deno(server: Served, name: str) -> int:
    entry = f"functions/{name}/index.ts"
    (found,) = [pid for pid in children(server.process.pid) if entry in command_line(pid)]
    return found


def is_lost(answer: httpx2.Response) -> bool:
    return (
        answer.status_code == 500
        and answer.json()["code"] == "WORKER_ERROR"
        and answer.headers["x-relay-error"] == "true"
    )


def test_a_worker_of_the_sandbox_that_is_killed_costs_what_it_held(server: Served) -> None:
    with prompt_neighbours(server, "neighbour"):
        waiting, killed = Waiting(server, "py"), workers(server)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert [is_lost(each) for each in waiting.ended()] == [True]
        server.wait_for(r"^\[py\] .*signal 9")
        assert server.get("py").text == "prompt"
        until(lambda: len(workers(server)), len(killed))
        assert not set(killed) & set(workers(server))


def test_of_two_workers_the_other_keeps_what_it_runs(server: Served) -> None:
    if len(workers(server)) < 2:
        pytest.skip("on one core there is one worker")
    waiting = Waiting(server, "py", 4)
    os.kill(workers(server)[0], signal.SIGKILL)
    until(lambda: len(waiting.answers) > 0, True)
    assert all(is_lost(each) for each in waiting.answers)
    assert 0 < waiting.left < 4
    for pid in workers(server):
        os.kill(pid, signal.SIGKILL)
    assert [is_lost(each) for each in waiting.ended()] == [True] * 4
    assert server.get("py").text == "prompt"


def test_a_process_of_deno_that_is_killed_costs_what_it_held(server: Served) -> None:
    with prompt_neighbours(server, "neighbour", "py"):
        waiting, killed = Waiting(server, "js", 3), deno(server, "js")
        os.kill(killed, signal.SIGKILL)
        assert [is_lost(each) for each in waiting.ended()] == [True] * 3
        server.wait_for(r"^\[js\] .*SIGKILL")
        assert server.get("js").text == "prompt"
        assert deno(server, "js") != killed
        assert not alive(killed)


def test_a_worker_that_is_lost_while_code_is_loaded_breaks_no_function(server: Served) -> None:
    long = "".join(f"def f{number}(x):\n    return x + {number}\n\n" for number in range(20_000))
    for attempt in range(1, 20):
        write(server.project, {"functions/long/main.py": f"{PYTHON}{long}# {attempt}"})
        time.sleep(0.1 * attempt)
        for pid in workers(server):
            os.kill(pid, signal.SIGKILL)
        until(lambda: server.get("long").text, "prompt")
        if re.search(r"^\[long\] .*signal 9", server.output, re.MULTILINE):
            return
    pytest.fail("no worker was killed while it loaded code")


def test_no_command_line_and_no_output_shows_a_secret(server: Served) -> None:
    for language in LANGUAGES:
        assert server.get(language).text == "prompt"
    shown = [command_line(pid) for pid in (server.process.pid, *children(server.process.pid))]
    assert sum("deno" in each for each in shown) >= 2
    assert any("sandbox.worker" in each for each in shown)
    keys = ("SERVICE_ROLE", "eyJ", SECRET, "super-secret-jwt-token")
    assert [each for each in shown if any(key in each for key in keys)] == []
    assert SECRET not in server.output


def test_no_environment_but_the_functions_own_shows_a_secret(server: Served) -> None:
    environments = [
        Path(f"/proc/{pid}/environ").read_bytes() for pid in children(server.process.pid)
    ]
    assert len(environments) >= 3
    assert not any(SECRET.encode() in each for each in environments)
