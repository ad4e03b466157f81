"""How a project is served."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PORT = 54321


@dataclass(frozen=True, slots=True)
class Options:
    """How a project is served; see `edgelet functions serve --help`.

    `names` are the functions to serve, all where there are none. `inspect` is where a debugger may
    attach to functions in Deno, `host:port`. `requests` has each request printed. `cpu_ms` is what
    a request may compute, `wall_clock_ms` how long it may take in all; both in the sandbox.
    `single` is for one request and no server.
    """

    names: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = PORT
    env_file: Path | None = None
    verify_jwt: bool = True
    sandbox: bool = True
    import_map: Path | None = None
    inspect: str | None = None
    preload: bool = False
    region: str = "local"
    requests: bool = True
    cpu_ms: int = 2_000
    wall_clock_ms: int = 400_000
    single: bool = False
