"""Bytes through the streams of `wasi:io`, without waiting for more than a stream has ready."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from componentize_py_types import Err
from wit_world.imports import types
from wit_world.imports.streams import StreamError_Closed

from edgelet_standalone.tickets import Failed

_READ = 64 * 1024


def read(stream: Any) -> Generator[Any, None, bytes]:
    """The next bytes, none at the end. Raises `Failed`."""
    while True:
        try:
            data: bytes = stream.read(_READ)
        except Err as error:
            if isinstance(error.value, StreamError_Closed):
                return b""
            raise Failed("exchange", _operation_failed(error.value.value)) from None
        if data:
            return data
        with stream.subscribe() as ready:
            yield ready


def written(stream: Any, data: bytes) -> Generator[Any, None, None]:
    """Write all of it. Raises `Err` when there is nobody who reads."""
    while data:
        room = stream.check_write()
        if room:
            stream.write(data[:room])
            data = data[room:]
        else:
            with stream.subscribe() as ready:
                yield ready
    stream.flush()


def words(code: Any) -> str:
    """An `error-code` of `wasi:http` in words.

    >>> words(types.ErrorCode_ConnectionRefused())  # doctest: +SKIP
    'connection refused'
    """
    name = type(code).__name__.partition("_")[2]
    said = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    details = getattr(code, "value", None)
    return f"{said}: {details}" if isinstance(details, str) else said


def _operation_failed(error: Any) -> str:
    with error:
        code = types.http_error_code(error)
        return str(error.to_debug_string()) if code is None else words(code)
