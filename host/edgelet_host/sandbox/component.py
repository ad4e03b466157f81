"""The component on disk: built once, compiled for this machine once, never loaded when foreign.

Both files are in the cache, readable and writable by their owner alone, because machine code is
loaded as it is. Their names say all that they depend on: a change of the sources, of wasmtime, of
its configuration or of the processor gives another name, not a stale file.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs
from filelock import FileLock
from wasmtime import WasmtimeError
from wasmtime.component import Component

from edgelet.errors import ModelError
from edgelet.models import DEFAULT_MODEL
from edgelet_component.build import ComponentNotBuilt, build, key
from edgelet_host.sandbox.wasm import WASM_STACK, new_engine
from edgelet_host.store import ModelStore

Progress = Callable[[str], None]


def cache_folder() -> Path:
    """Where components are kept."""
    return platformdirs.user_cache_path("edgelet") / "component"


def prepared_component(progress: Progress | None = None, folder: Path | None = None) -> Path:
    """The component compiled for this machine; built and compiled now where it is not yet.

    `progress` is told what takes long: ten seconds for the one, ten for the other. Raises
    `ModelError` when it cannot be made.
    """
    folder = cache_folder() if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    artefact = ModelStore().artefact(DEFAULT_MODEL, "fp32")
    tokenizer_json = (artefact / "tokenizer.json").read_bytes()
    component = folder / f"edgelet-guest-{key(tokenizer_json)}.wasm"
    with FileLock(folder / "lock"):
        if not component.exists():
            (progress or _silent)("building the component that runs functions")
            _publish(component, lambda path: _built(tokenizer_json, path))
        compiled = component.with_name(f"{component.stem}-{_machine(component)}.cwasm")
        if not _is_ours(compiled):
            (progress or _silent)("compiling it for this machine")
            _publish(compiled, lambda path: _compiled(component, path))
    return compiled


def _built(tokenizer_json: bytes, path: Path) -> None:
    try:
        build(tokenizer_json, path)
    except (ComponentNotBuilt, OSError) as error:
        raise ModelError(f"the component that runs functions cannot be built: {error}") from error


def _compiled(component: Path, path: Path) -> None:
    try:
        path.write_bytes(Component.from_file(new_engine(), str(component)).serialize())
    except (WasmtimeError, OSError) as error:
        raise ModelError(f"the component in {component} cannot be compiled: {error}") from error


def _publish(path: Path, write: Callable[[Path], None]) -> None:
    """Make a file that is there whole or not at all, and is nobody else's to change."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # of mode 0600
    os.close(handle)
    try:
        write(Path(temporary))
        Path(temporary).chmod(0o600)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _is_ours(compiled: Path) -> bool:
    """Whether machine code may be loaded from there: written by this user, and by no one else."""
    try:
        status = compiled.lstat()
    except FileNotFoundError:
        return False
    return status.st_uid == os.getuid() and not status.st_mode & 0o022 and not compiled.is_symlink()


def _machine(component: Path) -> str:
    """All that machine code depends on beside the component: a hash in its file's name."""
    digest = hashlib.sha256(component.read_bytes())
    for fact in (
        importlib.metadata.version("wasmtime"),
        platform.system(),
        platform.machine(),
        _processor(),
        str(WASM_STACK),
    ):
        digest.update(fact.encode() + b"\0")
    return digest.hexdigest()[:16]


def _processor() -> str:
    """The processor's features, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _silent(_: str) -> None:
    pass


if __name__ == "__main__":
    print(prepared_component(print))  # noqa: T201 (said to whoever builds)
