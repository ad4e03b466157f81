"""`edgelet functions new`: what it writes is whole, touches nothing, and runs as it is."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest

from edgelet import Request, Response
from edgelet.errors import FunctionError
from edgelet.functions import loading, respond
from edgelet_host.project import find_layout, read_config, starter
from edgelet_host.project.starter import ADDRESS, Template, write_starter
from tests.cli.processes import EDGELET, Ended, run
from tests.js.package import SHIM, needs
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.connection import Request as Received
from tests.servers.scripted_server import ScriptedServer

TEMPLATES: tuple[Template, ...] = get_args(Template)
SOURCES = Path(starter.__file__).parent / "templates"
TYPES = SOURCES / "_shared" / "edge-runtime.d.ts"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*arguments: str) -> Ended:
    return run(EDGELET, "functions", "new", *arguments)


def written(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_the_default_says_hello_in_python(place: Path) -> None:
    ended = new("hello")

    assert (ended.code, ended.err) == (0, "")
    assert written(place) == ["functions/hello/main.py"]
    assert ended.out.splitlines() == [
        "functions/hello/main.py",
        "",
        "It runs as it is; nothing needs to be configured. Next:",
        "",
        "  edgelet functions serve",
        '  curl --get "http://127.0.0.1:54321/functions/v1/hello" --data-urlencode "name=Ada" '
        '-H "Authorization: $ANON_KEY"',
    ]


def test_a_project_of_supabases_gets_its_functions_where_supabase_has_them(place: Path) -> None:
    (place / "supabase").mkdir()
    config = place / "supabase" / "config.toml"
    config.write_text("[functions.other]\nenabled = false\n")

    ended = new("ask", "--lang", "ts")

    assert ended.code == 0, ended.err
    assert written(place / "supabase" / "functions") == [
        "_shared/edge-runtime.d.ts",
        "ask/deno.json",
        "ask/index.ts",
    ]
    assert ended.out.splitlines()[:3] == [
        "supabase/functions/ask/index.ts",
        "supabase/functions/ask/deno.json",
        "supabase/functions/_shared/edge-runtime.d.ts",
    ]
    assert config.read_text() == "[functions.other]\nenabled = false\n"
    assert list(read_config(find_layout(place), {}).functions) == ["ask"]


def test_the_types_are_written_once(place: Path) -> None:
    new("first", "--lang", "ts")
    types = place / "functions" / "_shared" / "edge-runtime.d.ts"
    types.write_text("// mine")

    ended = new("second", "--lang", "ts")

    assert "edge-runtime" not in ended.out
    assert types.read_text() == "// mine"


@pytest.mark.parametrize("lang", ["py", "ts"])
def test_a_function_that_is_there_is_left_as_it_is(place: Path, lang: str) -> None:
    (place / "functions" / "hello").mkdir(parents=True)
    (place / "functions" / "hello" / "notes.txt").write_text("mine")

    ended = new("hello", "--lang", lang)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "error: functions/hello exists already; choose another name, or remove it first\n"
    )
    assert written(place) == ["functions/hello/notes.txt"]


def test_an_empty_folder_is_filled(place: Path) -> None:
    (place / "functions" / "hello").mkdir(parents=True)

    assert new("hello").code == 0
    assert written(place) == ["functions/hello/main.py"]


@pytest.mark.parametrize("name", ["../hello", "9", "_shared"])
def test_a_name_that_is_none_is_refused(place: Path, name: str) -> None:
    ended = new(name)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"error: {name!r} cannot be the name of a function")
    assert list(place.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_sentence(place: Path) -> None:
    (place / "functions").touch()

    ended = new("hello")

    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert ended.err.startswith("error: functions/hello cannot be written: ")


@pytest.mark.parametrize("there_already", [False, True])
def test_a_failure_half_way_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, there_already: bool
) -> None:
    if there_already:
        (place / "functions").mkdir()
    rename = Path.rename

    def full(path: Path, target: Path) -> Path:
        if target.name == "hello":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(FunctionError, match="hello cannot be written: No space left on device"):
        write_starter(find_layout(place), "hello", "javascript", "hello")

    left = [place / "functions"] if there_already else []
    assert list(place.rglob("*")) == left


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_starter_says_how_to_ask_it(place: Path, template: Template) -> None:
    for lang, sign in (("py", "#"), ("ts", "//")):
        ended = new(f"my-{lang}", "--lang", lang, "--template", template)
        file = place / ended.out.splitlines()[0]
        ending = [line.removeprefix(sign).strip() for line in file.read_text().splitlines()[-10:]]

        [first] = [number for number, line in enumerate(ending) if line.startswith("curl ")]
        asked = shlex.split(ending[first].removesuffix("\\") + ending[first + 1])
        assert asked == shlex.split(ended.out.splitlines()[-1])
        assert asked[:3] == ["curl", "--get", f"{ADDRESS}/my-{lang}"]
        assert "Authorization: $ANON_KEY" in asked


def without_server(file: Path) -> list[str]:
    """The arguments of the command in the file's last line."""
    command = shlex.split(file.read_text().splitlines()[-1].removeprefix("#"))
    assert command[:3] == ["edgelet", "functions", "invoke"]
    return command[1:]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_python_starter_answers_in_the_sandbox(
    place: Path, template: Template, model_folder: Path
) -> None:
    def ollama(request: Received) -> Any:
        asked = request.json()
        assert (asked["model"], asked["prompt"]) == ("mistral", "Why is the sky blue?")
        return ndjson(*ollama_generate("Rayleigh ", "scattering"))

    assert new("mine", "--template", template).code == 0
    with ScriptedServer(ollama) as server:
        ended = run(
            [*EDGELET, *without_server(place / "functions" / "mine" / "main.py")],
            EDGELET_MODELS=str(model_folder),
            AI_INFERENCE_API_HOST=server.url,
        )

    assert ended.code == 0, ended.err
    match template:
        case "hello":
            assert json.loads(ended.out) == {"message": "Hello Ada!"}
        case "embed":
            assert len(json.loads(ended.out)) == 384
        case "chat":
            assert ended.out.startswith(
                'data: {"text": "Rayleigh "}\n\ndata: {"text": "scattering"}\n\n'
            )
        case "search":
            best = json.loads(ended.out)
            assert [sorted(each) for each in best] == [["score", "text"]] * 3
            assert best[0]["text"].startswith("Plants turn sunlight")
            assert 1 > best[0]["score"] > best[1]["score"] > best[2]["score"] > -1


async def ask(template: Template, query: str = "", body: str | None = None) -> Response:
    """Ask the starter, loaded here as a plain module; it has no model."""
    with loading() as loaded:
        source = (SOURCES / "python" / f"{template}.py").read_text("utf-8")
        exec(source, {"__name__": "main"})
    method = "GET" if body is None else "POST"
    return await respond(
        loaded.handler, Request(f"http://localhost/{query}", method=method, body=body)
    )


@pytest.mark.parametrize(
    ("query", "body", "name"),
    [
        ("?name=Ada", None, "Ada"),
        ("", '{"name": "Ada"}', "Ada"),
        ("?name=Ada", '{"name": "Eve"}', "Ada"),
        ("", None, "world"),
        ("?name=", None, "world"),
        ("", '{"name": 1}', "world"),
        ("", "{}", "world"),
        ("", '["name"]', "world"),
        ("", "no JSON", "world"),
    ],
)
async def test_a_python_starter_reads_the_query_or_json(
    query: str, body: str | None, name: str
) -> None:
    answer = await ask("hello", query, body)
    assert await answer.json() == {"message": f"Hello {name}!"}


@pytest.mark.parametrize("body", [None, "no JSON", '{"input": ""}'])
@pytest.mark.parametrize("template", ["embed", "chat", "search"])
async def test_a_python_starter_asks_for_what_is_missing(
    template: Template, body: str | None
) -> None:
    answer = await ask(template, "", body)
    assert answer.status == 400
    assert (await answer.json())["error"].startswith("give a ")


def deno(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [needs("deno"), *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_typescript_starters_are_what_deno_asks_for(place: Path) -> None:
    for template in TEMPLATES:
        assert new(template, "--lang", "ts", "--template", template).code == 0
    sources = list((place / "functions").glob("*/index.ts"))
    assert len(sources) == len(TEMPLATES)

    for command in (["check"], ["fmt", "--check"], ["lint"]):
        done = deno(*command, *sources, cwd=place)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_starter_in_the_package_is_checked_as_it_is(template: Template) -> None:
    source = SOURCES / "typescript" / f"{template}.ts"

    done = deno("check", source, cwd=source.parent)

    assert done.returncode == 0, done.stderr


def test_the_types_are_those_of_the_global() -> None:
    theirs = (SHIM / "src" / "supabase_global.ts").read_text("utf-8")
    ours = TYPES.read_text("utf-8")

    expected = re.search(r"^declare global \{\n(.+?)^\}$", theirs, re.MULTILINE | re.DOTALL)
    found = re.search(r"^declare (namespace Supabase \{\n.+?^\})$", ours, re.MULTILINE | re.DOTALL)

    assert expected is not None
    assert found is not None
    assert bare(found[1]) == bare(expected[1])


def bare(declaration: str) -> str:
    """A declaration without its comments, and with one space where there is room."""
    return " ".join(re.sub(r"/\*.*?\*/|//[^\n]*", "", declaration, flags=re.DOTALL).split())


PROGRAM = """/// <reference path="./edge-runtime.d.ts" />
const kept: Promise<number> = EdgeRuntime.waitUntil(Promise.resolve(1));
const model = new Supabase.ai.Session("mistral");
const options: Supabase.ai.ModelOptions = {
  mean_pool: true,
  normalize: true,
  stream: false,
  timeout: 60,
  mode: "openaicompatible",
  signal: AbortSignal.timeout(1000),
};
const vector: number[] = await model.run("Hello", options);
for await (const piece of await model.run({ messages: [] }, { stream: true })) {
  console.log(piece.response, vector, await kept);
}
// @ts-expect-error: it is no promise
EdgeRuntime.waitUntil(1);
// @ts-expect-error: a session has a model
new Supabase.ai.Session();
// @ts-expect-error: there is no such mode
model.run("Hello", { mode: "olama" });
"""


def test_the_types_allow_what_works_and_nothing_else(place: Path) -> None:
    (place / TYPES.name).write_bytes(TYPES.read_bytes())
    (place / "program.ts").write_text(PROGRAM)

    done = deno("check", "program.ts", cwd=place)

    assert done.returncode == 0, done.stderr
