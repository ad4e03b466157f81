"""Functions that look for what is not theirs: the machine's, the server's, or another's."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from edgelet import Request
from edgelet_host.sandbox import Function, Grants, Limits
from edgelet_host.sandbox.errors import FunctionFailed, InstanceFaulted
from tests.sandbox.attacks import Arena, attack
from tests.sandbox.attacks import arena as new_arena

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = {
    "fork": ("os.fork()", "AttributeError"),
    "subprocess": ("import subprocess; subprocess.run(['ls'])", "OSError"),
    "os.system": ("os.system('ls')", "AttributeError"),
    "os.exec": ("os.execv('/bin/ls', ['ls'])", "AttributeError|OSError"),
    "threads": ("import threading; threading.Thread(target=print).start()", "RuntimeError"),
    "a pool": ("await asyncio.to_thread(print)", "RuntimeError"),
    "a socket": (
        "import socket; socket.create_connection(('127.0.0.1', 22), 1)",
        "OSError|PermissionError|gaierror",
    ),
    "a listening socket": (
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()",
        "OSError|PermissionError",
    ),
    "a datagram": (
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
        "OSError|PermissionError",
    ),
    "DNS": ("import socket; socket.getaddrinfo('example.com', 80)", "gaierror"),
    "urllib": ("import urllib.request; urllib.request.urlopen('http://127.0.0.1/')", "URLError"),
    "/etc/passwd": ("open('/etc/passwd')", "FileNotFoundError"),
    "/proc/self": ("open('/proc/self/environ')", "FileNotFoundError"),
    "a relative path upwards": ("open('../../../../etc/passwd')", "FileNotFoundError"),
    "os.open": ("os.open('/etc/passwd', os.O_RDONLY)", "FileNotFoundError|OSError"),
    "os.listdir": ("os.listdir('/')", "FileNotFoundError|OSError"),
    "writing": ("open('/tmp/x', 'w')", "FileNotFoundError|OSError"),
    "a temporary file": ("import tempfile; tempfile.TemporaryFile()", "FileNotFoundError"),
    "ctypes": ("import ctypes", "ModuleNotFoundError"),
    "a file descriptor": ("os.read(3, 10)", "OSError"),
    "killing": ("os.kill(1, 9)", "AttributeError|OSError"),
}

FATAL = {
    "os._exit": "os._exit(0)",
    "os.abort": "os.abort()",
    "a signal": "import signal; signal.raise_signal(11)",
    "bytecode that is none": """
        code = (lambda: 1).__code__
        eval(code.replace(co_code=code.co_code[:2] + bytes([100, 255] * 50)))
    """,
    "a lock taken twice": "import threading; l = threading.Lock(); l.acquire(); l.acquire()",
}


@pytest.mark.parametrize(("body", "error"), REFUSED.values(), ids=REFUSED)
async def test_what_is_not_there_cannot_be_used(arena: Arena, body: str, error: str) -> None:
    outcome = await arena.run(body)

    assert isinstance(outcome.error, FunctionFailed)
    assert re.search(error, str(outcome.error)), outcome.error


@pytest.mark.parametrize("body", FATAL.values(), ids=FATAL)
async def test_what_is_fatal_is_fatal_for_the_instance_alone(arena: Arena, body: str) -> None:
    pids = arena.sandbox.worker_pids
    outcome = await arena.run(body)

    assert isinstance(outcome.error, InstanceFaulted | FunctionFailed)
    assert arena.sandbox.worker_pids == pids


async def test_the_environment_is_what_was_granted(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "s3cret")
    look = "return Response.json([dict(os.environ), sys.argv, os.getcwd()])"

    granted = await arena.run(look, grants=Grants(env={"GREETING": "Grüße"}))
    nothing = await arena.run(look)

    assert json.loads(granted.text())[0] == {"GREETING": "Grüße"}
    assert json.loads(nothing.text())[0] == {}
    assert "s3cret" not in granted.text() + nothing.text()


async def test_a_granted_folder_ends_where_it_ends(arena: Arena, tmp_path: Path) -> None:
    folder = tmp_path / "granted"
    folder.mkdir()
    (folder / "words.txt").write_text("inside")
    (tmp_path / "secret.txt").write_text("outside")
    (folder / "link.txt").symlink_to("../secret.txt")
    (folder / "up").symlink_to("..")
    paths = [
        "words.txt",
        "link.txt",
        "up/secret.txt",
        "../secret.txt",
        str(tmp_path / "secret.txt"),
    ]

    outcome = await arena.run(
        f"""
        found = []
        for path in {paths!r}:
            try: found.append(open(path).read())
            except OSError as error: found.append(type(error).__name__)
        try: open("words.txt", "w")
        except OSError as error: found.append(type(error).__name__)
        return Response.json(found)
        """,
        grants=Grants(env={}, folder=folder),
    )

    absent = "FileNotFoundError"
    assert json.loads(outcome.text()) == ["inside", absent, absent, absent, absent, absent]
    assert (folder / "words.txt").read_text() == "inside"


COUNTER = """
import builtins, json
from edgelet import Response, serve

count = 0

@serve
def handler(request):
    global count
    count += 1
    before = getattr(builtins, "left_behind", None)
    patched = getattr(json, "left_behind", None)
    builtins.left_behind = json.left_behind = request.query["n"]
    return Response(f"{count} {before} {patched}")
"""


async def test_nothing_is_left_for_the_next_request(arena: Arena) -> None:
    counter = Function.of_source(COUNTER, "counter")

    for number in range(6):
        outcome = await arena.run(counter, url=f"http://localhost/?n={number}")
        assert outcome.text() == "1 None None"


async def test_reuse_is_asked_for_and_keeps_state_within_one_function() -> None:
    counter, other = Function.of_source(COUNTER, "counter"), Function.of_source(COUNTER, "other")
    async with new_arena(reuse="per-worker", concurrent_instances=2) as arena:
        answers = [
            (await arena.run(counter, url=f"http://localhost/?n={n}")).text() for n in range(4)
        ]
        assert answers[-1] != "1 None None"
        assert (await arena.run(other, url="http://localhost/?n=9")).text() == "1 None None"


async def test_an_instance_that_was_warned_or_failed_is_not_used_again() -> None:
    async with new_arena(reuse="per-worker", concurrent_instances=2) as arena:
        spend = Function.of_source(
            COUNTER.replace("count += 1", "count += 1\n    for _ in range(3_000_000): pass"),
            "spend",
        )
        limits = Limits(cpu_time_soft_limit_ms=20, cpu_time_hard_limit_ms=20_000)
        for number in range(4):
            url = f"http://localhost/?n={number}"
            assert (await arena.run(spend, limits=limits, url=url)).text() == "1 None None"


async def test_two_tenants_do_not_see_each_other(arena: Arena) -> None:
    look = """
        import builtins
        seen = [dict(os.environ), getattr(builtins, "tenant", None), "left" in sys.modules]
        builtins.tenant = os.environ["TENANT"]
        sys.modules["left"] = os
        await asyncio.sleep(0.05)
        return Response.json([*seen, builtins.tenant])
    """

    async def ask(tenant: str) -> None:
        response = await arena.sandbox.respond(
            attack(look, tenant),
            Request("http://localhost/"),
            grants=Grants(env={"TENANT": tenant}),
        )
        assert await response.json() == [{"TENANT": tenant}, None, False, tenant]

    await asyncio.gather(*(ask(tenant) for _ in range(8) for tenant in ("one", "two")))
