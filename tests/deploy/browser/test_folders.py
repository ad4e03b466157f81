"""What `edgelet functions deploy --target browser` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.deployed import EXAMPLES, contents, deploy, deployed
from tests.serving.served import write

NAMES = ("embed-minilm", "embed-minilm-js", "ollama-test", "ollama-test-py")
PYTHON = "from edgelet import Response, serve\n\nserve(lambda request: Response('Hello'))\n"
INDEX = "Deno.serve(() => new Response('Hello'))\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_same_function_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    deployed(EXAMPLES, name, "browser", once, "--no-model")
    said = deployed(EXAMPLES, name, "browser", twice, "--no-model")
    assert contents(once) == contents(twice)
    assert said["files"] == {path: len(data) for path, data in contents(once).items()}
    assert len((once / "README.md").read_text().splitlines()) == 5


@pytest.mark.parametrize(("file", "code"), [("main.py", PYTHON), ("index.js", INDEX)])
def test_secrets_are_named_and_not_written(tmp_path: Path, file: str, code: str) -> None:
    write(tmp_path, {f"functions/own/{file}": code, "functions/.env": "API_KEY=squeamish\n"})
    out = tmp_path / "out"
    assert deployed(tmp_path, "own", "browser", out, "--no-model")["variables"] == ["API_KEY"]
    assert "API_KEY" in (out / "README.md").read_text()
    assert not [name for name, data in contents(out).items() if b"squeamish" in data]


def test_static_files_are_refused(tmp_path: Path) -> None:
    config = '[functions.own]\nstatic_files = ["./functions/own/*.txt"]\n'
    write(tmp_path, {"functions/own/index.js": INDEX, "edgelet.toml": config})
    ended = deploy(tmp_path, "own", "--target", "browser", "--out", "out", "--no-model")
    assert ended.code == 1
    assert "own names static_files, which a function in a browser cannot read" in ended.err
