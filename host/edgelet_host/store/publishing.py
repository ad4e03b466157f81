"""How files become visible: whole, or not at all, and by one process at a time.

Everything is made in a hidden folder beside its final place, flushed to the disk and renamed. A
process may die at any instant: it leaves a hidden folder, which the next one to hold the model's
lock sweeps away. Only the holder of a model's lock writes to the model's folders, so whatever is
hidden there when the lock is gained belongs to nobody.

Partial downloads (`.partial-<revision>`) are hidden too, but kept, so that they can be continued.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_MAKING = ".making-"
_TRASH = ".trash-"
_PARTIAL = ".partial-"


@contextmanager
def exclusive(lock_file: Path, when_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock among all threads and processes; `when_waiting` is called once if it is taken.

    The lock dies with its process.
    """
    from filelock import FileLock, Timeout

    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        when_waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A new hidden folder inside `parent`, gone at the end unless it was published."""
    folder = parent / f"{_MAKING}{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def partial_folder(parent: Path, revision: str) -> Path:
    """The hidden folder of a download that may be continued; other revisions' are removed."""
    folder = parent / f"{_PARTIAL}{revision}"
    for other in parent.glob(f"{_PARTIAL}*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def publish(staged: Path, final: Path) -> None:
    """Make a complete folder visible under its final name, replacing what may be there."""
    for path in staged.rglob("*"):
        _flush(path)
    _flush(staged)
    delete(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    os.rename(staged, final)  # noqa: PTH104  (tests stop a process at exactly this call)
    _flush(final.parent)


def delete(path: Path) -> None:
    """Remove a published folder or file: it is gone in one step, then its bytes are freed."""
    trash = path.parent / f"{_TRASH}{uuid.uuid4().hex[:12]}"
    try:
        os.rename(path, trash)  # noqa: PTH104  (as above)
    except FileNotFoundError:
        return
    _erase(trash)


def write_whole(file: Path, text: str) -> None:
    """Write a small file so that a reader sees the old text or the new, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.parent / f"{_MAKING}{uuid.uuid4().hex[:12]}"
    try:
        new.write_text(text, encoding="utf-8")
        _flush(new)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def sweep(parent: Path) -> None:
    """Remove what dead processes left in a model's folder. The caller holds the model's lock."""
    for prefix in (_MAKING, _TRASH):
        for left in parent.glob(f"{prefix}*"):
            _erase(left)


def is_hidden(path: Path) -> bool:
    """Whether a folder is work in progress rather than something published."""
    return path.name.startswith(".")


def _erase(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    # Windows cannot open a folder, and needs no flush of one for the rename to last.
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
