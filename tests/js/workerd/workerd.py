"""Cloudflare's workerd as a process: a Worker bundled as `wrangler` does it, served over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.js.package import needs

HERE = Path(__file__).parent
SHARED = HERE.parent
SECONDS = 240.0
"""The longest that one answer may take, on a machine that is busy with other things."""

MODULES = {
    "pyodide.asm.wasm": "wasm",
    "stdlib.zip": "data",
    "core.zip": "data",
    "snapshot.bin.gz": "data",
    "ort-wasm-simd-threaded.wasm": "wasm",
}
"""The assets that are modules of their own, and as what; the others are bundled."""


class WorkerFailed(Exception):
    """The Worker answered a question with something that is no error of edgelet's."""


@dataclass(frozen=True)
class Compatibility:
    """What a Worker says about the workerd that it was written for."""

    date: str
    flags: tuple[str, ...] = ()


OLDEST = Compatibility("2025-08-15")
"""The first date with all that edgelet needs: `FinalizationRegistry`, `MessageChannel`."""

NEWEST = Compatibility("2026-11-17")
"""A date on which workerd looks like Node, with a `process`."""


@dataclass(frozen=True)
class Worker:
    """A Worker that is being served."""

    url: str

    def get(self, path: str, **query: str) -> httpx2.Response:
        """One request."""
        return httpx2.get(f"{self.url}{path}", params=query, timeout=SECONDS)

    def call(self, method: str, *parameters: Any) -> Any:
        """Ask for `method` of `subject.js`, as with the other hosts."""
        answer = httpx2.post(f"{self.url}/subject", json=[method, *parameters], timeout=SECONDS)
        if answer.status_code != 200:
            raise WorkerFailed(answer.text)
        return answer.json().get("answer")


def install_workerd() -> Path:
    """The program, installed on the first call."""
    if not (HERE / "node_modules").exists():
        npm = [needs("npm"), "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(npm, cwd=HERE, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"npm ci failed in {HERE}: {done.stderr[-2000:]}")
    programs = list(HERE.glob("node_modules/@cloudflare/workerd-*/bin/workerd*"))
    if not programs:
        pytest.skip("there is no workerd for this machine")
    return programs[0]


def bundle_worker(name: str, project: Path) -> Path:
    """Bundle one of `workers/` in a project that has the package; gives the script."""
    for path in (*(HERE / "workers").iterdir(), SHARED / "subject.js", SHARED / "conformance.js"):
        shutil.copyfile(path, project / path.name)
    script = project / f"{name}.bundle.mjs"
    subprocess.run(
        [
            needs("esbuild"),
            str(project / f"{name}.mjs"),
            f"--outfile={script}",
            "--bundle",
            "--format=esm",
            "--target=es2022",
            "--conditions=workerd,worker,browser",
            "--external:cloudflare:*",
            "--external:node:*",
            *(f"--external:*/{asset}" for asset in MODULES),
            "--log-level=error",
        ],
        check=True,
    )
    return script


@contextmanager
def serve_worker(
    script: Path,
    models: Path,
    compatibility: Compatibility = NEWEST,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Worker]:
    """Serve a bundled Worker, to which `models` is bound as static assets are."""
    config = script.with_suffix(f".{compatibility.date}.capnp")
    config.write_text(_config(script, models, compatibility, variables or {}))
    errors = config.with_suffix(".stderr")
    reading, writing = os.pipe()
    command = [str(install_workerd()), "serve", str(config), f"--control-fd={writing}"]
    with (
        errors.open("w+") as stderr,
        subprocess.Popen(command, pass_fds=[writing], stdout=stderr, stderr=stderr) as process,
    ):
        os.close(writing)
        try:
            with os.fdopen(reading) as control:
                started = control.readline()
            assert started, errors.read_text()
            yield Worker(f"http://127.0.0.1:{json.loads(started)['port']}")
            process.terminate()
            process.wait(30)
            assert errors.read_text() == ""
        finally:
            process.kill()


def _config(
    script: Path, models: Path, compatibility: Compatibility, variables: Mapping[str, str]
) -> str:
    bundled = script.read_text("utf-8")
    modules = [f'(name = "worker.mjs", esModule = embed "{script.name}")']
    for path in sorted((script.parent / "node_modules/edgelet/dist/assets").glob("*/*")):
        name = f"edgelet/assets/{path.parent.name}/{path.name}"
        if name in bundled:
            kind = MODULES[path.name]
            embedded = path.relative_to(script.parent)
            modules.append(f'(name = "{name}", {kind} = embed "{embedded}")')
    bindings = ['(name = "MODELS", service = "models")']
    bindings += [f"(name = {_text(key)}, text = {_text(variables[key])})" for key in variables]
    return f"""using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [{", ".join(modules)}],
      bindings = [{", ".join(bindings)}],
      compatibilityDate = {_text(compatibility.date)},
      compatibilityFlags = [{", ".join(map(_text, compatibility.flags))}],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "models", disk = (path = {_text(str(models))})),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
"""


def _text(value: str) -> str:
    return json.dumps(value)
