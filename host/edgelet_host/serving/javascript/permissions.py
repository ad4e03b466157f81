"""What a function's process in Deno may do: reach the hosts it was granted, read its own files.

Deno judges names, not the addresses behind them: a host that is named is trusted wherever it is.

Source: https://docs.deno.com/runtime/fundamentals/security/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from edgelet.inference_host import HOST_VARIABLE
from edgelet_host.project import FunctionConfig
from edgelet_host.sandbox.network import ANY_HOST
from edgelet_host.serving.javascript.executable import shim

DOOR_HOST = "edgelet.invalid:80"
"""The name under which a function's process asks its door."""

_PORTS = {"http": 80, "https": 443}


def permissions(
    function: FunctionConfig,
    env: Mapping[str, str],
    *,
    socket: Path,
    door: Path,
    readable: Iterable[Path],
) -> list[str]:
    """Deno's options. `socket` is where it listens, `door` where it asks."""
    hosts = [*function.allow_hosts, *_own_hosts(env)]
    net = [f"unix:{path}" for path in (socket, door)] + [DOOR_HOST, *hosts]
    read = [function.folder, shim(), socket, door, *function.static_files, *readable]
    return [
        "--no-prompt",
        "--allow-env",  # it holds nothing but what the function is given
        "--allow-net" if ANY_HOST in hosts else f"--allow-net={','.join(net)}",
        f"--allow-read={','.join(map(_plain, read))}",
        f"--allow-write={','.join(map(_plain, (socket, door)))}",
    ]


def _own_hosts(env: Mapping[str, str]) -> list[str]:
    """The inference host, and the project itself."""
    return [
        origin
        for name in (HOST_VARIABLE, "SUPABASE_URL")
        if (origin := _origin(env.get(name, ""))) is not None
    ]


def _origin(url: str) -> str | None:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    if not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}"


def _plain(path: Path) -> str:
    """A path, or for a pattern the folder that holds what it matches."""
    parts = path.parts
    first = next((at for at, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    return str(Path(*parts[:first])).replace(",", ",,")  # a comma alone separates paths
