"""A Python function's modules, as JavaScript hands them to Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from edgelet.errors import FunctionError
from edgelet_host.project import FunctionConfig
from edgelet_host.sandbox.function import MAIN, Function, read_function

MODULES = "function/modules.js"

_HANDLER = """\
import {{ environment, pythonFunction }} from "./edgelet/{entry}";
import modules from "./{modules}";

const names = {names};

export default {{ fetch: pythonFunction(modules, {{ env: environment(names){device} }}) }};
"""


def python_files(function: FunctionConfig) -> dict[str, bytes]:
    """One file: a JavaScript module whose default export is `python_modules`.

    Raises `FunctionError`.
    """
    text = json.dumps(python_modules(function), indent=1, sort_keys=True)
    return {MODULES: f"export default {text};\n".encode()}


def python_modules(function: FunctionConfig) -> dict[str, dict[str, Any]]:
    """Every module of the function by its name: its file as tracebacks show it, and its source.

    Raises `FunctionError`.
    """
    return {
        module.name: {"file": module.file, "source": module.source, "package": module.is_package}
        for module in python_function(function).modules
    }


def python_function(function: FunctionConfig) -> Function:
    """The function's code, where it needs nothing that is not deployed. Raises `FunctionError`."""
    if function.static_files:
        raise FunctionError(
            f"{function.name} names static_files, which a deployed function in Python cannot read; "
            f"put their text into a module"
        )
    if function.entrypoint.stat().st_size == 0:
        raise FunctionError(f"{function.entrypoint} is empty")
    alone = function.entrypoint.name != f"{MAIN}.py"
    return read_function(function.entrypoint if alone else function.folder)


def python_handler(entry: str, names: Sequence[str], *, native: bool = False) -> bytes:
    """A module that exports `default { fetch }`, for a function that sees those variables."""
    device = ', device: "native"' if native else ""
    written = json.dumps(names)
    return _HANDLER.format(entry=entry, modules=MODULES, names=written, device=device).encode()
