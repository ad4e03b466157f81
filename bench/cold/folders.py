"""What is started: folders that `edgelet functions deploy` wrote, and servers of peers."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.browser.peer import install_peer
from bench.cold.functions import LANGUAGES
from tests.js.package import link_native_engine, needs

HERE = Path(__file__).parent
HOSTS = ("node", "deno", "bun")
FIGURES = ("hello", "ask", "embed")

_READ = """onProgress: ({ file, loaded, total }) => {
  if (file.endsWith(".data") && loaded === total) console.log("@read");
}"""
"""An option that tells when the model's weights have been read."""


@dataclass(frozen=True, slots=True)
class Way:
    """A server to start, what it is asked, and whether it prints how far it has come."""

    name: str
    folder: Path
    command: Sequence[str]
    figures: Sequence[str] = FIGURES
    stages: bool = False


def deployed_workers(project: Path, work: Path) -> dict[str, Path]:
    """The folders of the function as Workers, in both languages."""
    folders = {}
    for language, shown in LANGUAGES.items():
        folder = folders[f"workerd, {shown}"] = work / f"worker-{language}"
        _deploy(project, f"cold-{language}", "cloudflare", folder)
    return folders


def deployed_ways(project: Path, work: Path, host: str) -> list[Way]:
    """The function in both languages, each as it is deployed and with other options."""
    ways = []
    for language, shown in LANGUAGES.items():
        web, native = (work / f"{host}-{language}{engine}" for engine in ("", "-native"))
        command = _command(_deploy(project, f"cold-{language}", host, web))
        asked = _deploy(project, f"cold-{language}", host, native, "--native")
        native_command = _command(asked)
        link_native_engine(native)
        without = _with_option(web, "snapshot: false")
        name = f"{host}, {shown}"
        ways += [
            Way(name, web, command),
            Way(f"{name}, without snapshot", without, command, ("ask", "embed")),
            Way(f"{name}, --native", native, native_command, ("embed",)),
        ]
        for suffix, folder, start in (("", web, command), (", --native", native, native_command)):
            watched = _with_option(folder, _READ)
            ways.append(Way(f"{name}{suffix}", watched, start, ("embed",), stages=True))
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


def _deploy(project: Path, name: str, host: str, folder: Path, *options: str) -> str:
    """Deploy a function; gives what is printed, which ends with what starts it."""
    edgelet = str(Path(sys.executable).with_name("edgelet"))
    asked = [name, "--target", host, "--out", str(folder), *options]
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


def _with_option(folder: Path, option: str) -> Path:
    """The same folder, with an option of the runtime in its handler."""
    copy = folder.with_name(f"{folder.name}-{len([*folder.parent.iterdir()])}")
    shutil.copytree(folder, copy, copy_function=os.link)
    handler = copy / "handler.js"
    before = handler.read_text()
    given = re.sub(r"environment\(names\)", rf"\g<0>, {option}", before, count=1)
    if given == before:
        given = before.replace(", { device", f", {{ {option}, device")
    if given == before:
        given = re.sub(r'(import\("[^"]+"\))\)', rf"\1, {{ {option} }})", before)
    assert given != before
    handler.unlink()
    handler.write_text(given)
    return copy
