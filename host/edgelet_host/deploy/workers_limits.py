"""The limits of Cloudflare Workers, and what a bundle needs of them.

The figures are those of https://developers.cloudflare.com/workers/platform/limits/, on every plan.
Since 2026-09-04 a Worker's size is counted before it is compressed, and not afterwards.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgelet_host.deploy.limits import Limit

LARGEST_ASSET = 25 * 1024 * 1024
"""The most bytes that a static asset may have."""

_LARGEST_WORKER = 64 * 1024 * 1024
_MOST_ASSETS = 20_000
_MEMORY = 128_000_000

_ENGINE_MEMORY = 256 * 65_536
"""The memory that onnxruntime's WebAssembly starts with; a model's weights come on top."""

_MODULES = "worker/"
_ASSETS = "assets/"
_SNAPSHOT = "assets/python/snapshot.bin.gz"
_HELD = (".zip", ".onnx", ".onnx.data")
_AT_ONCE = re.compile(rb"""(?:\bfrom|\bimport)\s*["']\./([^"']+)["']""")

Files = Mapping[str, bytes | Path]


def workers_limits(files: Files) -> tuple[Limit, ...]:
    """The limits for a Worker's files."""
    modules = {name: _bytes(data) for name, data in files.items() if name.startswith(_MODULES)}
    assets = {name: _size(data) for name, data in files.items() if name.startswith(_ASSETS)}
    packed = len(gzip.compress(b"".join(modules[name] for name in sorted(modules)), 6, mtime=0))
    largest = max(assets, key=lambda name: assets[name])
    return (
        Limit(
            "size of the Worker",
            "bytes",
            sum(map(len, modules.values())),
            _LARGEST_WORKER,
            note=f"{packed / 1e6:.1f} MB compressed",
            way_out="leave files and packages out that it does not need",
        ),
        Limit(
            "largest static asset",
            "bytes",
            assets[largest],
            LARGEST_ASSET,
            note=largest.rpartition("/")[2],
            way_out="keep it in R2",
        ),
        Limit("static assets", "files", len(assets), _MOST_ASSETS, way_out="keep them in R2"),
        Limit(
            "memory",
            "bytes",
            sum(_memory(files)),
            _MEMORY,
            about=True,
            note="before the function's own",
            way_out="take the precision int8 or a smaller model, or give --no-model and let "
            "Workers AI or a remote host embed",
        ),
        Limit(
            "scripts run at start-up",
            "bytes",
            sum(len(modules[name]) for name in _run_at_once(modules)),
            None,
            note="they may take 1 s of CPU time; WebAssembly is loaded by the first request",
        ),
    )


def _memory(files: Files) -> Iterator[int]:
    """Python's heap as the snapshot has it, the engine, and the files that stay in memory."""
    for name, data in files.items():
        if name == _SNAPSHOT:
            yield int.from_bytes(_bytes(data)[-4:], "little")  # the size of what gzip packed
        elif name.startswith(f"{_MODULES}edgelet/assets/onnxruntime/"):
            yield _ENGINE_MEMORY
        elif name.endswith(_HELD):
            yield _size(data)


def _run_at_once(modules: Mapping[str, bytes]) -> set[str]:
    """The scripts that are imported before a request comes; the others are imported by one."""
    seen: set[str] = set()
    waiting = [f"{_MODULES}main.js"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        folder = name.rpartition("/")[0]
        found = (f"{folder}/{each.decode()}" for each in _AT_ONCE.findall(modules[name]))
        waiting += [each for each in found if each in modules and each not in seen]
    return seen


def _size(data: bytes | Path) -> int:
    return len(data) if isinstance(data, bytes) else data.stat().st_size


def _bytes(data: bytes | Path) -> bytes:
    return data if isinstance(data, bytes) else data.read_bytes()
