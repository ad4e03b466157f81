"""What changes on disk is served from the next request on."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest

from tests.serving.served import Served, served, write

LANGUAGES = ["py", "js"]
CHANGED_WITHIN = 30.0


def code(language: str, answer: str, *, seconds: float = 0) -> dict[str, str]:
    """The file of a function that answers so, after a while."""
    if language == "py":
        return {
            "main.py": "import asyncio\nfrom edgelet import Response, serve\n\n"
            "@serve\nasync def handler(request):\n    print('asked')\n"
            f"    await asyncio.sleep({seconds})\n    return Response({answer!r})\n"
        }
    return {
        "index.ts": "Deno.serve(async () => {\n  console.log('asked');\n"
        f"  if ({seconds}) await new Promise((go) => setTimeout(go, {seconds * 1000}));\n"
        f"  return new Response({answer!r});\n}});\n"
    }


def save(server: Served, name: str, files: dict[str, str]) -> None:
    write(server.project / "functions" / name, files)


def answers(server: Served, name: str, expected: str) -> None:
    """Wait until the function answers so."""
    until(lambda: server.get(name).text, expected)


def until(ask: Callable[[], object], expected: object, seconds: float = CHANGED_WITHIN) -> None:
    end = time.monotonic() + seconds
    while (found := ask()) != expected:
        assert time.monotonic() < end, f"{found!r} for ever, not {expected!r}"
        time.sleep(0.05)


def loaded(server: Served, name: str) -> int:
    return server.output.count(f"[{name}] loaded anew\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = tmp_path_factory.mktemp("project")
    for language in LANGUAGES:
        write(project / "functions" / language, code(language, "first"))
    with served(project, env={"PIP_NO_INDEX": "1"}) as running:
        yield running


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_saved_change_is_served(server: Served, language: str) -> None:
    save(server, language, code(language, "before"))
    answers(server, language, "before")
    save(server, language, code(language, "behind"))  # as long as it was, within a second
    answers(server, language, "behind")


@pytest.mark.parametrize("language", LANGUAGES)
def test_under_load_no_request_fails_and_each_answer_is_of_one_version(
    server: Served, language: str
) -> None:
    versions = [f"version {number}" for number in range(11)]
    save(server, language, code(language, versions[0]))
    answers(server, language, versions[0])
    heard: list[str] = []
    done = threading.Event()

    def ask() -> None:
        with httpx2.Client(headers=server.authorization, timeout=60) as client:
            while not done.is_set():
                try:
                    answer = client.get(server.function(language))
                    heard.append(answer.text if answer.is_success else f"{answer}: {answer.text}")
                except httpx2.HTTPError as error:
                    heard.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for each in clients:
        each.start()
    try:
        for number, version in enumerate(versions[1:]):
            save(server, language, code(language, version))
            if number % 2:
                answers(server, language, version)
    finally:
        done.set()
        for each in clients:
            each.join()
    assert set(heard) <= set(versions)
    assert versions[-1] == server.get(language).text
    assert len(set(heard)) > 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_request_in_flight_finishes_on_the_old_code(server: Served, language: str) -> None:
    name = f"flight-{language}"
    save(server, name, code(language, "old", seconds=3))
    until(lambda: loaded(server, name), 1)
    heard: list[str] = []
    asking = threading.Thread(target=lambda: heard.append(server.get(name).text))
    asking.start()
    server.wait_for(rf"^\[{name}\] asked")
    save(server, name, code(language, "new"))
    until(lambda: loaded(server, name), 2)
    assert server.get(name).text == "new"
    assert asking.is_alive(), "this machine was too slow to prove anything"
    asking.join()
    assert heard == ["old"]


def test_a_request_that_waits_for_code_to_be_loaded_outlives_its_change(server: Served) -> None:
    loads = "console.log('loading'); await new Promise((go) => setTimeout(go, 1000));\n"
    save(server, "loads", {"index.ts": loads + code("js", "old")["index.ts"]})
    until(lambda: loaded(server, "loads"), 1)
    clients = [HTTPConnection(httpx2.URL(server.url).netloc.decode(), timeout=60) for _ in range(8)]
    with ExitStack() as stack:
        for each in clients:
            stack.callback(each.close)
            each.connect()
        for each in clients:  # all have asked before the first of them has its code loaded
            each.request("GET", "/functions/v1/loads", headers=server.authorization)
        server.wait_for(r"^\[loads\] loading")
        save(server, "loads", code("js", "new"))
        until(lambda: loaded(server, "loads"), 2)
        assert [each.getresponse().read() for each in clients] == [b"old"] * 8


@pytest.mark.parametrize(
    ("language", "broken", "reason"),
    [
        ("py", {"main.py": "def handler(:\n"}, "SyntaxError"),
        ("js", {"index.ts": "Deno.serve(() => {{{ new"}, "Expression expected"),
    ],
)
def test_a_syntax_error_is_told_on_the_console_until_it_is_mended(
    server: Served, language: str, broken: dict[str, str], reason: str
) -> None:
    name = f"broken-{language}"
    save(server, name, code(language, "sound"))
    answers(server, name, "sound")
    save(server, name, broken)
    until(lambda: server.get(name).status_code, 503)
    answer = server.get(name)
    assert answer.json()["code"] == "BOOT_ERROR"
    assert reason not in answer.text
    server.wait_for(rf"^\[{name}\] .*{reason}")
    save(server, name, code(language, "mended"))
    answers(server, name, "mended")


@pytest.mark.parametrize("language", LANGUAGES)
def test_functions_come_and_go(server: Served, language: str) -> None:
    name = f"guest-{language}"
    assert server.get(name).status_code == 404
    save(server, name, code(language, "here"))
    answers(server, name, "here")
    shutil.rmtree(server.project / "functions" / name)
    answers(server, name, "Function not found")
    assert server.get(name).status_code == 404
    server.wait_for(rf"^\[{name}\] no longer served")


def test_all_functions_may_go_for_a_while_and_come_back(server: Served) -> None:
    folder, elsewhere = server.project / "functions", server.project / "stashed"
    save(server, "py", code("py", "stashed"))
    answers(server, "py", "stashed")
    folder.rename(elsewhere)
    until(lambda: server.get("py").status_code, 404)
    elsewhere.rename(folder)
    answers(server, "py", "stashed")
    save(server, "py", code("py", "back"))
    answers(server, "py", "back")


def test_the_configuration_is_a_change_too(server: Served) -> None:
    def configure(text: str) -> None:
        (server.project / "edgelet.toml").write_text(text)

    save(server, "set", code("py", "slow", seconds=0.6))
    answers(server, "set", "slow")
    stranger = {"authorization": ""}
    try:
        assert server.get("set", headers=stranger).status_code == 401
        configure("[functions.set]\nverify_jwt = false\n")
        until(lambda: server.get("set", headers=stranger).status_code, 200)
        configure("[functions.set]\nverify_jwt = false\ntimeout_s = 0.2\n")
        until(lambda: server.get("set", headers=stranger).status_code, 504)
        configure("[functions.set]\ntimeout_s = 'soon'\n")
        server.wait_for(r"timeout_s must be a number above 0; what was served before is served on")
        assert server.get("set", headers=stranger).status_code == 504
        configure("[functions.set\n")
        server.wait_for(r"edgelet.toml cannot be read: .*; what was served before is served on")
        assert server.get("set", headers=stranger).status_code == 504
        configure("[functions.set]\nenabled = false\n")
        until(lambda: server.get("set").status_code, 404)
        configure(f"[auth]\njwt_secret = '{'x' * 32}'\n")
        server.wait_for(r"^edgelet.toml: \[auth\] has changed; start the server again to use it")
    finally:
        (server.project / "edgelet.toml").unlink()
    answers(server, "set", "slow")


def test_modules_of_a_functions_own_belong_to_it(server: Served) -> None:
    uses = "from edgelet import Response, serve\nfrom {0} import WORD\n\n"
    handler = "@serve\ndef handler(request):\n    return Response(WORD)\n"
    main = uses.format("parts.words") + handler
    save(server, "modules", {"main.py": main, "parts/words.py": "WORD = 'one'"})
    answers(server, "modules", "one")
    save(server, "modules", {"parts/words.py": "WORD = 'two'"})
    answers(server, "modules", "two")


@pytest.mark.parametrize("shared", ["_shared", "library"])
def test_modules_beside_the_functions_belong_to_all_in_javascript(
    server: Served, shared: str
) -> None:
    name = f"shares{shared}"
    save(server, shared, {"word.ts": "export const word = 'one';"})
    source = f"import {{ word }} from '../{shared}/word.ts';\n"
    save(server, name, {"index.ts": source + "Deno.serve(() => new Response(word));"})
    answers(server, name, "one")
    save(server, shared, {"word.ts": "export const word = 'two';"})
    answers(server, name, "two")


def test_requirements_that_cannot_be_had_are_told_with_the_reason(server: Served) -> None:
    save(server, "needy", code("py", "content"))
    answers(server, "needy", "content")
    save(server, "needy", {"requirements.txt": "no-such-package-anywhere==1.0\n"})
    until(lambda: server.get("needy").status_code, 503)
    server.wait_for(
        r"^\[needy\] .*requirements.txt cannot be installed as pure Python: .*no-such-package"
    )
    (server.project / "functions" / "needy" / "requirements.txt").unlink()
    answers(server, "needy", "content")


def test_of_functions_that_were_named_one_may_go_and_others_change(tmp_path: Path) -> None:
    for name in ("stays", "goes", "unnamed"):
        write(tmp_path / "functions" / name, code("py", "first"))
    with served(tmp_path, "stays", "goes", deno=False) as server:
        shutil.rmtree(tmp_path / "functions" / "goes")
        until(lambda: server.get("goes").status_code, 404)
        save(server, "stays", code("py", "second"))
        answers(server, "stays", "second")
        assert server.get("unnamed").status_code == 404
