"""Functions as servers of their own, on Deno, Node and Bun."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgelet_host.deploy.bundle import Asked, Bundle
from edgelet_host.deploy.javascript import (
    javascript_files,
    javascript_handler,
    javascript_manifest,
)
from edgelet_host.deploy.package import package_files
from edgelet_host.deploy.platform import Platform
from edgelet_host.deploy.python import python_files, python_handler
from edgelet_host.sandbox.grants import INFERENCE_VARIABLES


@dataclass(frozen=True, slots=True)
class Server:
    """A platform that listens by itself.

    `manifest` is the file that its tools read; `install` gets the packages that it names; `start`
    is its command, in which `{env}` stands for the names that it lets be read.
    """

    platform: Platform
    manifest: str
    install: str | None
    start: str


SERVERS = {
    "deno": Server(
        Platform("deno", "deployed.deno.js", runs_typescript=True, follows_imports=True),
        manifest="deno.json",
        install=None,
        start="deno run --no-prompt --allow-net --allow-read=. {env} main.js",
    ),
    "node": Server(
        Platform("node", "deployed.node.js", runs_typescript=False, follows_imports=False),
        manifest="package.json",
        install="npm install",
        start="node main.js",
    ),
    "bun": Server(
        Platform("bun", "deployed.bun.js", runs_typescript=True, follows_imports=False),
        manifest="package.json",
        install="bun install",
        start="bun run main.js",
    ),
}

_ADDRESS = ("HOST", "PORT")

_MAIN = """\
import {{ listen }} from "./edgelet/{entry}";
import handler from "./handler.js";

listen(handler.fetch);
"""


def server_bundle(asked: Asked, *, server: Server) -> Bundle:
    """The function with a server around it. Raises `FunctionError` and `OptionError`."""
    platform, function, layout = server.platform, asked.function, asked.project.layout
    is_python = function.language == "python"
    package = package_files(layout.root, platform.entry, library=is_python, model=asked.model)
    files: dict[str, Any] = {f"edgelet/{name}": path for name, path in package.items()}
    added: dict[str, Any] = {}
    if is_python:
        files |= python_files(function)
        handler = python_handler(platform.entry, asked.variables())
        readable = f"--allow-env={','.join([*_ADDRESS, *asked.variables()])}"
    else:
        code, module = javascript_files(function, layout, platform, minify=asked.minify)
        files |= code
        added = javascript_manifest(function, layout, platform)
        handler = javascript_handler(platform.entry, module)
        readable = "--allow-env"
    start = server.start.format(env=readable)
    install = (server.install,) if server.install and added.get("dependencies") else ()
    commands = (*install, start)
    files |= {
        "handler.js": handler,
        "main.js": _MAIN.format(entry=platform.entry).encode(),
        "README.md": _readme(asked, platform.name, commands).encode(),
    }
    manifest = _manifest(function.name, server, start, added)
    files[server.manifest] = (json.dumps(manifest, indent=2) + "\n").encode()
    return Bundle(function.name, platform.name, files, asked.secrets(), commands)


def _manifest(name: str, server: Server, start: str, added: Mapping[str, Any]) -> dict[str, Any]:
    if server.manifest == "deno.json":
        return {**added, "tasks": {"start": start}}
    return {
        "name": name.lower(),
        "private": True,
        "type": "module",
        "main": "handler.js",
        "scripts": {"start": start},
        **added,
    }


def _readme(asked: Asked, target: str, commands: tuple[str, ...]) -> str:
    host, key = INFERENCE_VARIABLES
    given = ", ".join(asked.secrets()) or "none of the project's own"
    return (
        f"# {asked.function.name}, for {target}: written by `edgelet functions deploy`\n"
        f"1. Run it: `{' && '.join(commands)}`. It listens at port 8000, or where `PORT` says.\n"
        f"2. Variables that it must be given: {given}.\n"
        f"3. Where language models are, and the key: `{host}` and `{key}`.\n"
        f"4. `handler.js` exports `default {{ fetch }}`, for whatever has a server already.\n"
    )
