"""The hosts of the matrix: their names, what is held against them, and which versions were met.

It knows no outcome: those come from the tests, by way of `matrix.py`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import sync_playwright

from edgelet.models import DEFAULT_MODEL, PRECISIONS
from edgelet_host.sandbox.requirements import PYTHON
from tests.browser.chromium import launch_chromium
from tests.conformance.cases import Case, load_cases
from tests.js.package import SHIM, needs
from tests.js.workerd.workerd import NEWEST, OLDEST, install_workerd

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
TOKEN_IDS = "token ids"
REFERENCE = "vectors of sentence-transformers"
VECTORS = tuple(f"vectors {precision}" for precision in PRECISIONS)
NATIVE_VECTORS = tuple(f"vectors {precision}, onnxruntime-node" for precision in PRECISIONS)

ROOMS = {
    "cpython": ("tests/conformance/test_cpython.py",),
    "sandbox": ("tests/sandbox/test_conformance.py",),
    "browser": (
        "tests/browser/test_conformance.py",
        "tests/browser/test_vectors.py",
        "tests/browser/test_firefox.py",
    ),
    "js": (
        "tests/js/test_conformance.py",
        "tests/js/test_vectors.py",
        "tests/js/workerd/test_workerd.py",
    ),
}
"""The tests that know the outcomes, by the room that is run as one."""


@dataclass(frozen=True)
class MatrixHost:
    """A row of the matrix."""

    name: str
    title: str
    room: str
    version: Callable[[], str]
    """The version that is installed; nothing where there is none, if its tests cannot skip."""
    native_engine: bool = False
    """Whether it also runs onnxruntime-node."""

    def cases(self) -> tuple[str, ...]:
        """The names of everything that it is to be asked."""
        shared = tuple(case.case for case in load_cases("compatibility"))
        native = NATIVE_VECTORS if self.native_engine else ()
        return (*shared, TOKEN_IDS, REFERENCE, *VECTORS, *native)


def group_of(case: Case) -> str:
    """Under which heading a shared case is counted."""
    if case.model == DEFAULT_MODEL:
        return "embeddings"
    streamed = case.options.get("stream", False)
    return "language models, streamed" if streamed else "language models, whole"


def find_python(name: str) -> Path | None:
    """A Python of that version with edgelet, pytest and pytest-asyncio installed.

    `EDGELET_PYTHONS` names further ones, separated as in `PATH`.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    named = os.environ.get("EDGELET_PYTHONS", "").split(os.pathsep)
    candidates = [sys.executable] if name == own else [*filter(None, named), f"python{name}"]
    for candidate in candidates:
        found = shutil.which(candidate)
        if found is not None and _python_version(found).startswith(f"{name}."):
            return Path(found)
    return None


def environment() -> dict[str, str]:
    """The variables with which any Python finds edgelet's source."""
    folders = ("", "core", "host", "wasm/component", "wasm/pyodide")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in folders)}


def _python_version(program: str) -> str:
    code = (
        "import platform, numpy, pytest, pytest_asyncio\n"
        "from importlib.metadata import version\n"
        "from edgelet_host.native import NativeHost\n"
        "from edgelet_host.store import ModelStore\n"
        "import httpx2, onnxruntime, tokenizers\n"
        "version('edgelet')\n"
        "print(platform.python_version() + ', onnxruntime ' + onnxruntime.__version__)"
    )
    return _said([program, "-c", code])


def _cpython(name: str) -> MatrixHost:
    def met() -> str:
        found = find_python(name)
        return "" if found is None else _python_version(str(found))

    return MatrixHost(f"cpython-{name}", f"CPython {name}", "cpython", met)


def _sandbox() -> str:
    return f"CPython {PYTHON} in wasmtime {version('wasmtime')}"


def _chromium() -> str:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        found = browser.version
        browser.close()
    return found


def _firefox() -> str:
    program = shutil.which("firefox") or shutil.which("firefox-esr")
    return "" if program is None else _last_word([program, "--version"])


def _js(name: str) -> Callable[[], str]:
    return lambda: _said([needs(name), "--version"]).splitlines()[0].split()[-1].lstrip("v")


def _deno() -> str:
    return _said([needs("deno"), "--version"]).split()[1]


def _workerd() -> str:
    return _last_word([str(install_workerd()), "--version"])


def _last_word(command: list[str]) -> str:
    return _said(command).split()[-1]


def _said(command: list[str]) -> str:
    done = subprocess.run(
        command, env=environment(), cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def engines() -> dict[str, str]:
    """The versions of what the npm package carries into every JavaScript host."""
    found = {}
    for name in ("pyodide", "onnxruntime-web", "onnxruntime-node"):
        file = SHIM / "node_modules" / name / "package.json"
        if file.exists():
            found[name] = json.loads(file.read_text("utf-8"))["version"]
    return found


HOSTS = (
    *map(_cpython, PYTHONS),
    MatrixHost("sandbox", "Sandbox", "sandbox", _sandbox),
    MatrixHost("chromium-page", "Chromium, page", "browser", _chromium),
    MatrixHost("chromium-worker", "Chromium, worker", "browser", _chromium),
    MatrixHost("firefox", "Firefox, worker", "browser", _firefox),
    MatrixHost("node", "Node", "js", _js("node"), native_engine=True),
    MatrixHost("deno", "Deno", "js", _deno, native_engine=True),
    MatrixHost("bun", "Bun", "js", _js("bun"), native_engine=True),
    MatrixHost(f"workerd-{OLDEST.date}", f"workerd, compatible with {OLDEST.date}", "js", _workerd),
    MatrixHost(f"workerd-{NEWEST.date}", f"workerd, compatible with {NEWEST.date}", "js", _workerd),
)
