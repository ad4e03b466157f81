"""A function's process: started once, started again when it died, and left in order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving.javascript_probe import process_of
from tests.serving.served import Served, served, write

DYING = """
console.log(`booted as ${Deno.pid}`);
Deno.serve(async (request) => {
  const path = new URL(request.url).pathname;
  if (path.endsWith("/rejects")) {
    Promise.reject(new RangeError("nobody handled this"));
    await new Promise(() => {});
  }
  if (path.endsWith("/exits")) Deno.exit(3);
  if (path.endsWith("/waits")) {
    console.log("waiting");
    await new Promise(() => {});
  }
  return new Response(String(Deno.pid));
});
"""

NEVER = 'console.log("booting"); throw new RangeError("not today");'

LACKING = """
const key = Deno.env.get("KEY");
if (key === undefined) throw new RangeError("there is no KEY");
Deno.serve(() => new Response(key));
"""

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
    dying = ("rejecting", "killed", "unaware", "neighbour", "crowded", "exiting")
    files = {f"functions/{name}/index.ts": DYING for name in dying}
    files |= {
        "functions/never/index.ts": NEVER,
        "functions/mended/index.ts": NEVER,
        "functions/lacking/index.ts": LACKING,
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
    wait_until_gone(pid)
    answer = server.get("unaware")
    assert answer.status_code == 200
    assert int(answer.text) != pid


def test_a_process_that_dies_at_once_is_started_less_and_less_often(server: Served) -> None:
    answers = [server.get("never") for _ in range(40)]
    assert {answer.json()["code"] for answer in answers} == {"BOOT_ERROR"}
    assert 2 <= server.output.count("[never] booting\n") <= 20
    server.wait_for(r"^\[never\] the function never cannot be loaded: RangeError: not today$")


def test_asking_for_a_process_that_died_does_not_put_off_the_next(server: Served) -> None:
    for _ in range(3):
        server.get("exiting/exits")
    asked_at = time.monotonic()
    while server.get("exiting").status_code != 200:
        assert time.monotonic() - asked_at < 4, server.output[-2000:]
    server.wait_for(r"^\[exiting\] the function exiting cannot be loaded: its process died again")


def test_a_function_that_is_mended_is_served_at_once(server: Served) -> None:
    assert {server.get("mended").status_code for _ in range(6)} == {503}
    replace(server, "mended", AFTER)
    assert server.get("mended").text == "after"


def test_a_function_that_lacked_a_secret_is_served_once_it_is_set(server: Served) -> None:
    assert {server.get("lacking").status_code for _ in range(6)} == {503}
    write(server.project, {"functions/lacking/.env": "KEY=set\n"})
    assert server.get("lacking").text == "set"


def test_first_requests_at_the_same_time_start_one_process(server: Served) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(server.get, ["crowded"] * 16))
    assert len({answer.text for answer in answers}) == 1
    server.wait_for(r"^\[crowded\] booted")
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
    replace(server, "renewed", AFTER)
    assert server.get("renewed").text == "after"
    server.wait_for(r"^\[renewed\] the work is done$")


def test_a_module_that_waits_for_its_server_to_finish_ends_in_order(server: Served) -> None:
    server.get("finished")
    old = process_of(server, "finished")
    replace(server, "finished", AFTER)
    wait_until_gone(old)
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
        replace(running, "working", WORKING + "\n")
        pids.append(int(running.get("working/endless").text))
        running.stop()
        for pid in pids:
            wait_until_gone(pid)


def test_a_server_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    with served(write(tmp_path, {"functions/quiet/index.ts": DYING})) as running:
        pid = int(running.get("quiet").text)
        running.stop(signal.SIGKILL)
        wait_until_gone(pid)


def replace(server: Served, function: str, source: str) -> None:
    """Put other code in a function's place, and wait until it is served."""
    entry = server.project / "functions" / function / "index.ts"
    written = entry.with_suffix(".tmp")
    written.write_text(source, "utf-8")
    written.replace(entry)
    server.wait_for(rf"^\[{function}\] loaded anew$")


def wait_until_gone(pid: int, seconds: float = 20.0) -> None:
    """Wait until a process has ended and its parent knows it."""
    end = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, f"the process {pid} is still there"
        time.sleep(0.02)
