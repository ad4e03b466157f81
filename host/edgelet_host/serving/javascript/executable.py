"""Where Deno is, and the module that it loads before a function."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from edgelet.errors import FunctionError

VARIABLE = "EDGELET_DENO"
_NPM = ("node_modules/deno/deno", "node_modules/deno/deno.exe", "node_modules/@deno/*/deno*")
"""Where the npm package has it; the last of them where packages may not run programs of theirs."""
_LEAST = (2, 9)
"""The first release with a permission for one Unix socket."""


def find_deno(root: Path) -> Path:
    """The executable that `EDGELET_DENO` names, the project's own by npm, or the one on the path.

    Raises `FunctionError`, which says where to get it.
    """
    named = os.environ.get(VARIABLE)
    on_path = shutil.which("deno")
    npm = next((path for each in _NPM for path in root.glob(each) if path.is_file()), None)
    found = Path(named) if named else npm or (Path(on_path) if on_path else None)
    how = "install it from https://deno.com or with `npm install deno`"
    if found is None:
        raise FunctionError(f"functions in JavaScript need Deno, which was not found; {how}")
    version = _version(found)
    if version is None:
        raise FunctionError(f"{found} is no Deno that runs here; {how}")
    if version < _LEAST:
        shown, least = (".".join(map(str, each)) for each in (version, _LEAST))
        raise FunctionError(f"{found} is Deno {shown}, but {least} or newer is needed; {how}")
    return found


def shim() -> Path:
    """The module that provides `Supabase` and `Deno.serve`. Raises `FunctionError`."""
    path = Path(__file__).with_name("function.deno.js")
    if not path.is_file():
        raise FunctionError(
            "this installation cannot run functions in JavaScript: it was made without Node; "
            "make it anew where Node 20 is, or with ./build.sh bundle"
        )
    return path


def _version(deno: Path) -> tuple[int, int] | None:
    try:
        said = subprocess.run(  # noqa: S603 (what the user names is what is run)
            [deno, "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"deno (\d+)\.(\d+)", said)
    return None if found is None else (int(found[1]), int(found[2]))
