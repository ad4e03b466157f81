"""One start: a new process, asked again and again until it answers."""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import httpx2
from bench.cold.folders import Way
from bench.serve.servers import free_port

PATIENCE = 60.0

Marks = dict[str, float]
"""Milliseconds since the process was started, by what had happened then."""


class HasUrl(Protocol):
    """Something that listens."""

    @property
    def url(self) -> str: ...


def start(way: Way, figure: str, inference_host: str) -> Marks:
    """Start a server and ask it once: `answered` is when the first byte of a body had come, and
    `again` how long the same took a second time.
    """
    port = free_port()
    env = {"PORT": str(port), "HOST": "127.0.0.1", "AI_INFERENCE_API_HOST": inference_host}
    with _process(way, env) as (marks, since):
        _first_byte(port, figure)
        marks["answered"] = since()
        asked = since()
        _first_byte(port, figure)
        marks["again"] = since() - asked
    return marks  # by now all that it printed has been read


def start_worker(
    serve: Callable[..., AbstractContextManager[HasUrl]], figure: str, inference_host: str
) -> Marks:
    """The same for a Worker in workerd, which `serve` serves with variables."""
    began = time.perf_counter()
    with serve(AI_INFERENCE_API_HOST=inference_host) as worker:
        port = httpx2.URL(worker.url).port or 0
        _first_byte(port, figure)
        answered = time.perf_counter()
        _first_byte(port, figure)
        again = time.perf_counter()
    return {"answered": (answered - began) * 1e3, "again": (again - answered) * 1e3}


def _first_byte(port: int, figure: str) -> None:
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
def _process(way: Way, env: Mapping[str, str]) -> Iterator[tuple[Marks, Callable[[], float]]]:
    marks: Marks = {}
    began = time.perf_counter()
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

    def since() -> float:
        return (time.perf_counter() - began) * 1e3

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if line.startswith(("@", "Listening")):
                marks.setdefault(line.split()[0].lower().removeprefix("@"), since())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield marks, since
    except Exception as error:
        raise RuntimeError(f"{way.name} failed: {''.join(printed[-20:])}") from error
    finally:
        process.kill()
        process.wait()
        reader.join()
