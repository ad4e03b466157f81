"""`--no-sandbox`: Python functions in the server's own process, where a debugger can stop them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.serving.processes import children, command_line
from tests.serving.served import Served, served, write
from tests.serving.test_reload import answers, code, save, until

WHERE = """
import asyncio, os, sys, threading
from edgelet import Response, serve

@serve
async def handler(request):
    return Response.json({
        "pid": os.getpid(),
        "main thread": threading.current_thread() is threading.main_thread(),
        "in a loop": asyncio.get_running_loop().is_running(),
        "file": handler.__code__.co_filename,
    })
"""

FAILS = """
import sys
from edgelet import Response, serve

@serve
async def handler(request):
    match request.query["how"]:
        case "raises":
            raise ValueError("on purpose")
        case "exits":
            sys.exit(3)
        case "nothing":
            return None
        case "streams":
            async def pieces():
                yield "begun"
                raise ValueError("in the midst")
            return Response.stream(pieces())
    return Response("fine")
"""

TWIN = """
from edgelet import Response, serve
from helper import word
import parts.one

@serve
async def handler(request):
    from later import word as lazy
    import parts.two
    return Response(f"{word} {parts.one.word} {lazy} {parts.two.word}")
"""


def twin(name: str) -> dict[str, str]:
    modules = ("helper", "later", "parts/one", "parts/two")
    return {"main.py": TWIN, **{f"{each}.py": f"word = {name + each!r}" for each in modules}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = tmp_path_factory.mktemp("project")
    write(project / "functions" / "where", {"main.py": WHERE})
    write(project / "functions" / "fails", {"main.py": FAILS})
    write(project / "functions" / "broken", {"main.py": "1 / 0\n"})
    write(project / "functions" / "exits", {"main.py": "import sys\nsys.exit(3)\n"})
    write(project / "functions" / "one", twin("1"))
    write(project / "functions" / "two", twin("2"))
    write(project / "functions" / "named", {"app.py": code("py", "named")["main.py"]})
    entrypoint = 'entrypoint = "functions/named/app.py"'
    write(project, {"edgelet.toml": f"[functions.named]\n{entrypoint}\n"})
    with served(project, "--no-sandbox", deno=False) as running:
        yield running


def test_a_handler_runs_in_the_event_loop_of_the_server(server: Served) -> None:
    assert server.get("where").json() == {
        "pid": server.process.pid,
        "main thread": True,
        "in a loop": True,
        "file": str(server.project / "functions" / "where" / "main.py"),
    }


def test_no_sandbox_is_started(server: Served) -> None:
    assert server.get("where").is_success
    started = [command_line(pid) for pid in children(server.process.pid)]
    assert not [each for each in started if "sandbox.worker" in each]


def test_modules_of_the_same_name_do_not_mix(server: Served) -> None:
    for _ in range(3):
        assert server.get("one").text == "1helper 1parts/one 1later 1parts/two"
        assert server.get("two").text == "2helper 2parts/one 2later 2parts/two"


def test_a_saved_change_is_served(server: Served) -> None:
    save(server, "saved", code("py", "before"))
    answers(server, "saved", "before")
    save(server, "saved", code("py", "behind"))  # as long as it was, within a second
    answers(server, "saved", "behind")
    assert not (server.project / "functions" / "saved" / "__pycache__").exists()


def test_a_function_may_begin_in_a_file_of_another_name(server: Served) -> None:
    assert server.get("named").text == "named"


def test_a_module_that_is_imported_late_is_of_the_version_that_imports_it(server: Served) -> None:
    save(server, "late", twin("3"))
    answers(server, "late", "3helper 3parts/one 3later 3parts/two")
    save(server, "late", twin("4"))
    answers(server, "late", "4helper 4parts/one 4later 4parts/two")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", "ValueError: on purpose"),
        ("exits", "SystemExit: 3"),
        ("nothing", "the handler returned nothing instead of a Response"),
    ],
)
def test_a_handler_that_fails_is_a_worker_error(server: Served, how: str, said: str) -> None:
    answer = server.get(f"fails?how={how}")
    assert answer.status_code == 500
    assert answer.json()["code"] == "WORKER_ERROR"
    assert answer.headers["x-relay-error"] == "true"
    server.wait_for(rf"^\[fails\] .*{said}")
    assert server.get("fails?how=not").text == "fine"


def test_a_traceback_shows_the_functions_lines(server: Served) -> None:
    server.get("fails?how=raises")
    server.wait_for(r'^\[fails\]   File ".*functions/fails/main.py", line 9, in handler')
    server.wait_for(r'^\[fails\]     raise ValueError\("on purpose"\)')


def test_a_stream_that_fails_breaks_off(server: Served) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        server.get("fails?how=streams")
    server.wait_for(r"ValueError: in the midst")
    assert "Exception in ASGI" not in server.output


@pytest.mark.parametrize(
    ("name", "said"), [("broken", "ZeroDivisionError"), ("exits", "SystemExit: 3")]
)
def test_a_module_that_fails_is_a_boot_error(server: Served, name: str, said: str) -> None:
    answer = server.get(name)
    assert answer.status_code == 503
    assert answer.json()["code"] == "BOOT_ERROR"
    server.wait_for(rf"^\[{name}\] .*{said}")


def test_secrets_are_there_change_and_go(server: Served) -> None:
    source = (
        "import os\nfrom edgelet import Response, serve\n\n@serve\ndef handler(request):\n"
        "    return Response(os.environ.get('OWN', 'none'))\n"
    )
    save(server, "secrets", {"main.py": source, ".env": "OWN=one\n"})
    answers(server, "secrets", "one")
    save(server, "other", {"main.py": source})
    answers(server, "other", "none")
    save(server, "secrets", {".env": "OWN=two\n"})
    until(lambda: server.get("secrets").text, "two", seconds=5)
    assert server.get("other").text == "none"
    save(server, "secrets", {".env": ""})
    assert server.get("secrets").text == "none"
