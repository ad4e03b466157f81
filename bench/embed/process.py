"""Processes that are measured: started with so many cores, asked by JSON lines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.embed.environment import PEERS, node_packages, peers_python
from bench.embed.models import Model

_OWN = {"own.py", "bare.py", "machine.py"}
"""They run in edgelet's environment, with the onnxruntime that it has."""


class Running:
    """A process that waits to be asked; `first` is how many seconds it took to be ready."""

    def __init__(self, script: str, options: Mapping[str, Any], threads: int) -> None:
        self._script = script
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the process)
        started = time.perf_counter()
        with _cores(threads):
            self._process = subprocess.Popen(
                [*_interpreter(script), str(PEERS / script), json.dumps(options)],
                env=_environment(threads),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        self._answer()
        self.first = time.perf_counter() - started

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """The answer. Raises `RuntimeError` with the process's last words when it ends."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"do": verb, **arguments}) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def forget_peak(self) -> None:
        """Let `peak_mb` count from here."""
        with suppress(OSError):
            Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float | None:
        """The most memory that was resident; None where the system does not tell."""
        with suppress(OSError):
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
        return None

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        why = said[-1] if said else f"exit code {self._process.returncode}"
        raise RuntimeError(f"{self._script} ended: {why}")


def options_for(model: Model, texts: Path, threads: int) -> dict[str, Any]:
    """What every script is told, whichever part of it that needs."""
    return {
        "model": model.session,
        "source": str(model.source),
        "hub": str(model.hub),
        "hidden": model.hidden,
        "intermediate": model.intermediate,
        "packages": str(node_packages()),
        "texts": str(texts),
        "threads": threads,
    }


@contextmanager
def _cores(count: int) -> Iterator[None]:
    """What is started meanwhile may run on so many cores only, where the system can say so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _environment(threads: int) -> dict[str, str]:
    # Kernels that were chosen by hand would slow down what is measured.
    left = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    return {**left, **counts, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}


def _interpreter(script: str) -> list[str]:
    if script in _OWN:
        return [sys.executable]
    if script.endswith(".py"):
        return [str(peers_python())]
    node = shutil.which("node")
    if node is None:
        raise RuntimeError("Node is not installed")
    return [node]
