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
from edgelet_host.deploy.package import native_engine, package_files
from edgelet_host.deploy.platform import Platform
from edgelet_host.deploy.python import python_files, python_handler
from edgelet_host.sandbox.grants import INFERENCE_VARIABLES


@dataclass(frozen=True, slots=True)
class Server:
    """A platform that listens by itself.

    `manifest` is the file that its tools read; `install` gets the packages that it names, and
    `install_native` onnxruntime-node too, without what it downloads for graphics cards; `start` is
    its command, in which `{allowed}` stands for what the function may do beside.
    """

    platform: Platform
    manifest: str
    install: str | None
    install_native: str
    start: str


SERVERS = {
    "deno": Server(
        Platform("deno", "deployed.deno.js", runs_typescript=True, follows_imports=True),
        manifest="deno.json",
        install=None,
        # What the manifest names, and what the code names by itself.
        install_native="deno install && deno install --entrypoint main.js",
        start="deno run --no-prompt --allow-net --allow-read=. {allowed} main.js",
    ),
    "node": Server(
        Platform("node", "deployed.node.js", runs_typescript=False, follows_imports=False),
        manifest="package.json",
        install="npm install",
        install_native="npm install --onnxruntime-node-install=skip",
        start="node main.js",
    ),
    "bun": Server(
        Platform("bun", "deployed.bun.js", runs_typescript=True, follows_imports=False),
        manifest="package.json",
        install="bun install",
        install_native="bun install",
        # Bun would download packages that are only looked for.
        start="bun run --no-install main.js",
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
    entry, engine = platform.entry, not asked.native
    package = package_files(layout.root, entry, library=is_python, model=asked.model, engine=engine)
    files: dict[str, Any] = {f"edgelet/{name}": path for name, path in package.items()}
    added: dict[str, Any] = {}
    if is_python:
        files |= python_files(function)
        handler = python_handler(entry, asked.variables(), native=asked.native)
        allowed = f"--allow-env={','.join([*_ADDRESS, *asked.variables()])}"
    else:
        code, module = javascript_files(function, layout, platform, minify=asked.minify)
        files |= code
        added = javascript_manifest(function, layout, platform)
        handler = javascript_handler(entry, module, native=asked.native)
        allowed = "--allow-env"
    install = server.install if added.get("dependencies") else None
    if asked.native:
        added = _with_packages(added, native_engine(layout.root), server)
        install = server.install_native
        allowed += " --allow-ffi"
    start = server.start.format(allowed=allowed)
    commands = (install, start) if install else (start,)
    files |= {
        "handler.js": handler,
        "main.js": _MAIN.format(entry=entry).encode(),
        "README.md": _readme(asked, platform.name, commands).encode(),
    }
    manifest = _manifest(function.name, server, start, added)
    files[server.manifest] = (json.dumps(manifest, indent=2) + "\n").encode()
    return Bundle(function.name, platform.name, files, asked.secrets(), commands)


def _manifest(name: str, server: Server, start: str, added: Mapping[str, Any]) -> dict[str, Any]:
    if server.manifest == "deno.json":
        # Else every request's signal fires once it is answered, and Deno warns of that.
        unstable = sorted({*added.get("unstable", ()), "no-legacy-abort"})
        return {**added, "unstable": unstable, "tasks": {"start": start}}
    return {
        "name": name.lower(),
        "private": True,
        "type": "module",
        "main": "handler.js",
        "scripts": {"start": start},
        **added,
    }


def _with_packages(
    added: Mapping[str, Any], packages: Mapping[str, str], server: Server
) -> dict[str, Any]:
    """What is added to the manifest, with packages that the platform's tool is to install."""
    if server.manifest == "deno.json":
        imports = {name: f"npm:{name}@{versions}" for name, versions in packages.items()}
        # The native engine is looked up as Node does it: in a folder.
        return {
            **added,
            "imports": {**added.get("imports", {}), **imports},
            "nodeModulesDir": "manual",
        }
    return {**added, "dependencies": {**packages, **added.get("dependencies", {})}}


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
