"""The files that Deno reads when it starts a function's process, in a folder of their own.

What a project keeps in several places, or leaves out, lies there as Deno looks for it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from edgelet_host.project import FunctionConfig
from edgelet_host.serving.javascript.configuration import configuration
from edgelet_host.serving.javascript.executable import shim


@dataclass(frozen=True, slots=True)
class Workspace:
    """`preload` is the module that is loaded before the function's."""

    configuration: Path
    preload: Path


def make_workspace(
    folder: Path, function: FunctionConfig, functions: Path, import_map: Path | None
) -> Workspace:
    """Write the files into `folder`, which is made. Raises `FunctionError`; see `configuration`."""
    text = configuration(function, functions, import_map)
    folder.mkdir(mode=0o700)
    made = Workspace(folder / "deno.json", folder / "preload.mjs")
    made.configuration.write_text(text, "utf-8")
    made.preload.write_text(_preload(function.entrypoint.absolute()), "utf-8")
    for registries in (function.folder / ".npmrc", functions / ".npmrc"):
        if registries.is_file():
            shutil.copyfile(registries, folder / ".npmrc")
            break
    return made


def _preload(entry: Path) -> str:
    """The shim takes the environment away from the function.

    The import that never happens has Deno fetch the function's packages before, while it still
    has the variables that it needs for that: proxies, certificates, registries.
    """
    first, then = (json.dumps(path.as_uri()) for path in (shim(), entry))
    return f"import {first};\nif (false) await import({then});\n"
