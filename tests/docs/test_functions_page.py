"""The page on functions: its commands are typed, its functions served, its configuration read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edgelet_host.project import find_layout, read_config
from edgelet_host.sandbox.errors import CpuLimitExceeded, FunctionFailed, FunctionNotBooted
from edgelet_host.serving.answers import NoAnswerInTime, answer_of, not_found, unauthorized
from tests.docs.shell import typed
from tests.js.package import needs
from tests.serving.served import served, write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "functions.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


[PYTHON], [TYPESCRIPT], [TOML] = blocks("python"), blocks("ts"), blocks("toml")
MAKING, SECRETS, CALLING = blocks("sh")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lines = [line for line in MAKING.splitlines() if "functions new" in line]
    assert len(lines) == 2
    typed("\n".join(lines), tmp_path)
    return tmp_path


def test_the_starters_are_served(project: Path, model_folder: Path) -> None:
    assert "edgelet functions serve " in MAKING
    with served(project, env={"EDGELET_MODELS": str(model_folder)}) as server:
        assert server.get("hello", params={"name": "Ada"}).status_code == 200
        assert server.get("search", params={"query": "bees"}).status_code == 200


def test_the_functions_of_the_page_answer_alike(tmp_path: Path, model_folder: Path) -> None:
    write(tmp_path, {"functions/py/main.py": PYTHON, "supabase/functions/js/index.ts": TYPESCRIPT})
    write(tmp_path, {"supabase/functions/py/main.py": PYTHON})
    with served(tmp_path, env={"EDGELET_MODELS": str(model_folder)}) as server:
        py, js = (server.get(name, params={"input": "Hello"}).json() for name in ("py", "js"))
    assert py == pytest.approx(js, abs=1e-6)


def test_the_configuration_of_the_page_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"edgelet.toml": TOML, "functions/hello/main.py": PYTHON})
    project = read_config(find_layout(tmp_path))
    assert project.notes == ()
    [hello] = project.functions.values()
    assert hello.allow_hosts == ("api.example.com",)
    assert hello.allow_models == ("intfloat/e5-small-v2",)


def test_the_table_of_statuses_is_what_clients_see() -> None:
    rows = dict(re.findall(r"^\| (\d{3}) \|.*\| `?([^`|]*)`? \|$", PAGE, re.MULTILINE))
    assert set(rows) == {"401", "404", "431", "500", "503", "504", "546"}
    assert rows["404"].encode() == not_found().whole
    assert json.loads(unauthorized("no").whole or b"").keys() == {"msg"}
    failures = [
        NoAnswerInTime("hello", 150),
        FunctionNotBooted("hello", "no"),
        FunctionFailed("hello", "no"),
        CpuLimitExceeded("hello", 2000),
    ]
    for answer in map(answer_of, failures):
        code = json.loads(answer.whole or b"")["code"]
        assert f'"code": "{code}"' in rows[str(answer.status)]


def test_secrets_are_kept_as_the_page_says(project: Path) -> None:
    (project / "keys.env").write_text("API_KEY=abc\nOLD_KEY=x\n")
    printed = typed(SECRETS, project)
    assert "abc" not in printed
    listed = json.loads(typed("edgelet secrets list --json", project))
    assert [each["name"] for each in listed] == ["AI_INFERENCE_API_HOST", "API_KEY"]


def test_functions_are_called_without_a_server(project: Path) -> None:
    needs("node")
    answers = typed(CALLING, project)
    assert answers.count("Ada") == 2
    assert answers.count("Hello") == 3
