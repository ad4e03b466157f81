"""`edgelet functions invoke`: one request to one function, without a server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    from edgelet_host.project import FunctionConfig, ProjectConfig

_GRACE_SECONDS = 1.0


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
    memory_mb: int | None
    cpu_ms: int
    timeout_ms: int


def invoke_once(host: Host | None, asked: Invocation) -> None:
    """Run the function and print its answer. An answer that is no success is exit code 1."""
    check_installed()
    project, config = found(asked.function, Path())
    for note in project.notes:
        say(note)
    if not asyncio.run(_answered(host, asked, project, config)):
        raise typer.Exit(FAILED)


def found(function: str, folder: Path) -> tuple[ProjectConfig, FunctionConfig]:
    """The function of that name in the project, or at that path, and what is said of it.

    A function that is named by its path gets nothing of a project: neither configuration nor
    secrets. Raises `FunctionError`, which says where it was looked for.
    """
    from edgelet_host.project import FunctionConfig, ProjectConfig, find_layout, read_config
    from edgelet_host.project.layout import Layout, entry_file

    if os.sep not in function and not function.endswith((".py", ".ts", ".js")):
        project = read_config(find_layout(folder))
        if function not in project.functions:
            raise FunctionError(
                f"there is no function {function!r} in {project.layout.functions}; "
                f"a path to it, such as ./{function}, works too"
            )
        return project, project.functions[function]
    path = folder / function
    entrypoint = entry_file(path) if path.is_dir() else path
    if entrypoint is None or not entrypoint.is_file():
        missing = "it has no main.py or index.ts" if path.is_dir() else "no such file"
        raise FunctionError(f"there is no function at {path}: {missing}")
    name = path.resolve().name if path.is_dir() else path.stem
    nowhere = Layout(folder, folder, entrypoint.parent, folder / "edgelet.toml")
    return ProjectConfig(nowhere, {}), FunctionConfig(name, entrypoint)


async def _answered(
    host: Host | None, asked: Invocation, project: ProjectConfig, config: FunctionConfig
) -> bool:
    from edgelet_host.native import NativeHost
    from edgelet_host.sandbox.errors import (
        FunctionFailed,
        FunctionNotBooted,
        WallClockLimitExceeded,
    )
    from edgelet_host.serving.console import Console
    from edgelet_host.serving.options import Options
    from edgelet_host.serving.server import running

    request = _request(asked, config.name)
    config = replace(
        config,
        memory_mb=asked.memory_mb or config.memory_mb,
        allow_hosts=(*config.allow_hosts, *asked.allow_hosts),
    )
    options = Options(cpu_ms=asked.cpu_ms, wall_clock_ms=asked.timeout_ms, single=True)
    given = _pairs(asked.env, _own_variable)
    with ModelProgress() as progress:
        native = host if isinstance(host, NativeHost) else NativeHost(progress=progress)
        async with running(
            project, options, Console(named=False), host=native, progress=say, variables=given
        ) as (runners, _):
            version = await runners.version(config)
            try:
                async with asyncio.timeout(asked.timeout_ms / 1000 + _GRACE_SECONDS):
                    response = await version.respond(request)
                    await _print(response, asked)
            except (FunctionFailed, FunctionNotBooted) as failure:
                if "\n" in failure.traceback.strip():
                    sys.stderr.write(printable(failure.traceback))
                raise
            except TimeoutError:
                raise WallClockLimitExceeded(config.name, asked.timeout_ms) from None
            finally:
                await version.retire(_GRACE_SECONDS)
    return response.ok


def _request(asked: Invocation, name: str) -> Request:
    query = urlencode(list(_pairs(asked.query, None).items()))
    url = f"http://localhost/{name}" + (f"?{query}" if query else "")
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
