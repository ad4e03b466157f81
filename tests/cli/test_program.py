"""The installed program, as a process: help, exit codes, pipes, and what it does not import."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edgelet import __version__
from edgelet.testing import FakeHost
from tests.cli.conftest import Call
from tests.cli.processes import EDGELET, FAKE, environment, run
from tests.servers.scripted_server import ScriptedServer, refusing_url
from tests.servers.steps import Body, Head

COMMANDS = [
    [], ["run"], ["embed"], ["demo"], ["models"], ["models", "list"], ["models", "pull"],
    ["models", "build"], ["models", "verify"], ["models", "remove"],
]  # fmt: skip


def test_the_entry_point_is_the_one_that_is_tested() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["scripts"]["edgelet"] == "edgelet_host.cli:main"


def test_the_version_is_cores() -> None:
    assert run(EDGELET, "--version").out == f"edgelet {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(edgelet: Call, command: list[str]) -> None:
    ended = edgelet(*command, "--help")
    assert ended.code == 0
    example = " ".join(["edgelet", *command])
    assert f"  {example}" in ended.out.partition("Examples:")[2] or command == ["models"]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from edgelet_host.cli import main\n"
        "try:\n"
        "    main(['embed', '--help'])\n"
        "finally:\n"
        "    print(*sys.modules, file=sys.stderr)\n"
    )
    modules = {name.partition(".")[0] for name in run([sys.executable, "-c", script]).err.split()}
    assert "typer" in modules
    assert not modules & {
        "edgelet", "onnx", "onnxruntime", "huggingface_hub", "numpy", "tokenizers", "httpx2",
        "pyarrow", "asyncio", "filelock",
    }  # fmt: skip


def test_usage_errors_exit_with_2() -> None:
    for arguments in ([], ["run"], ["models", "verify"], ["rnu"], ["run", "m", "x", "--wrong"]):
        assert run(EDGELET, *arguments).code == 2, arguments


def test_an_edgelet_error_is_one_sentence_without_colour_or_traceback() -> None:
    ended = run(EDGELET, "run", "./no such folder", "Hi")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert "\x1b" not in ended.err


def test_an_unexpected_exception_says_how_to_see_more(
    edgelet: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenHost(FakeHost):
        async def send(self, effect):  # type: ignore[no-untyped-def]
            raise ZeroDivisionError("one by nought")

    ended = edgelet("run", "mistral", "Hi", host=BrokenHost())
    assert ended.code == 70
    assert "ZeroDivisionError: one by nought" in ended.err
    assert "EDGELET_DEBUG=1" in ended.err
    assert "Traceback" not in ended.err
    monkeypatch.setenv("EDGELET_DEBUG", "1")
    ended = edgelet("run", "mistral", "Hi", host=BrokenHost())
    assert ended.code == 70
    assert "Traceback" in ended.err


def test_a_reader_that_leaves_early_ends_the_program_quietly() -> None:
    process = subprocess.Popen(
        [*FAKE, "run", "mistral", "Hi", "--stream"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (141, b"")


def test_a_server_on_a_socket_is_asked_with_the_key_of_the_environment() -> None:
    answer = json.dumps({"response": "Blue.", "done": True}).encode()
    with ScriptedServer([Head(framing=len(answer)), Body(answer)]) as server:
        ended = run(
            EDGELET, "run", "mistral", "-", stdin=b"Why?\n",
            AI_INFERENCE_API_HOST=server.url, AI_INFERENCE_API_KEY="secret",
        )  # fmt: skip
    assert (ended.code, ended.out, ended.err) == (0, "Blue.\n", "")
    assert json.loads(server.requests[0].body)["prompt"] == "Why?"
    assert server.requests[0].headers["authorization"] == "Bearer secret"


def test_an_unreachable_server_is_one_sentence() -> None:
    with refusing_url() as url:
        ended = run(EDGELET, "run", "mistral", "Why?", "--host", url)
    assert ended.code == 1
    assert ended.err.startswith(f"error: cannot connect to the inference host at {url}")
