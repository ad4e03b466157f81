"""The server stops in order, at any signal, and nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.serving.processes import alive, children
from tests.serving.served import Served, served, starting, write

STOPPED_WITHIN = 15.0

PYTHON = """
import asyncio
from edgelet import Response, serve

@serve
async def handler(request):
    print("begun py", request.query["s"])
    await asyncio.sleep(float(request.query["s"]))
    return Response("slept")
"""

JAVASCRIPT = """
Deno.serve(async (request) => {
  const seconds = Number(new URL(request.url).searchParams.get("s"));
  console.log("begun js", seconds);
  if (seconds < 0) for (;;);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return new Response("slept");
});
"""

BACKGROUND = """
Deno.serve(() => {
  EdgeRuntime.waitUntil(new Promise(() => setInterval(() => {}, 1000)));
  return new Response("goes on");
});
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        {
            "functions/py/main.py": PYTHON,
            "functions/js/index.ts": JAVASCRIPT,
            "functions/background/index.ts": BACKGROUND,
        },
    )


@pytest.fixture
def run_folders() -> Iterator[Path]:
    """Where the server keeps its temporary folders, nobody else's among them."""
    with tempfile.TemporaryDirectory(prefix="tmp-") as folder:
        yield Path(folder)


class Asking(threading.Thread):
    """A request that is under way."""

    def __init__(self, server: Served, path: str) -> None:
        super().__init__(daemon=True)
        self._ask = lambda: server.get(path)
        self.outcome = ""
        self.start()

    def run(self) -> None:
        try:
            answer = self._ask()
        except httpx2.HTTPError as error:
            self.outcome = f"broken off: {type(error).__name__}"
        else:
            self.outcome = f"{answer.status_code} {answer.text}"

    def result(self) -> str:
        self.join(STOPPED_WITHIN)
        return self.outcome


def ask(server: Served, name: str, seconds: float) -> Asking:
    """Ask, and wait until the function has begun."""
    asking = Asking(server, f"{name}?s={seconds:g}")
    server.wait_for(rf"begun {name} {seconds:g}")
    return asking


def refuses(server: Served) -> bool:
    host, _, port = server.url.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until_it_refuses(server: Served, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not refuses(server):
        assert time.monotonic() < end, "it still accepts connections"
        time.sleep(0.02)


def in_group_of(pid: int, others: list[int]) -> list[int]:
    return [each for each in others if os.getpgid(each) == os.getpgid(pid)]


def wait_until_gone(pids: list[int], seconds: float) -> None:
    end = time.monotonic() + seconds
    while left := [pid for pid in pids if alive(pid)]:
        assert time.monotonic() < end, f"processes are left: {left}"
        time.sleep(0.05)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_what_is_in_flight_is_answered_and_nothing_stays_behind(
    project: Path, run_folders: Path, sign: signal.Signals, code: int
) -> None:
    with served(project, env={"TMPDIR": str(run_folders)}) as server:
        waiting = [ask(server, "py", 3), ask(server, "js", 3)]
        started = children(server.process.pid)
        assert len(started) >= 2, "Deno and at least one worker"
        assert list(run_folders.glob("edgelet-*"))
        server.process.send_signal(sign)
        if sign == signal.SIGINT:  # a terminal sends it to the whole group
            for pid in in_group_of(server.process.pid, started):
                os.kill(pid, sign)
        wait_until_it_refuses(server)
        assert all(each.is_alive() for each in waiting), "they are still being answered"
        assert [each.result() for each in waiting] == ["200 slept"] * 2
        assert server.stop(sign) == code
        assert [pid for pid in started if alive(pid)] == []
        assert list(run_folders.glob("edgelet-*")) == []
        assert "Traceback" not in server.output


def test_what_takes_for_ever_is_broken_off(project: Path, run_folders: Path) -> None:
    with served(project, env={"TMPDIR": str(run_folders)}) as server:
        endless = [ask(server, "py", 1000), ask(server, "js", 1000)]
        started = children(server.process.pid)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < STOPPED_WITHIN
        assert all(each.result() not in ("", "200 slept") for each in endless)
        assert [pid for pid in started if alive(pid)] == []
        assert list(run_folders.glob("edgelet-*")) == []
        assert "Traceback" not in server.output


def test_background_work_of_old_and_new_code_holds_up_no_stop(project: Path) -> None:
    with served(project) as server:
        assert server.get("background").text == "goes on"
        write(project, {"functions/background/index.ts": f"// anew\n{BACKGROUND}"})
        server.wait_for(r"^\[background\] loaded anew")
        assert server.get("background").text == "goes on"
        started = children(server.process.pid)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < STOPPED_WITHIN
        assert [pid for pid in started if alive(pid)] == []


@pytest.mark.parametrize("seconds", [1000, -1])
def test_when_the_server_is_killed_its_processes_end_by_themselves(
    project: Path, seconds: float
) -> None:
    """Even in the midst of a request, and of a loop that never ends."""
    with served(project) as server:
        assert server.get("background").text == "goes on"
        ask(server, "js", seconds)
        ask(server, "py", 1000)
        started = children(server.process.pid)
        assert len(started) >= 3, "two of Deno, and at least one worker"
        server.process.kill()
        server.process.wait()
        wait_until_gone(started, 10)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_before_anything_is_served_is_heard_too(
    tmp_path: Path, run_folders: Path, sign: signal.Signals, code: int
) -> None:
    booting = "console.log('booting'); await new Promise(() => setInterval(() => {}, 1000));"
    write(tmp_path, {"functions/never/index.ts": booting})
    with starting(tmp_path, "--preload", env={"TMPDIR": str(run_folders)}) as server:
        server.wait_for("booting")
        started = children(server.process.pid)
        assert server.stop(sign) == code
        assert [pid for pid in started if alive(pid)] == []
        assert list(run_folders.glob("edgelet-*")) == []
        assert "Traceback" not in server.output
