"""Files of a granted folder: readable, below it, whatever links say."""

from __future__ import annotations

from pathlib import Path

_MOST_BYTES = 64 * 1024 * 1024


class NotGranted(Exception):
    """The file cannot be read; in one word, `absent` or `denied`."""


def read_granted(folder: str | None, path: str) -> bytes:
    """The bytes of a file of the folder. `path` is relative to it, or absolute from it as root.

    Raises `NotGranted`: for what leads out of the folder as if it were not there at all.
    """
    if folder is None or "\0" in path:
        raise NotGranted("absent")
    root = Path(folder).resolve()
    try:
        file = (root / path.lstrip("/")).resolve(strict=True)
    except (OSError, RuntimeError):  # no such file; links in a circle
        raise NotGranted("absent") from None
    if not file.is_relative_to(root) or not file.is_file():
        raise NotGranted("absent")
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
    except OSError:
        raise NotGranted("denied") from None
    if len(data) > _MOST_BYTES:
        raise NotGranted("denied")
    return data
