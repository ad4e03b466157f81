"""Functions that are deployed by the command, and run as the command says: nothing of the clone is
beside them, and nothing of this process's environment reaches them.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.cli.processes import EDGELET, Ended, environment
from tests.js.package import built_dist, needs

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
TARGETS = ("deno", "node", "bun", "cloudflare")
START_SECONDS = 120.0


def deploy(project: Path, *arguments: str | Path) -> Ended:
    """`edgelet functions deploy …` in a project."""
    built_dist()
    done = subprocess.run(
        [*EDGELET, "functions", "deploy", *map(str, arguments)],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,  # a component may have to be built
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def deployed(project: Path, name: str, target: str, out: Path, *options: str) -> dict[str, Any]:
    """Deploy a function, which must succeed; what `--json` says."""
    ended = deploy(project, name, "--target", target, "--out", out, "--json", *options)
    assert ended.code == 0, ended.err
    said: dict[str, Any] = json.loads(ended.out)
    return said


@dataclass
class Running:
    """A deployed function that listens at `url`; `printed` is what it has printed."""

    url: str = ""
    printed: list[str] = field(default_factory=list)

    def get(self, path: str = "", **options: Any) -> httpx2.Response:
        return httpx2.get(f"{self.url}{path}", timeout=60, **options)

    def post(self, content: str) -> httpx2.Response:
        return httpx2.post(self.url, content=content, timeout=60)

    def wait_for(self, text: str, times: int = 1, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while sum(text in line for line in self.printed) < times:
            assert time.monotonic() < end, f"no {text!r} in {''.join(self.printed)}"
            time.sleep(0.02)


def running(folder: Path, commands: list[str], **env: str) -> AbstractContextManager[Running]:
    """Run a deployed function by its last command, until the context ends."""
    program, *arguments = shlex.split(commands[-1])
    address = {"PORT": "0", "HOST": "127.0.0.1", "NO_COLOR": "1"}
    return listening([needs(program), *arguments], folder, "Listening on ", {**address, **env})


@contextmanager
def listening(
    command: list[str], folder: Path, said: str, env: Mapping[str, str]
) -> Iterator[Running]:
    """Run a server, with those variables alone; a line that begins so ends with its address."""
    with tempfile.TemporaryDirectory() as home:
        own = {"PATH": os.environ["PATH"], "HOME": home, "DENO_DIR": f"{home}/deno"}
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**own, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        function, begun = Running(), threading.Event()

        def read() -> None:
            assert process.stdout is not None
            with process.stdout as lines:
                for line in lines:
                    function.printed.append(line)
                    if line.startswith(said):
                        function.url = line.split()[-1].replace("localhost", "127.0.0.1")
                        begun.set()
            begun.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            assert begun.wait(START_SECONDS)
            assert function.url, "".join(function.printed)
            yield function
        finally:
            process.kill()
            process.wait()
            reader.join(5)


def contents(folder: Path) -> Mapping[str, bytes]:
    """All files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
