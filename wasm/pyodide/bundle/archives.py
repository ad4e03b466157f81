"""Zip archives that Python imports from: the same bytes from the same files, on every machine.

Their members are stored, not deflated: HTTP compresses the whole better than zip its parts, and
`zipimport` reads faster.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bundle.pyodide import run_python

_DATE = (1980, 1, 1, 0, 0, 0)


def sources_of(folders: Sequence[Path]) -> dict[str, bytes]:
    """The Python files of packages, by their name in an archive: `edgelet/session.py`."""
    return {
        file.relative_to(folder.parent).as_posix(): file.read_bytes()
        for folder in folders
        for file in folder.rglob("*.py")
    }


def write_archive(archive: Path, members: Mapping[str, bytes]) -> None:
    """Write an archive of the members, in the order of their names."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            file.writestr(info, members[name])


def compile_archive(archive: Path, tools: Path) -> None:
    """Turn the `.py` of an archive, or of every archive in a folder, into `.pyc` for Pyodide.

    `tools` is the folder where pyodide-build is installed. A lock file in the folder is brought up
    to date.
    """
    run_python(
        "from pyodide_build.cli.py_compile import main; main(standalone_mode=False)",
        "--silent",
        "--compression-level=0",
        str(archive),
        folders=[archive if archive.is_dir() else archive.parent, tools],
        path=[tools],
    )
