"""JavaScript hosts as processes: one that is asked questions as long as a test module lasts.

The permissions that Deno gets here are the least with which everything works; they are what the
documentation tells Deno's users to give.
"""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.js.package import needs

HERE = Path(__file__).parent
FILES = ("host.mjs", "subject.js", "conformance.js")
SECONDS = 240.0
"""The longest that one question may take, on a machine that is busy with other things."""


class SubjectFailed(Exception):
    """The host answered a question with something that is no error of edgelet's."""


@dataclass(frozen=True)
class JsHost:
    """A JavaScript host, and how it is started in a project that may read the folder of models."""

    name: str
    command: Callable[[Path, Path], list[str]]
    native_flags: tuple[str, ...] = ()
    """What it needs beside that to run onnxruntime-node."""


def _deno(project: Path, models: Path) -> list[str]:
    return [
        needs("deno"),
        "run",
        "--no-prompt",
        "--cached-only",
        f"--allow-read={project},{models}",
        "--allow-net=127.0.0.1",
        "--allow-env=AI_INFERENCE_API_HOST,AI_INFERENCE_API_KEY",
    ]


HOSTS = (
    JsHost("node", lambda project, models: [needs("node")]),
    JsHost("deno", _deno, native_flags=("--allow-ffi",)),
    JsHost("bun", lambda project, models: [needs("bun"), "run"]),
)


class JsProcess:
    """A running host. `call` asks it one question and waits for the answer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def call(self, method: str, *parameters: Any) -> Any:
        """Ask for `method` of `subject.js`; raises `SubjectFailed` with what the host says."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([method, *parameters]) + "\n")
        self._process.stdin.flush()
        try:
            line = self._lines.get(timeout=SECONDS)
        except queue.Empty:
            raise SubjectFailed(f"{method} took longer than {SECONDS:g} s") from None
        if not line:
            raise SubjectFailed(f"the host ended with exit code {self._process.wait()}")
        reply = json.loads(line)
        if "failure" in reply:
            raise SubjectFailed(reply["failure"])
        return reply.get("answer")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")


@contextmanager
def start_host(host: JsHost, project: Path, models: Path, **options: Any) -> Iterator[JsProcess]:
    """Start a host in a project that has the package; it must end by itself, without a word."""
    for name in FILES:
        shutil.copyfile(HERE / name, project / name)
    errors = project / f"{host.name}.stderr"
    command = host.command(project, models)
    if options.get("device") == "native":
        command += host.native_flags
    with (
        errors.open("w+") as stderr,
        subprocess.Popen(
            [*command, "host.mjs", json.dumps({"models": str(models), **options})],
            cwd=project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            yield JsProcess(process)
            process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
            assert process.wait(30) == 0, errors.read_text()
            assert errors.read_text() == ""
        finally:
            process.kill()
