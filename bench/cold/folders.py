"""What is started: folders that `edgelet functions deploy` wrote, and servers of peers."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.browser.peer import install_peer
from bench.cold.copies import with_marks, without_snapshot
from bench.cold.functions import LANGUAGES
from tests.js.package import link_native_engine, needs

HERE = Path(__file__).parent
HOSTS = ("node", "deno", "bun")
FIGURES = ("hello", "ask", "embed")


@dataclass(frozen=True, slots=True)
class Way:
    """A server to start, what it is asked, and whether it prints how far it has come.

    Time counts from the start of the process, or from when it has answered at the path `since`.
    """

    name: str
    folder: Path
    command: Sequence[str]
    figures: Sequence[str] = FIGURES
    stages: bool = False
    since: str | None = None


def deployed_ways(project: Path, work: Path, host: str) -> list[Way]:
    """The function in both languages, each as it is deployed and with other options."""
    ways = []
    for language, shown in LANGUAGES.items():
        web, native = (work / f"{host}-{language}{engine}" for engine in ("", "-native"))
        command = _command(deploy(project, language, host, web))
        native_command = _command(deploy(project, language, host, native, "--native"))
        link_native_engine(native)
        name, by_native = f"{host}, {shown}", f"{host}, {shown}, --native"
        without = f"{name}, without snapshot"
        ways += [
            Way(name, web, command),
            Way(without, without_snapshot(web), command, ("ask", "embed")),
            Way(by_native, native, native_command, ("embed",)),
            Way(name, with_marks(web), command, ("embed",), stages=True),
            Way(by_native, with_marks(native), native_command, ("embed",), stages=True),
        ]
    return ways


def peer_ways(work: Path, models: Path) -> list[Way]:
    """What a user would pick instead, in Node: the model alone, in a server of a few lines."""
    folder = work / "peers"
    shutil.copytree(HERE / "peers", folder)
    (folder / "node_modules").symlink_to(install_peer())
    names = {"transformers.js": "transformers.mjs", "onnxruntime-node, tokenizers": "plain.mjs"}
    return [
        Way(f"node, {name}", folder, [needs("node"), file, str(models)], ("embed",))
        for name, file in names.items()
    ]


def deploy(project: Path, language: str, host: str, folder: Path, *options: str) -> str:
    """Deploy the function in a language; gives what is printed, which ends with what starts it."""
    edgelet = str(Path(sys.executable).with_name("edgelet"))
    asked = [f"cold-{language}", "--target", host, "--out", str(folder), *options]
    done = subprocess.run(
        [edgelet, "functions", "deploy", *asked],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def _command(printed: str) -> list[str]:
    program, *arguments = shlex.split(printed.splitlines()[-1])
    return [needs(program), *arguments]
