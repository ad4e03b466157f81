"""What is measured, a process each: edgelet, plain Deno, and a server that does nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SHIM = Path(__file__).parents[2] / "js-shim"
DENO = Path(os.environ.get("EDGELET_DENO") or SHIM / "node_modules" / "deno" / "deno")
PATIENCE = 120.0

_NOTHING = """
import asyncio, sys

ANSWER = b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok"

async def client(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
            writer.write(ANSWER)
    except asyncio.IncompleteReadError:
        writer.close()

async def main():
    server = await asyncio.start_server(client, "127.0.0.1", int(sys.argv[1]), backlog=256)
    await server.serve_forever()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs. `headers` are what a caller must send."""

    pid: int
    port: int
    headers: Mapping[str, str]


@contextmanager
def edgelet(project: Path) -> Iterator[Running]:
    """`edgelet functions serve`, which checks tokens, as it does by default."""
    command = [str(Path(sys.executable).with_name("edgelet")), "functions", "serve", "--port", "0"]
    environment = {"EDGELET_DENO": str(DENO), "PYTHONUNBUFFERED": "1"}
    with _process(command, project, environment) as (process, log):
        said = _wait_for(
            process, log, r"(?s)at http://[^\n]+:(\d+)/functions/v1\n.*ANON_KEY=(\S+)\n"
        )
        yield Running(process.pid, int(said[1]), {"authorization": f"Bearer {said[2]}"})


@contextmanager
def plain_deno(function: Path, *options: str, preload: Path | None = None) -> Iterator[Running]:
    """The function's file under `deno run`, as it is; a variable of Deno's says where it listens.

    It may not answer yet.
    """
    port = free_port()
    preloads = [] if preload is None else [f"--preload={preload}"]
    command = [str(DENO), "run", "--quiet", "-A", *preloads, *options, str(function)]
    environment = {"DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{port}", "DENO_NO_UPDATE_CHECK": "1"}
    with _process(command, function.parent, environment) as (process, _):
        yield Running(process.pid, port, {})


@contextmanager
def nothing() -> Iterator[Running]:
    """An asyncio server that answers as soon as it can: what the client itself reaches."""
    port = free_port()
    command = [sys.executable, "-c", _NOTHING, str(port)]
    with _process(command, Path.cwd(), {}) as (process, _):
        yield Running(process.pid, port, {})


def install_package(folder: Path, *, native: bool) -> Path:
    """The npm package in a project of its own, as `npm install edgelet` leaves it there.

    `native`: with onnxruntime-node beside it. Gives the module `edgelet/supabase`.
    """
    package = folder / "node_modules" / "edgelet"
    shutil.copytree(SHIM / "dist", package / "dist")
    shutil.copy(SHIM / "package.json", package)
    (folder / "package.json").write_text('{"type": "module"}')
    if native:
        for name in ("onnxruntime-node", "onnxruntime-common"):
            (folder / "node_modules" / name).symlink_to(SHIM / "node_modules" / name)
    return package / "dist" / "supabase.deno.js"


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def children(pid: int, named: str) -> list[int]:
    """The processes that `pid` has started, as far as their command line has `named`."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            line = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            if named in line:
                found.append(int(child))
    return found


@contextmanager
def _process(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Its output goes to a file, as one that is started by a service manager."""
    log = Path(tempfile.mkstemp(prefix="bench-serve-")[1])
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process, log
    except BaseException:
        sys.stderr.write(log.read_text(errors="replace")[-2000:])
        raise
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        log.unlink()


def _wait_for(process: subprocess.Popen[bytes], log: Path, pattern: str) -> re.Match[str]:
    end = time.monotonic() + PATIENCE
    while (found := re.search(pattern, log.read_text(errors="replace"))) is None:
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("edgelet did not begin to serve")
        time.sleep(0.005)
    return found
