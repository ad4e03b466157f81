"""The files that a function is made of: which they are, and whether they have changed.

Editors' temporary files are none, nor is what interpreters and package managers keep beside the
code. Secrets are none either: they are read with each request. Links are followed, since a folder
that functions share is often one.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_TEMPORARY = re.compile(
    r"\.(sw[a-z]|tmp|bak|py[cod])$|~$|^\.#|^#.*#$|^4913$|___jb_\w+___$|^\.DS_Store$|^flycheck_"
)
"""What vim, Emacs, JetBrains and others write beside a file while they save it."""

_OTHERS = frozenset(
    {
        "__pycache__", ".git", ".hg", ".svn", ".idea", ".venv", "node_modules",
        ".mypy_cache", ".pytest_cache", ".ruff_cache",
    }
)  # fmt: skip


def is_source(relative: Path) -> bool:
    """Whether a function may be made of that file, or folder.

    >>> is_source(Path("hello/main.py")), is_source(Path("hello/.main.py.swp"))
    (True, False)
    """
    return (
        _OTHERS.isdisjoint(relative.parts)
        and not _TEMPORARY.search(relative.name)
        and relative.name != ".env"
    )


def sources(folder: Path) -> Iterator[Path]:
    """All files below a folder that a function may be made of, each folder once."""
    seen: set[str] = set()
    for at, below, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(set(below) - _OTHERS)
        yield from (Path(at, name) for name in sorted(files) if is_source(Path(name)))


def links(folder: Path) -> Iterator[Path]:
    """All links below a folder, to whatever they lead."""
    for at, below, files in os.walk(folder):
        below[:] = sorted(set(below) - _OTHERS)
        for name in (*below, *files):
            path = Path(at, name)
            if path.is_symlink() and is_source(Path(name)):
                yield path


def stamp(files: Iterable[Path]) -> str:
    """The same as before for as long as none of the files has been written."""
    digest = hashlib.sha256()
    for path in files:
        try:
            found = path.stat()
        except OSError:  # it is not there, or not any more
            continue
        digest.update(f"{path}\0{found.st_mtime_ns}\0{found.st_size}\0{found.st_ino}\n".encode())
    return digest.hexdigest()
