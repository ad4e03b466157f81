"""Runs one row of the conformance cases with the public API of Python, and judges nothing.

It imports edgelet and the standard library alone, so that the same file runs on CPython and inside
Pyodide; `tests/js/conformance.js` is its twin.
"""

from __future__ import annotations

import asyncio
import contextlib
from array import array
from collections.abc import AsyncIterator
from typing import Any

from edgelet import AbortController, AbortSignal, EdgeletError, Session, Stream


async def run_case(row: dict[str, Any]) -> dict[str, Any]:
    """The outcome of a case as JSON; the variables of the case are set already."""
    chunks: list[Any] = []
    options = dict(row["options"])
    async with _signal(row["abort_after"]) as signal:
        if signal is not None:
            options["signal"] = signal
        try:
            result = await Session(row["model"], **row["session"]).run(row["prompt"], **options)
            if not isinstance(result, Stream):
                return {"result": _listed(result)}
            async with result as stream:
                async for chunk in stream:
                    chunks.append(chunk)  # noqa: PERF401 (chunks before an error are kept)
        except EdgeletError as error:
            return {"chunks": chunks, "error": _described(error)}
    return {"chunks": chunks}


def _described(error: EdgeletError) -> dict[str, Any]:
    status = getattr(error, "status", None)
    return {"name": type(error).__name__, "message": str(error), "status": status}


@contextlib.asynccontextmanager
async def _signal(seconds: float | None) -> AsyncIterator[AbortSignal | None]:
    if seconds is None:
        yield None
        return
    controller = AbortController()
    timer = asyncio.get_running_loop().call_later(seconds, controller.abort)
    yield controller.signal
    timer.cancel()


def _listed(result: Any) -> Any:
    """The result with its vectors, which are arrays of floats, as lists."""
    match result:
        case array():
            assert result.typecode == "f"
            return result.tolist()
        case list():
            return [_listed(each) for each in result]
        case _:
            return result
