"""A project that is served as a user would: `edgelet functions serve`, a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx2

from tests.js.package import SHIM, needs

EDGELET = Path(sys.executable).with_name("edgelet")
"""The command, as it is installed."""

START_SECONDS = 120.0
"""A machine without the component builds it first."""
STOP_SECONDS = 20.0


class Served:
    """A server that runs. `output` is all that it has printed so far, on both streams."""

    def __init__(self, process: subprocess.Popen[str], project: Path) -> None:
        self.process = process
        self.project = project
        self.url = ""
        self.anon_key = ""
        self._lines: list[str] = []
        self._heard = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (process.stdout, process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    @property
    def output(self) -> str:
        with self._heard:
            return "".join(self._lines)

    @property
    def authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.anon_key}"}

    def function(self, path: str) -> str:
        """The URL of a function, or of something below it."""
        return f"{self.url}/functions/v1/{path}"

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        return self.ask("POST", path, **options)

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx2.Response:
        """Call a function with the anon key, on a connection of its own."""
        own = {**self.authorization, **(headers or {})}
        options.setdefault("timeout", 60.0)
        return httpx2.request(method, self.function(path), headers=own, **options)

    def wait_for(self, pattern: str, seconds: float = 30.0) -> re.Match[str]:
        """Wait until the output matches. Fails with all of it."""
        end = time.monotonic() + seconds
        with self._heard:
            while (found := re.search(pattern, "".join(self._lines), re.MULTILINE)) is None:
                left = end - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._are_reading()):
                    raise AssertionError(f"no {pattern!r} in:\n{''.join(self._lines)}")
                self._heard.wait(min(left, 0.2))
            return found

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, and wait until it has. Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            code = self.process.wait(STOP_SECONDS)
        finally:
            self.process.kill()
        for reader in self._readers:
            reader.join(2)
        return code

    def _are_reading(self) -> bool:
        return any(reader.is_alive() for reader in self._readers)

    def _read(self, stream: IO[str] | None) -> None:
        if stream is None:
            return
        with stream:
            for line in stream:
                with self._heard:
                    self._lines.append(line)
                    self._heard.notify_all()


@contextmanager
def served(
    project: Path, *options: str, env: Mapping[str, str] | None = None, deno: bool = True
) -> Iterator[Served]:
    """Serve the project in a folder at a free port, until the context ends.

    With `deno`, the test is skipped where there is none.
    """
    with starting(project, *options, env=env, deno=deno) as server:
        server.url = server.wait_for(r"^Serving .* at (http://\S+)/functions/v1$", START_SECONDS)[1]
        key = re.search(r"export ANON_KEY=(\S+)", server.wait_for(r"(?s)instance:\n\n.*\n\n")[0])
        server.anon_key = key[1] if key else ""
        yield server


@contextmanager
def starting(
    project: Path, *options: str, env: Mapping[str, str] | None = None, deno: bool = True
) -> Iterator[Served]:
    """The same, not waiting until it serves."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AI_INF")}
    if deno:
        needs("node")
        own["EDGELET_DENO"] = str(SHIM / "node_modules" / "deno" / "deno")
    command = [str(EDGELET), "functions", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=project,
        env={**own, "PYTHONUNBUFFERED": "1", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    server = Served(process, project)
    try:
        yield server
    finally:
        server.stop()


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write the files of a project, by their paths, and return its folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder
