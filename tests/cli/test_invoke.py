"""`edgelet functions invoke`: the installed program, real instances."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgelet.http import Request, Response
from edgelet_host.cli.invoke import found
from tests.cli.processes import EDGELET, Ended, run
from tests.js.package import SHIM, needs
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.connection import Request as Received
from tests.servers.scripted_server import ScriptedServer

FUNCTIONS = Path(__file__).parents[2] / "examples" / "functions"

ECHO = """
import os, sys
from edgelet import Request, Response, serve

@serve
async def handler(request):
    print("seen", request.method)
    return Response.json({
        "method": request.method,
        "query": dict(request.query),
        "x": request.headers.get("x-test"),
        "body": await request.text(),
        "env": dict(os.environ),
    }, status=int(request.query.get("status", 200)))
"""


@pytest.fixture
def invoke(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "functions" / "echo").mkdir(parents=True)
    (tmp_path / "functions" / "echo" / "main.py").write_text(ECHO)

    def call(*arguments: str | Path, **env: str) -> Ended:
        variables = {"EDGELET_MODELS": str(model_folder), "AI_INFERENCE_API_HOST": "", **env}
        return run(EDGELET, "functions", "invoke", *arguments, **variables)

    return call


def test_a_function_is_found_by_its_name_and_asked_as_curl_would(invoke: Any) -> None:
    ended = invoke(
        *("echo", "--get", "a=1", "--get", "b=x y", "-H", "X-Test: yes", "--data", "naïve"),
        *("--env", "GREETING=Hi"),
    )

    assert ended.code == 0, ended.err
    seen = json.loads(ended.out)
    env = seen.pop("env")
    assert seen == {
        "method": "POST",
        "query": {"a": "1", "b": "x y"},
        "x": "yes",
        "body": "naïve",
    }
    assert env.pop("GREETING") == "Hi"
    assert all(name.startswith(("SUPABASE_", "SB_")) for name in env)
    assert "seen POST" in ended.err


def test_an_answer_that_is_no_success_is_printed_and_fails(invoke: Any) -> None:
    ended = invoke("echo", "--get", "status=418", "--json")

    assert ended.code == 1
    whole = json.loads(ended.out)
    assert whole["status"] == 418
    assert ["content-type", "application/json"] in whole["headers"]
    assert json.loads(whole["body"])["method"] == "GET"


def test_the_body_may_be_a_file(invoke: Any, tmp_path: Path) -> None:
    (tmp_path / "body.txt").write_text("from a file")

    assert json.loads(invoke("echo", "--data", "@body.txt").out)["body"] == "from a file"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nothing"],
            "there is no function 'nothing' in functions; a path to it, such as ./nothing",
        ),
        (["./nothing"], "there is no function at nothing"),
        (["echo", "--get", "a"], "'a' has no value; expected NAME=VALUE"),
        (["echo", "-H", "nocolon"], "has no colon; expected NAME:VALUE"),
        (["echo", "--data", "@nowhere"], "No such file"),
        (["echo", "--env", "NOT_SET"], "this shell has no such variable"),
        (["echo", "--memory-mb", "10"], "give at least"),
        (["echo", "--allow-host", "http://x/"], "expected a host such as"),
    ],
)
def test_bad_input_is_one_sentence(invoke: Any, arguments: list[str], message: str) -> None:
    ended = invoke(*arguments)

    assert ended.code == 1
    assert ended.out == ""
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_a_failing_function_shows_its_own_lines(invoke: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "from edgelet import serve\n\n@serve\ndef handler(request):\n    return 1 / 0  # here\n"
    )
    ended = invoke("broken.py")

    assert ended.code == 1
    assert 'File "broken.py", line 5, in handler\n    return 1 / 0  # here' in ended.err
    assert "error: the function broken failed: ZeroDivisionError: division by zero" in ended.err
    assert "edgelet_guest" not in ended.err


def test_a_limit_is_named(invoke: Any, tmp_path: Path) -> None:
    (tmp_path / "spin.py").write_text(
        "from edgelet import serve\n\n@serve\ndef handler(request):\n    while True: pass\n"
    )
    ended = invoke("spin.py", "--cpu-ms", "300")

    assert ended.code == 1
    assert "used more than 300 ms of CPU time" in ended.err


def test_the_examples_greet_embed_and_stream(invoke: Any) -> None:
    def ollama(request: Received) -> Any:
        assert request.json()["prompt"] == "Why?"
        return ndjson(*ollama_generate("Rayleigh ", "scattering"))

    greeted = invoke(FUNCTIONS / "hello", "--get", "name=Ada")
    assert json.loads(greeted.out) == {"message": "Hello Ada!"}

    embedded = invoke(FUNCTIONS / "embed-minilm", "--get", "input=Hello world")
    assert len(json.loads(embedded.out)) == 384

    with ScriptedServer(ollama) as server:
        streamed = invoke(
            *(FUNCTIONS / "ollama-test-py", "--get", "prompt=Why?", "--stream"),
            AI_INFERENCE_API_HOST=server.url,
        )
    assert streamed.out == "Rayleigh scattering"


def test_a_function_of_the_project_has_its_configuration_and_secrets(
    invoke: Any, tmp_path: Path
) -> None:
    (tmp_path / "edgelet.toml").write_text("[functions.echo]\nmemory_mb = 10\n")
    assert "memory_limit_mb is 10" in invoke("echo").err

    (tmp_path / "edgelet.toml").unlink()
    (tmp_path / "functions" / ".env").write_text("TOKEN=of-the-project\n")
    assert json.loads(invoke("echo").out)["env"]["TOKEN"] == "of-the-project"
    alone = invoke("./functions/echo")
    assert "TOKEN" not in json.loads(alone.out)["env"]


def test_a_function_in_javascript_is_called_in_deno(invoke: Any, tmp_path: Path) -> None:
    needs("node")
    (tmp_path / "functions" / "shout").mkdir()
    (tmp_path / "functions" / "shout" / "index.ts").write_text(
        "Deno.serve(async (request: Request) => {\n"
        "  const text = await request.text();\n"
        "  console.log('seen', request.method);\n"
        "  if (text === '') throw new Error('nothing to shout');\n"
        "  return new Response(text.toUpperCase());\n"
        "});\n"
    )
    deno = {"EDGELET_DENO": str(SHIM / "node_modules" / "deno" / "deno")}

    ended = invoke("shout", "--data", "hello", **deno)
    assert (ended.code, ended.out) == (0, "HELLO"), ended.err
    assert "seen POST" in ended.err

    failed = invoke("shout", **deno)
    assert failed.code == 1
    assert "Error: nothing to shout" in failed.err
    assert "error: the function shout failed: its handler threw" in failed.err


def test_supabases_folder_comes_before_the_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("supabase/functions", "functions"):
        (tmp_path / folder / "hello").mkdir(parents=True)
        (tmp_path / folder / "hello" / "main.py").touch()

    _, config = found("hello", Path())
    assert config.folder == Path("supabase/functions/hello")


def test_an_example_is_a_plain_function_too() -> None:
    from edgelet.functions import loading

    with loading() as loaded:
        exec((FUNCTIONS / "hello" / "main.py").read_text(), {"__name__": "main"})
    answer = loaded.handler(Request("http://localhost/"))
    assert isinstance(answer, Response)
    assert answer.status == 200
