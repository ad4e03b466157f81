"""Components on disk: built once, compiled for this machine once, never loaded when foreign.

All files are in the cache, readable and writable by their owner alone, as the folder is, because
machine code is loaded as it is. Their names say all that they depend on: a change of the sources,
of wasmtime, of its configuration or of the processor gives another name, not a stale file.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import platformdirs
from filelock import FileLock
from wasmtime import WasmtimeError
from wasmtime.component import Component

from edgelet.errors import FunctionError, ModelError
from edgelet.models import DEFAULT_MODEL
from edgelet_component.build import (
    EMBEDDING,
    SANDBOX,
    STANDALONE,
    ComponentNotBuilt,
    Kind,
    build,
    key,
)
from edgelet_host.sandbox.wasm import WASM_STACK, new_engine
from edgelet_host.store import ModelStore

Progress = Callable[[str], None]

_UNFINISHED = "unfinished-"
_MONTH = 30 * 24 * 3600
_BUILDING = {
    SANDBOX: "building the component that runs functions",
    STANDALONE: "building the component that functions become, which takes some 20 seconds",
    EMBEDDING: "building the component that functions become, which takes some 20 seconds",
}


def cache_folder() -> Path:
    """Where components are kept."""
    return platformdirs.user_cache_path("edgelet") / "component"


def prepared_component(progress: Progress | None = None, folder: Path | None = None) -> Path:
    """The component compiled for this machine; built and compiled now where it is not yet.

    `progress` is told what takes long: ten seconds for the one, ten for the other. Raises
    `ModelError` when it cannot be made.
    """
    folder = cache_folder() if folder is None else folder
    artefact = ModelStore().artefact(DEFAULT_MODEL, "fp32")
    try:
        return _prepared((artefact / "tokenizer.json").read_bytes(), folder, progress or _silent)
    except (ComponentNotBuilt, PackageNotFoundError, OSError) as error:
        raise ModelError(f"the component that runs functions cannot be built: {error}") from error
    except WasmtimeError as error:
        raise ModelError(f"the component in {folder} cannot be compiled: {error}") from error


def standalone_component(
    model: bytes | None, progress: Progress | None = None, folder: Path | None = None
) -> Path:
    """The component that `edgelet_standalone` is, with room for a function; built where it is not.

    `model` are the facts of the model that it embeds with, as JSON. Raises `FunctionError` when it
    cannot be made.
    """
    folder = cache_folder() if folder is None else folder
    kind, data = (STANDALONE, b"null") if model is None else (EMBEDDING, model)
    try:
        with _locked(folder):
            return _built(kind, data, folder, progress or _silent)
    except (ComponentNotBuilt, PackageNotFoundError, OSError) as error:
        raise FunctionError(f"the component cannot be built: {error}") from error


def _prepared(tokenizer_json: bytes, folder: Path, progress: Progress) -> Path:
    with _locked(folder):
        component = _built(SANDBOX, tokenizer_json, folder, progress)
        compiled = component.with_name(f"{component.stem}-{_machine(component)}.cwasm")
        if not _is_ours(compiled) or not _is_whole(compiled):
            progress("compiling it for this machine")
            _publish(compiled, lambda path: _compile(component, path))
        os.utime(compiled)
    return compiled


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder, made for this user alone, with nobody else at work in it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # where others may write, they may put a file in the place of ours
    with FileLock(folder / "lock"):
        for left in folder.glob(f"{_UNFINISHED}*"):  # by a process that was killed
            left.unlink()
        yield


def _built(kind: Kind, data: bytes, folder: Path, progress: Progress) -> Path:
    component = folder / f"{_name(kind)}-{key(kind, data)}.wasm"
    if not _is_ours(component):
        progress(_BUILDING[kind])
        _publish(component, lambda path: build(kind, data, path))
        _remove_unused(folder)
    os.utime(component)
    return component


def _name(kind: Kind) -> str:
    return kind.packages[-1].replace("_", "-")


def _remove_unused(folder: Path) -> None:
    """Remove what no version of edgelet has used for a month; each takes 40 to 90 MB."""
    for file in (file for kind in _BUILDING for file in folder.glob(f"{_name(kind)}-*")):
        if time.time() - file.stat().st_mtime > _MONTH:
            file.unlink()


def _compile(component: Path, path: Path) -> None:
    path.write_bytes(Component.from_file(new_engine(), str(component)).serialize())


def _publish(path: Path, write: Callable[[Path], None]) -> None:
    """Make a file that is there whole or not at all, and is nobody else's to change."""
    handle, temporary = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)  # of mode 0600
    os.close(handle)
    try:
        write(Path(temporary))
        Path(temporary).chmod(0o600)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _is_ours(file: Path) -> bool:
    """Whether it is there, and written by this user and no one else, so that it may be loaded."""
    try:
        status = file.lstat()
    except FileNotFoundError:
        return False
    return (
        stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
    )


def _is_whole(compiled: Path) -> bool:
    """Whether wasmtime takes it for machine code of its own."""
    try:
        Component.deserialize_file(new_engine(), str(compiled))
    except WasmtimeError:
        return False
    return True


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
