"""Writes a bundle: into a new folder, or over an earlier one, and over nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath

from edgelet.errors import FunctionError
from edgelet_host.deploy.bundle import MARKER, Bundle


def write_folder(bundle: Bundle, folder: Path) -> None:
    """Write the bundle; files of an earlier one that it does not have any more are removed.

    Raises `FunctionError` for a folder with other things in it, and when it cannot be written.
    """
    try:
        _write(bundle, folder)
    except OSError as error:
        raise FunctionError(f"{folder} cannot be written: {error.strerror}") from None


def _write(bundle: Bundle, folder: Path) -> None:
    before, contents = _written_before(folder), bundle.contents()
    for name, data in contents.items():  # the marker first: it says whose folder it is
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, bytes):
            file.write_bytes(data)
        else:
            shutil.copyfile(data, file)
    for name in before:
        if name not in contents:
            (folder / name).unlink(missing_ok=True)
            _remove_empty((folder / name).parent, folder)


def _written_before(folder: Path) -> list[str]:
    """The files that an earlier bundle wrote. Raises `FunctionError` when others lie there."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return []
    try:
        files = [str(each) for each in json.loads((folder / MARKER).read_bytes())["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise FunctionError(
            f"{folder} was not written by `edgelet functions deploy`; "
            f"give another folder with --out"
        ) from None
    return [each for each in files if _is_within(each)]


def _is_within(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
