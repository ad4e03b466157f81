"""The examples of the sandbox's page, and of the README's section on it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from edgelet.functions import loading, respond
from edgelet.http import Request
from edgelet_host.sandbox import Limits
from edgelet_host.sandbox.sandbox import Sandbox
from tests.cli.processes import EDGELET, run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
FUNCTION, PROGRAM = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_functions_of_page_readme_and_examples_are_one() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    example = (ROOT / "examples" / "functions" / "embed-minilm" / "main.py").read_text("utf-8")

    assert FUNCTION in readme
    assert "edgelet functions invoke examples/functions/embed-minilm --get input=" in readme
    for line in FUNCTION.splitlines():
        assert line in example


def test_the_function_runs_by_its_command(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "functions" / "embed").mkdir(parents=True)
    (tmp_path / "functions" / "embed" / "main.py").write_text(FUNCTION)
    monkeypatch.chdir(tmp_path)
    assert 'edgelet functions invoke embed --get input="Hello world"' in PAGE
    command = ["functions", "invoke", "embed", "--get", "input=Hello world"]

    ended = run(EDGELET, *command, EDGELET_MODELS=str(model_folder))

    assert ended.code == 0, ended.err
    assert len(json.loads(ended.out)) == 384


async def test_the_function_is_a_module_like_any_other(model_folder: Path) -> None:
    with loading() as loaded:
        exec(FUNCTION, {"__name__": "main"})

    response = await respond(loaded.handler, Request("http://localhost/?input=Hello"))

    assert len(await response.json()) == 384


def test_the_program_runs(model_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == '200 {"message":"Hello Ada!"}\n'


def test_the_table_of_limits_has_all_of_them_with_their_defaults() -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)`(?: \(of the `Sandbox`\))? \| ([\d,]+) \|", PAGE, re.MULTILINE)
    )
    options = Sandbox.__init__.__kwdefaults__
    defaults = {field.name: field.default for field in fields(Limits)} | {
        name: options[name] for name in ("concurrent_instances", "queue_length")
    }

    assert {name: int(value.replace(",", "")) for name, value in rows.items()} == defaults
