"""`open` for the files that a function was granted, which are read whole through the host.

A component without folders has no files of its own. Only reading makes sense here; all else goes to
Python's own `open`, which finds nothing.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from typing import Any

from componentize_py_types import Err

from edgelet_guest.host import bytes_of, sendable

_own_open = io.open


def install(files: Any) -> None:
    """Let `open` read through `files` of `world.wit` from now on."""

    def open_granted(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if isinstance(file, int) or opener is not None or set(mode) & set("wax+"):
            return _own_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        data = io.BytesIO(_read(files, os.fsdecode(file)))
        if "b" in mode:
            return data
        return io.TextIOWrapper(data, io.text_encoding(encoding), errors, newline)

    builtins.open = io.open = open_granted


def _read(files: Any, path: str) -> bytes:
    try:
        return bytes_of(files.read(sendable(path)))
    except Err as refused:
        code = errno.EACCES if refused.value == "denied" else errno.ENOENT
        raise OSError(code, os.strerror(code), path) from None
