"""What a user could pick instead: a process for each request."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.sandbox.functions import NOOP

ROOT = Path(__file__).parents[2]

_PYTHON = """
import asyncio, sys
from edgelet.functions import loading, respond
from edgelet.http import Request

with loading() as loaded:
    exec(compile(open(sys.argv[1]).read(), "main.py", "exec"), {"__name__": "main"})

async def answer():
    response = await respond(loaded.handler, Request("http://localhost/"))
    sys.stdout.write(await response.text())

asyncio.run(answer())
"""

_PYODIDE = """
import { loadPyodide } from "pyodide";
const pyodide = await loadPyodide();
process.stdout.write(pyodide.runPython("def handler(request): return 'ok'\\nhandler(None)"));
process.exit(0);
"""


def python_process() -> float:
    """Milliseconds of one request in a Python process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        function, program = Path(folder, "main.py"), Path(folder, "program.py")
        function.write_text(NOOP.modules[0].source)
        program.write_text(_PYTHON)
        return _timed([sys.executable, str(program), str(function)])


def pyodide_in_node() -> float:
    """Milliseconds of one request in Pyodide, in a Node process of its own."""
    packages = ROOT / "js-shim"
    return _timed(["node", "--input-type=module", "--eval", _PYODIDE], packages)


def _timed(command: list[str], folder: Path = ROOT) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "ok", done.stdout
    return (time.perf_counter() - began) * 1e3
