"""`edgelet functions invoke`: one request to one function, without a server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import typer

from edgelet.errors import FunctionError, OptionError
from edgelet.http import Request, Response
from edgelet_host.cli.console import json_text, printable, say
from edgelet_host.cli.exits import FAILED
from edgelet_host.cli.functions_extra import check_installed
from edgelet_host.cli.model_progress import ModelProgress

if TYPE_CHECKING:
    from edgelet.host import Host
    from edgelet_host.sandbox import Printed

FOLDERS = ("supabase/functions", "functions")
"""Where functions are looked for by name."""


@dataclass(frozen=True)
class Invocation:
    """The command line, parsed."""

    function: str
    data: str | None
    query: Sequence[str]
    method: str | None
    headers: Sequence[str]
    stream: bool
    as_json: bool
    env: Sequence[str]
    allow_hosts: tuple[str, ...]
    memory_mb: int
    cpu_ms: int
    timeout_ms: int


def invoke_once(host: Host | None, asked: Invocation) -> None:
    """Run the function and print its answer. An answer that is no success is exit code 1."""
    check_installed()
    path = found(asked.function)
    if not asyncio.run(_answered(host, asked, path)):
        raise typer.Exit(FAILED)


def found(function: str) -> Path:
    """The function's folder or file. Raises `FunctionError`, which says where it was looked for."""
    if os.sep in function or function.endswith(".py"):
        path = Path(function)
        if not path.exists():
            raise FunctionError(f"there is no function at {path}")
        return path
    for folder in FOLDERS:
        if (Path(folder) / function / "main.py").is_file():
            return Path(folder) / function
    places = " or ".join(f"{folder}/{function}" for folder in FOLDERS)
    raise FunctionError(
        f"there is no function {function!r}: no main.py in {places}; "
        f"a path to it, such as ./{function}, works too"
    )


async def _answered(host: Host | None, asked: Invocation, path: Path) -> bool:
    from edgelet_host.native import NativeHost
    from edgelet_host.sandbox import Grants, Limits, Sandbox, read_function
    from edgelet_host.sandbox.errors import FunctionFailed, FunctionNotBooted
    from edgelet_host.sandbox.grants import inference_environment

    request = _request(asked, path)
    limits = Limits(
        memory_limit_mb=asked.memory_mb,
        cpu_time_soft_limit_ms=asked.cpu_ms,
        cpu_time_hard_limit_ms=asked.cpu_ms,
        worker_timeout_ms=asked.timeout_ms,
    )
    grants = Grants(
        env={**inference_environment(), **_pairs(asked.env, _own_variable)},
        allow_hosts=asked.allow_hosts,
    )
    function = read_function(path)
    with ModelProgress() as progress:
        native = host if isinstance(host, NativeHost) else NativeHost(progress=progress)
        sandbox = Sandbox(
            workers=1, ahead=0, concurrent_instances=1, host=native, console=_show, progress=say
        )
        async with sandbox:
            try:
                response = await sandbox.respond(function, request, limits=limits, grants=grants)
                await _print(response, asked)
            except (FunctionFailed, FunctionNotBooted) as failure:
                sys.stderr.write(printable(failure.traceback))
                raise
    return response.ok


def _request(asked: Invocation, path: Path) -> Request:
    query = urlencode(list(_pairs(asked.query, None).items()))
    name = path.stem if path.is_file() else path.resolve().name
    url = f"http://localhost/functions/v1/{name}" + (f"?{query}" if query else "")
    body = None if asked.data is None else _data(asked.data)
    headers = []
    for line in asked.headers:
        header, colon, value = line.partition(":")
        if not colon:
            raise OptionError(f"--header {line!r} has no colon; expected NAME:VALUE")
        headers.append((header.strip(), value.strip()))
    method = asked.method or ("GET" if body is None else "POST")
    return Request(url, method=method, headers=headers, body=body)


def _data(data: str) -> str | bytes:
    if not data.startswith("@"):
        return data
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise OptionError(f"--data {data}: {error.strerror}") from error


def _pairs(given: Sequence[str], default: object) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals and callable(default):
            value = default(name)
        elif not equals:
            raise OptionError(f"{each!r} has no value; expected NAME=VALUE")
        pairs[name] = value
    return pairs


def _own_variable(name: str) -> str:
    if name not in os.environ:
        raise OptionError(f"--env {name}: this shell has no such variable; give it as {name}=VALUE")
    return os.environ[name]


async def _print(response: Response, asked: Invocation) -> None:
    if asked.as_json:
        whole = {
            "status": response.status,
            "headers": response.headers.raw(),
            "body": await response.text(),
        }
        sys.stdout.write(json_text(whole) + "\n")
        return
    out = sys.stdout.buffer
    last = b""
    async for last in response.body:
        out.write(last)
        if asked.stream:
            out.flush()
    if sys.stdout.isatty() and last and not last.endswith(b"\n"):
        out.write(b"\n")
    if not response.ok:
        say(f"the function answered with status {response.status}")


def _show(printed: Printed) -> None:
    sys.stderr.write(printable(printed.text))
