"""Functions for Supabase, in real Deno with the permissions of its edge runtime.

The edge runtime itself is a Docker image. What it has beside Deno, `supabase.ts` stands in for.
"""

from __future__ import annotations

import json
import math
import random
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from edgelet.tokenizer import tokenizer_for
from tests.deploy.deployed import EXAMPLES, Running, contents, deploy, deployed, running
from tests.deploy.scripts import go_on, never_ends, says_a_word_then_waits
from tests.servers.scripted_server import ScriptedServer
from tests.serving.served import write

DOUBLE = Path(__file__).with_name("supabase.ts")


@contextmanager
def on_supabase(folder: Path, name: str, *, double: bool = True, **env: str) -> Iterator[Running]:
    """Run a deployed function with what Supabase lets it have: files, network and environment."""
    config = tomllib.loads((folder / "supabase" / "config.toml").read_text("utf-8"))
    function = config["functions"][name]
    for file in function.get("static_files", []):
        assert (folder / "supabase" / file).is_file()
    preload = f"--preload={DOUBLE}" if double else ""
    command = (
        f"deno run --no-prompt --no-remote --no-npm --cached-only --no-lock {preload} "
        f"--allow-net --allow-env --allow-read={folder / 'supabase'} "
        f"--config=supabase/{function['import_map']} supabase/{function['entrypoint']}"
    )
    with running(folder, [command], DENO_SERVE_ADDRESS="tcp:127.0.0.1:0", **env) as served:
        yield served


def double(text: str, rows: int = 1) -> list[float]:
    return [1 + ((len(text) * 7 + at) % 11) for at in range(rows * 384)]


def scaled(values: list[float]) -> list[float]:
    length = math.hypot(*values)
    return [value / length for value in values]


def test_python_embeds_by_supabases_own_model(tmp_path: Path) -> None:
    deployed(EXAMPLES, "embed-py", "supabase", tmp_path)
    with on_supabase(tmp_path, "embed-py") as function:
        vector = function.get(params={"input": "Hello world"}).json()
        assert vector == pytest.approx(scaled(double("hello world")), abs=1e-6)
        assert function.get().status_code == 500
        function.wait_for("KeyError")


MAIN = """
import os

from edgelet import Request, Response, Session, serve

gte = Session("gte-small")


@serve
async def handler(request: Request) -> Response:
    text = request.query.get("input", "")
    match request.path:
        case "/environment":
            return Response.json(dict(os.environ))
        case "/rows":
            return Response.json(await gte.run(text, mean_pool=False, normalize=False))
        case "/normal-rows":
            return Response.json(await gte.run(text, mean_pool=False))
        case "/many":
            found = await gte.embed([text, "a", text], normalize=False)
            return Response.json([list(found), found.token_counts])
        case "/cut":
            found = await gte.embed([text], max_tokens=6)
            return Response.json([found.token_counts, found.truncated])
        case "/int8":
            return Response.json(await Session("gte-small", precision="int8").run(text))
        case "/other":
            return Response.json(await Session("./model").run(text))
    return Response("Hello")
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Running]]:
    folder = tmp_path_factory.mktemp("own")
    write(folder, {"functions/own/main.py": MAIN, "functions/own/.env": "API_KEY=squeamish\n"})
    out = folder / "out"
    deployed(folder, "own", "supabase", out)
    env = {"API_KEY": "given", "SUPABASE_URL": "http://own", "SOMETHING_ELSE": "not named"}
    with on_supabase(out, "own", **env) as function:
        yield out, function


def test_python_sees_the_variables_that_are_named(own: tuple[Path, Running]) -> None:
    _, function = own
    seen = function.get("environment").json()
    assert seen == {"API_KEY": "given", "SUPABASE_URL": "http://own"}


def test_rows_and_lists_come_as_everywhere(own: tuple[Path, Running]) -> None:
    _, function = own
    rows = function.get("rows", params={"input": "hello world"}).json()
    flat = double("hello world", 4)
    assert rows == [flat[begin : begin + 384] for begin in range(0, len(flat), 384)]
    normal = function.get("normal-rows", params={"input": "hello world"}).json()
    assert normal == [pytest.approx(scaled(row), abs=1e-6) for row in rows]
    vectors, counts = function.get("many", params={"input": "hello world"}).json()
    assert vectors == [double("hello world"), double("a"), double("hello world")]
    assert counts == [4, 3, 4]


@pytest.mark.parametrize(
    "text",
    [
        "Naïve Café, unbelievably—antidisestablishmentarianism's #tag!",
        "東京 und Zürich: ½ ﬁ \u0301 \ufffd \U0001f600 [SEP] [UNK] ##ing",
        "x" * 300 + " supercalifragilistic " + "9.99€",
    ],
)
def test_supabases_tokenizer_is_given_a_text_of_the_same_tokens(
    own: tuple[Path, Running], text: str
) -> None:
    out, function = own
    tokenizer_json = next(out.rglob("tokenizer.json")).read_bytes()
    tokenizer = tokenizer_for(tokenizer_json, None, "gte-small")
    function.printed.clear()
    assert function.get("many", params={"input": text}).status_code == 200
    given = embedded(function, 3)
    assert tokenizer.encode(given, 512) == tokenizer.encode(text, 512)

    cut = function.get("cut", params={"input": text}).json()
    assert cut == [[6], [0]]
    assert tokenizer.encode(embedded(function, 1), 512)[0] == tokenizer.encode(text, 6)[0]


def embedded(function: Running, count: int) -> str:
    """The longest of the texts that the double was given: so many since it was last asked."""
    function.wait_for("embeds ", times=count)
    texts = [line for line in function.printed if line.startswith("embeds ")]
    text: str = max((json.loads(line[7:]) for line in texts), key=len)
    function.printed.clear()
    return text


def test_what_supabase_does_not_have_is_refused_in_a_sentence(own: tuple[Path, Running]) -> None:
    _, function = own
    assert function.get("int8", params={"input": "x"}).status_code == 500
    function.wait_for("Supabase's own gte-small computes in fp32, not in int8; leave the precision")
    assert function.get("other", params={"input": "x"}).status_code == 500
    function.wait_for("Supabase has no embedding model but gte-small")


def test_no_engine_and_no_model_goes_with_it(tmp_path: Path) -> None:
    said = deployed(EXAMPLES, "hello", "supabase", tmp_path)
    assert said["model_bytes"] == 0
    assert not [path for path in said["files"] if "onnxruntime" in path]
    with on_supabase(tmp_path, "hello", double=False) as function:
        assert function.get(params={"name": "Ada"}).json() == {"message": "Hello Ada!"}


def test_without_supabases_own_model_a_sentence_says_so(tmp_path: Path) -> None:
    deployed(EXAMPLES, "embed-py", "supabase", tmp_path)
    with on_supabase(tmp_path, "embed-py", double=False) as function:
        assert function.get(params={"input": "Hello"}).status_code == 500
        function.wait_for("this runtime has no Supabase.ai.Session; run the function on Supabase")


def test_a_language_model_streams_and_hears_who_leaves(tmp_path: Path) -> None:
    go_on.clear()
    deployed(EXAMPLES, "ollama-test-py", "supabase", tmp_path)
    with ScriptedServer(says_a_word_then_waits) as host:
        env = {"AI_INFERENCE_API_HOST": host.url}
        with on_supabase(tmp_path, "ollama-test-py", **env) as function:
            why = {"prompt": "Why?"}
            with httpx2.stream("GET", function.url, params=why, timeout=60) as answer:
                assert answer.status_code == 200, function.printed
                pieces = answer.iter_text()
                first = next(pieces)
                assert first.strip() == "Because"
                go_on.set()
                assert first + "".join(pieces) == "Because of Rayleigh."
            host.play_next(never_ends)
            with httpx2.stream("GET", function.url, params=why, timeout=60) as answer:
                assert next(answer.iter_text()).startswith("word")
            host.wait_until_client_left(20)


def test_javascript_is_what_it_was(tmp_path: Path) -> None:
    deployed(EXAMPLES, "embed", "supabase", tmp_path)
    source = EXAMPLES / "functions" / "embed" / "index.ts"
    copy = tmp_path / "supabase" / "functions" / "embed" / "index.ts"
    assert copy.read_bytes() == source.read_bytes()
    with on_supabase(tmp_path, "embed") as function:
        vector = function.get(params={"input": "Hello world"}).json()
    assert vector == pytest.approx(scaled(double("Hello world")), abs=1e-9)


def test_its_own_configuration_and_shared_modules_go_with_it(tmp_path: Path) -> None:
    files = {
        "supabase/config.toml": "[functions.own]\nverify_jwt = false\n"
        'static_files = ["./functions/own/words.txt"]\n',
        "supabase/functions/own/index.ts": 'import { shout } from "shared";\n'
        'const words = await Deno.readTextFile(new URL("./words.txt", import.meta.url));\n'
        "Deno.serve(() => new Response(shout(words)));\n",
        "supabase/functions/own/deno.json": '{"imports": {"shared": "../_shared/shout.ts"}}',
        "supabase/functions/own/words.txt": "Hello",
        "supabase/functions/_shared/shout.ts": "export const shout = (text: string) => `${text}!`;",
    }
    write(tmp_path, files)
    out = tmp_path / "out"
    deployed(tmp_path, "own", "supabase", out)
    for name, text in files.items():
        if not name.endswith("config.toml"):
            assert (out / name).read_text("utf-8") == text
    config: dict[str, Any] = tomllib.loads((out / "supabase" / "config.toml").read_text())
    assert config["functions"]["own"] == {
        "verify_jwt": False,
        "entrypoint": "./functions/own/index.ts",
        "import_map": "./functions/own/deno.json",
        "static_files": ["./functions/own/words.txt"],
    }
    with on_supabase(out, "own") as function:
        assert function.get().text == "Hello!"


@pytest.mark.parametrize("name", ["embed-py", "embed"])
def test_the_same_function_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    deployed(EXAMPLES, name, "supabase", tmp_path / "once")
    deployed(EXAMPLES, name, "supabase", tmp_path / "twice")
    once = contents(tmp_path / "once")
    assert once == contents(tmp_path / "twice")
    assert len(once["README.md"].splitlines()) == 5


def test_secrets_are_named_and_not_written(own: tuple[Path, Running]) -> None:
    out, _ = own
    written = contents(out)
    assert not [name for name, data in written.items() if b"squeamish" in data]
    assert b"API_KEY" in written["README.md"]


def test_its_size_is_said_beside_the_limit(tmp_path: Path) -> None:
    ended = deploy(EXAMPLES, "hello", "--target", "supabase", "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[1] == "Limits of supabase:"
    assert " MB of 20.0 MB (" in ended.out.splitlines()[2]
    assert ended.out.endswith("\n  supabase functions deploy hello --use-docker\n")
    said = deployed(EXAMPLES, "embed", "supabase", tmp_path / "embed")
    assert said["next"] == ["supabase link", "supabase functions deploy embed"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"main.py": 'from edgelet import Session\nmodel = Session("all-MiniLM-L6-v2")\n'},
            "error: main.py uses all-MiniLM-L6-v2, whose engine and weights do not fit beside "
            "Python into the 20.0 MB that Supabase takes; use gte-small, which it has itself, or "
            "deploy it with --target deno\n",
        ),
        (
            {"index.js": "Deno.serve(() => new Response())\n", "large.bin": None},
            "error: the function does not fit Supabase: size, packed: 21.0 MB of 20.0 MB; leave "
            "files out, or deploy it with --target deno\n",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(
    tmp_path: Path, files: dict[str, str | None], reason: str
) -> None:
    for name, text in files.items():
        path = tmp_path / "functions" / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise(21_000_000) if text is None else text.encode())
    ended = deploy(tmp_path, "own", "--target", "supabase", "--out", "out")
    assert (ended.code, ended.out, ended.err) == (1, "", reason)
    assert not (tmp_path / "out").exists()


def noise(size: int) -> bytes:
    """Bytes that no packing makes fewer."""
    return random.Random(1).randbytes(size)
