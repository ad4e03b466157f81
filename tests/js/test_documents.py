"""Every JavaScript example in the documents is run, in the hosts that it is written for."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.js.hosts import HOSTS, JsHost
from tests.js.package import needs
from tests.servers.answers import json_answer, ndjson, ollama_generate
from tests.servers.connection import Request
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Script

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "docs/javascript.md", "js-shim/README.md")
SERVER = "http://localhost:11434"
"""Where the documents say that Ollama is."""


@dataclass(frozen=True)
class Example:
    """A block of code in a document, by its number there."""

    document: str
    number: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.document} {self.language} {self.number}"


def examples(*languages: str) -> list[Example]:
    """All examples in those languages."""
    found = []
    for document in DOCUMENTS:
        text = (ROOT / document).read_text("utf-8")
        blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
        for number, (language, code) in enumerate(blocks, 1):
            if language in languages:
                found.append(Example(document, number, language, code))
    return found


def for_workers(example: Example) -> bool:
    return "cloudflare:workers" in example.code


def ollama(request: Request) -> Script:
    chunks = ollama_generate("Rayleigh ", "scattering")
    if request.json()["stream"]:
        return ndjson(*chunks)
    return json_answer({**chunks[-1], "response": "Rayleigh scattering"})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ScriptedServer(ollama) as server:
        yield server.url


def test_the_documents_have_examples() -> None:
    assert len([each for each in examples("js") if not for_workers(each)]) >= 8
    assert len(examples("ts")) >= 2


@pytest.mark.parametrize(
    "example", [each for each in examples("js") if not for_workers(each)], ids=str
)
def test_an_example_runs(example: Example, host: JsHost, project: Path, url: str) -> None:
    program = project / "example.mjs"
    program.write_text(example.code.replace(SERVER, url))

    done = subprocess.run(
        [*host.command(project, project), program.name],
        cwd=project,
        env={**os.environ, "AI_INFERENCE_API_HOST": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "console.log(" not in example.code or done.stdout


@pytest.mark.parametrize("example", examples("ts"), ids=str)
def test_a_function_written_for_supabase_is_served_by_deno(example: Example, project: Path) -> None:
    program = project / "function.ts"
    program.write_text(example.code)
    [deno] = [host for host in HOSTS if host.name == "deno"]
    command = [*deno.command(project, project), program.name]
    environment = {**os.environ, "DENO_SERVE_ADDRESS": "tcp:127.0.0.1:0"}
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            assert process.stdout is not None
            listening = process.stdout.readline().decode()
            [address] = re.findall(r"http://\S+", listening)
            answer = httpx2.get(address, params={"input": "Hello world"}, timeout=120)
            assert len(answer.json()) == 384
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("example", examples("ts"), ids=str)
def test_a_function_written_for_supabase_has_its_types(example: Example, project: Path) -> None:
    program = project / "typed-function.ts"
    program.write_text(example.code)
    deno = [needs("deno"), "check", "--quiet", "--cached-only", program.name]

    done = subprocess.run(deno, cwd=project, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
