"""One start: a new process, asked again and again until it answers."""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.cold.folders import Way
from bench.serve.servers import free_port

PATIENCE = 60.0

_LISTENS = ("Listening", '{"event":"listen"')
"""How lines begin by which servers, and workerd, say so."""

Marks = dict[str, float]
"""Milliseconds since a start began, by what had happened then."""


class Clock:
    """Milliseconds since it was made, or started anew, and what happened when."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Count from now on, and forget what has happened."""
        self._began = time.perf_counter()
        self.marks: Marks = {}

    def now(self) -> float:
        return (time.perf_counter() - self._began) * 1e3

    def mark(self, name: str) -> None:
        """Remember when that happened first."""
        self.marks.setdefault(name, self.now())


def start(way: Way, figure: str, inference_host: str) -> Marks:
    """Start a server and ask it once: `answered` is when the first byte of a body had come, and
    `again` how long the same took a second time.
    """
    with running(way, inference_host) as (port, clock):
        if way.since is not None:
            first_byte(port, way.since)
            clock.start()
        first_byte(port, figure)
        clock.mark("answered")
        asked = clock.now()
        first_byte(port, figure)
        again = clock.now() - asked
    return {**clock.marks, "again": again}  # by now all that it printed has been read


def first_byte(port: int, figure: str) -> None:
    """Ask until somebody listens, and wait for the first byte of the answer's body."""
    end = time.monotonic() + PATIENCE
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", f"/{figure}")
            answer = connection.getresponse()
            if answer.status != 200 or not answer.read(1):
                raise RuntimeError(f"/{figure} was answered by {answer.status}: {answer.read()!r}")
            answer.read()
            return
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.002)
        finally:
            connection.close()


@contextmanager
def running(way: Way, inference_host: str) -> Iterator[tuple[int, Clock]]:
    """Run a server; gives its port, where it may not listen yet, and a clock that hears it."""
    port = free_port()
    env = {"PORT": str(port), "HOST": "127.0.0.1", "AI_INFERENCE_API_HOST": inference_host}
    clock = Clock()
    process = subprocess.Popen(
        way.command,
        cwd=way.folder,
        env={**os.environ, **env, "DENO_NO_UPDATE_CHECK": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if line.startswith("@"):
                clock.mark(line.strip().removeprefix("@"))
            elif line.startswith(_LISTENS):
                clock.mark("listening")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield port, clock
    except Exception as error:
        raise RuntimeError(f"{way.name} failed: {''.join(printed[-20:])}") from error
    finally:
        process.kill()
        process.wait()
        reader.join()
