"""A plain Pyodide page, as JupyterLite, marimo and PyScript are: Pyodide from npm, and micropip.

Nothing of edgelet's build of Pyodide is in it: edgelet comes from a package index, as a wheel, and
loads the bridge by URL.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.js.package import SHIM

ROOT = Path(__file__).parents[2]
PYODIDE = SHIM / "node_modules" / "pyodide"

_START = """async (micropip) => {
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  globalThis.pyodide = await loadPyodide();
  await pyodide.loadPackage(new URL(micropip, location.origin).href);
}"""
_RUN = "([code, given]) => pyodide.runPythonAsync(code, { globals: pyodide.toPy(given) })"


@dataclass(frozen=True)
class Site:
    """What is served, and the path at which micropip itself lies in it."""

    mounts: dict[str, Path]
    micropip: str


def build_site(folder: Path) -> Site:
    """Pyodide, its micropip, and a package index with the wheel of this tree."""
    wheels, index = folder / "wheels", folder / "simple"
    _pip("wheel", "--no-deps", "--wheel-dir", str(index / "edgelet"), str(ROOT))
    [wheel] = (index / "edgelet").glob("*.whl")
    page = f'<!doctype html><title>edgelet</title><a href="{wheel.name}">{wheel.name}</a>'
    (index / "edgelet" / "index.html").write_text(page)
    mounts = {"/pyodide/": PYODIDE, "/wheels/": wheels, "/simple/": index}
    return Site(mounts, f"/wheels/{_download_micropip(wheels)}")


def _download_micropip(folder: Path) -> str:
    """The version that belongs to this Pyodide, from PyPI, where its hash is not the CDN's."""
    packages = json.loads((PYODIDE / "pyodide-lock.json").read_text())["packages"]
    wanted = f"micropip=={packages['micropip']['version']}"
    kind = ("--no-deps", "--only-binary=:all:", "--python-version", "3.14")
    _pip("download", *kind, "--dest", str(folder), wanted)
    [wheel] = folder.glob("micropip-*.whl")
    return wheel.name


class PyodidePage:
    """A page that runs Python, and says what came of it."""

    def __init__(self, page: Page, url: str, site: Site) -> None:
        self._page = page
        page.goto(f"{url}/blank.html")
        page.evaluate(_START, site.micropip)

    def run(self, code: str, **given: Any) -> Any:
        """The value of the last expression, as JSON; `given` are variables of the code."""
        return self._page.evaluate(_RUN, [code, given])


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"pip {arguments[0]} failed: {done.stderr[-2000:]}")
