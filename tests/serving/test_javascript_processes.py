"""A function's process: started once, started again when it died, and left in order."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving.served import Served, served, write

DYING = """
console.log(`booted as ${Deno.pid}`);
Deno.serve(async (request) => {
  const path = new URL(request.url).pathname;
  if (path.endsWith("/rejects")) {
    Promise.reject(new RangeError("nobody handled this"));
    await new Promise(() => {});
  }
  if (path.endsWith("/waits")) {
    console.log("waiting");
    await new Promise(() => {});
  }
  return new Response(String(Deno.pid));
});
"""

NEVER = 'console.log("booting"); throw new RangeError("not today");'

WORKING = """
Deno.serve((request) => {
  const path = new URL(request.url).pathname;
  const task = async () => {
    if (path.endsWith("/endless")) await new Promise(() => setInterval(() => {}, 1000));
    await new Promise((done) => setTimeout(done, path.endsWith("/long") ? 1000 : 50));
    if (path.endsWith("/fails")) throw new RangeError("the work failed");
    console.log("the work is done");
  };
  EdgeRuntime.waitUntil(task());
  return new Response(String(Deno.pid));
});
"""

AFTER = 'Deno.serve(() => new Response("after"));'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    dying = ("rejecting", "killed", "unaware", "neighbour", "crowded")
    files = {f"functions/{name}/index.ts": DYING for name in dying}
    files |= {
        "functions/never/index.ts": NEVER,
        "functions/working/index.ts": WORKING,
        "functions/renewed/index.ts": WORKING,
        "functions/finished/index.ts": 'await Deno.serve(() => new Response("1")).finished;',
    }
    with served(write(tmp_path_factory.mktemp("project"), files)) as running:
        yield running


def test_an_unhandled_rejection_ends_its_own_process_alone(server: Served) -> None:
    neighbour, pid = server.get("neighbour").text, server.get("rejecting").text
    answer = server.get("rejecting/rejects")
    assert (answer.status_code, answer.json()["code"]) == (500, "WORKER_ERROR")
    assert answer.headers["x-relay-error"] == "true"
    server.wait_for(r"^\[rejecting\] .*RangeError: nobody handled this")
    server.wait_for(r"^\[rejecting\] the worker process .* died \(exit code 1\)")
    assert server.get("rejecting").text != pid
    assert server.get("neighbour").text == neighbour


def test_a_process_that_is_killed_takes_its_request_with_it(server: Served) -> None:
    pid = int(server.get("killed").text)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(server.get, "killed/waits")
        server.wait_for(r"^\[killed\] waiting$")
        os.kill(pid, signal.SIGKILL)
        answer = waiting.result()
    assert (answer.status_code, answer.json()["code"]) == (500, "WORKER_ERROR")
    server.wait_for(r"^\[killed\] the worker process .* died \(signal SIGKILL\)")
    assert int(server.get("killed").text) != pid


def test_a_process_that_died_between_requests_is_not_noticed(server: Served) -> None:
    pid = int(server.get("unaware").text)
    os.kill(pid, signal.SIGKILL)
    answer = server.get("unaware")
    assert answer.status_code == 200
    assert int(answer.text) != pid


def test_a_process_that_dies_at_once_is_started_less_and_less_often(server: Served) -> None:
    answers = [server.get("never") for _ in range(40)]
    assert {answer.json()["code"] for answer in answers} == {"BOOT_ERROR"}
    assert 2 <= server.output.count("[never] booting\n") <= 20
    server.wait_for(r"^\[never\] the function never cannot be loaded: RangeError: not today$")


def test_a_function_that_is_mended_is_served_at_once(server: Served) -> None:
    name = "mended"
    entry = f"functions/{name}/index.ts"
    write(server.project, {entry: NEVER})
    server.wait_for(rf"^\[{name}\] loaded anew$")
    assert {server.get(name).status_code for _ in range(4)} == {503}
    write(server.project, {entry: AFTER})
    server.wait_for(rf"(?s)\[{name}\] loaded anew\n.*\[{name}\] loaded anew\n")
    assert server.get(name).text == "after"


def test_first_requests_at_the_same_time_start_one_process(server: Served) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(server.get, ["crowded"] * 16))
    assert len({answer.text for answer in answers}) == 1
    assert server.output.count("[crowded] booted") == 1


def test_work_goes_on_after_the_answer(server: Served) -> None:
    assert server.get("working").status_code == 200
    server.wait_for(r"^\[working\] the work is done$")


def test_work_that_fails_is_printed_and_ends_nothing(server: Served) -> None:
    pid = server.get("working/fails").text
    server.wait_for(r"^\[working\] waitUntil: RangeError: the work failed$")
    assert server.get("working").text == pid


def test_work_goes_on_when_its_code_was_replaced(server: Served) -> None:
    server.get("renewed/long")
    write(server.project, {"functions/renewed/index.ts": AFTER})
    server.wait_for(r"^\[renewed\] loaded anew$")
    assert server.get("renewed").text == "after"
    server.wait_for(r"^\[renewed\] the work is done$")


def test_a_module_that_waits_for_its_server_to_finish_ends_in_order(server: Served) -> None:
    server.get("finished")
    [old] = _processes(server, "finished")
    write(server.project, {"functions/finished/index.ts": AFTER})
    server.wait_for(r"^\[finished\] loaded anew$")
    _wait_until_gone(old)
    assert server.get("finished").text == "after"


def test_functions_are_started_ahead_with_preload(tmp_path: Path) -> None:
    files = {"functions/eager/index.ts": DYING, "functions/never/index.ts": NEVER}
    with served(write(tmp_path, files), "--preload") as running:
        running.wait_for(r"^\[eager\] booted as \d+$")
        running.wait_for(r"^\[never\] the function never cannot be loaded: RangeError: not today$")
        assert running.output.count("[eager] booted") == 1
        running.get("eager")
        assert running.output.count("[eager] booted") == 1


def test_work_may_end_when_the_server_stops(tmp_path: Path) -> None:
    with served(write(tmp_path, {"functions/working/index.ts": WORKING})) as running:
        running.get("working/long")
        running.stop()
        assert "[working] the work is done\n" in running.output


def test_work_without_an_end_does_not_keep_a_server_that_stops(tmp_path: Path) -> None:
    with served(write(tmp_path, {"functions/working/index.ts": WORKING})) as running:
        pids = [int(running.get("working/endless").text)]
        write(tmp_path, {"functions/working/index.ts": WORKING + "\n"})
        running.wait_for(r"^\[working\] loaded anew$")
        pids.append(int(running.get("working/endless").text))
        running.stop()
        for pid in pids:
            _wait_until_gone(pid)


def test_a_server_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    with served(write(tmp_path, {"functions/quiet/index.ts": DYING})) as running:
        pid = int(running.get("quiet").text)
        running.stop(signal.SIGKILL)
        _wait_until_gone(pid)


def _processes(server: Served, function: str) -> list[int]:
    listed = subprocess.run(
        ["pgrep", "-P", str(server.process.pid), "-f", f"/functions/{function}/index.ts"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(pid) for pid in listed.stdout.split()]


def _wait_until_gone(pid: int, seconds: float = 20.0) -> None:
    """Wait for a process that is no child of this one."""
    gone = threading.Event()
    for _ in range(int(seconds / 0.05)):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        gone.wait(0.05)
    raise AssertionError(f"the process {pid} is still there")
