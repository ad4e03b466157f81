"""The packed package in an empty project: documented code runs and type-checks as written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.js.hosts import JsHost
from tests.js.package import needs
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer

PROGRAMS = Path(__file__).parent / "programs"


def test_code_written_for_supabase_runs_and_ends_by_itself(host: JsHost, project: Path) -> None:
    stripped = needs("esbuild")  # Node 20 does not read TypeScript
    program = project / "supabase.mjs"
    subprocess.run(
        [stripped, str(PROGRAMS / "supabase.ts"), f"--outfile={program}", "--log-level=error"],
        check=True,
    )

    with ScriptedServer(ndjson(*ollama_generate("Rayleigh ", "scattering"))) as server:
        done = run(host, project, program, {"AI_INFERENCE_API_HOST": server.url})

    assert done.stderr == ""
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"length": 384, "text": "Rayleigh scattering"}


def test_without_variables_the_way_out_is_in_the_message(host: JsHost, project: Path) -> None:
    program = project / "lost.mjs"
    program.write_text(
        'import { Session } from "edgelet";\n'
        'await new Session("mistral").run("Why?").catch(({ message }) => console.log(message));\n'
    )

    done = run(host, project, program, {})

    assert "set AI_INFERENCE_API_HOST" in done.stdout
    assert done.stderr == ""


def test_the_types_are_those_of_the_documentation(project: Path) -> None:
    for program in PROGRAMS.glob("*.ts"):
        shutil.copyfile(program, project / program.name)
    done = subprocess.run(
        [
            needs("tsc"),
            "--noEmit",
            "--strict",
            "--module", "nodenext",
            "--target", "es2022",
            "--lib", "es2022,dom,dom.iterable,dom.asynciterable,esnext.disposable",
            *(program.name for program in PROGRAMS.glob("*.ts")),
        ],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip

    assert done.stdout == ""
    assert done.returncode == 0


def run(
    host: JsHost, project: Path, program: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a program with these variables of edgelet's and no others."""
    kept = {name: value for name, value in os.environ.items() if "AI_INFERENCE" not in name}
    return subprocess.run(
        [*host.command(project, project), program.name],
        cwd=project,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
