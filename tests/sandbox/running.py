"""Running functions in a sandbox of a test's own: short forms that many tests share."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from edgelet import Request
from edgelet_host.sandbox import Function, Limits, Printed, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

URL = "http://localhost/functions/v1/tested"
AT_LEISURE = Limits(cpu_time_soft_limit_ms=60_000, cpu_time_hard_limit_ms=60_000)
"""For what is not about time: it may take as long as it does on a slow machine."""


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Sandbox]:
    """A sandbox of two workers that keeps what functions print to itself."""
    async with Sandbox(**{"workers": 2, "console": ignore, **options}) as sandbox:
        yield sandbox


def function(source: str, name: str = "tested") -> Function:
    """A function of one indented file, with the names that most of them need."""
    return Function.of_source(IMPORTS + dedent(source), name)


def get(query: str = "") -> Request:
    """A request without body."""
    return Request(URL + query)


def post(body: Any, query: str = "") -> Request:
    """A request with a body of any kind."""
    return Request(URL + query, method="POST", body=body)


def written(files: Mapping[str, str], folder: Path) -> Path:
    """A function's folder on disk, from the text of its files by name."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), "utf-8")
    return folder


def ignore(_: Printed) -> None:
    pass


IMPORTS = "import asyncio; from edgelet import Request, Response, Session, fetch, serve\n"
"""One line, so that a line of a test's source is one further down in tracebacks."""
