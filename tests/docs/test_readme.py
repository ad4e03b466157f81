"""Every Python example in the documents is run, as a reader would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgelet import BUILT_IN_MODELS
from tests.docs.write_compatibility import PAGE, page
from tests.servers.answers import json_answer, ndjson, ollama_generate
from tests.servers.connection import Request
from tests.servers.llama_server import start_llama_server
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Script

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def ollama(request: Request) -> Script:
    chunks = ollama_generate("Rayleigh ", "scattering")
    if request.json()["stream"]:
        return ndjson(*chunks)
    return json_answer({**chunks[-1], "response": "Rayleigh scattering"})


@pytest.fixture(scope="module")
def ollama_url() -> Iterator[str]:
    with ScriptedServer(ollama) as server:
        yield server.url


@pytest.fixture(scope="module")
def llama_url() -> Iterator[str]:
    with start_llama_server() as url:
        yield url


def run(*command: str, host: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        env={**os.environ, "AI_INFERENCE_API_HOST": host},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("session", 1)[0][-20:])
def test_an_example_of_the_readme_runs(
    example: str, model_folder: Path, ollama_url: str, llama_url: str
) -> None:
    speaks_openai = "openaicompatible" in example

    done = run("-c", example, host=llama_url if speaks_openai else ollama_url)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "print(" not in example or done.stdout


def test_the_search_example_ranks_by_meaning(model_folder: Path) -> None:
    done = run("examples/semantic_search.py", "How do I get my money back?", host="")

    assert done.stdout.splitlines()[0].endswith("within five working days.")
    assert done.returncode == 0, done.stderr


def test_the_streaming_example_streams(ollama_url: str, llama_url: str) -> None:
    assert run("examples/stream_answer.py", "mistral", "Why?", host=ollama_url).stdout == (
        "Rayleigh scattering\n"
    )
    answer = run("examples/stream_answer.py", "tiny", "Why?", "openaicompatible", host=llama_url)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()


def test_the_streaming_example_tells_what_is_missing() -> None:
    done = run("examples/stream_answer.py", "mistral", "Why?", host="")

    assert done.returncode == 1
    assert "set AI_INFERENCE_API_HOST" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_table_of_models_is_the_catalogue() -> None:
    for model in BUILT_IN_MODELS:
        row = next(line for line in README.splitlines() if line.startswith(f"| `{model.name}`"))
        pooling = "first token" if model.pooling == "cls" else model.pooling
        figures = f"| {model.dimensions} | {model.max_tokens} | {pooling} | {model.licence} |"
        assert figures in row


def test_the_page_of_differences_is_the_conformance_suite() -> None:
    assert PAGE.read_text("utf-8") == page()
