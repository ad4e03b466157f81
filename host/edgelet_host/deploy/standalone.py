"""Functions as WebAssembly components, for any host of `wasi:http`: wasmtime, and its kin."""

from __future__ import annotations

import json
from pathlib import Path

from edgelet.errors import FunctionError
from edgelet_host.deploy.bundle import Asked, Bundle
from edgelet_host.deploy.python import python_modules
from edgelet_host.sandbox.component import standalone_component
from edgelet_host.sandbox.grants import INFERENCE_VARIABLES

COMPONENT = "component.wasm"
COMPILED = "component.cwasm"


def standalone_bundle(asked: Asked) -> Bundle:
    """The function, core and Python as one component. Raises `FunctionError`."""
    function = asked.function
    if function.language != "python":
        raise FunctionError(
            f"{function.name} is written in JavaScript, and only a function in Python becomes a "
            f"component; deploy it with --target deno, node or bun"
        )
    given = {"modules": python_modules(function), "variables": asked.variables()}
    data = json.dumps(given, sort_keys=True).encode()
    component = standalone_component(data, asked.progress)
    variables = "".join(f" --env {name}" for name in (*INFERENCE_VARIABLES, *asked.secrets()))
    start = f"wasmtime serve -Scli -Shttp{variables} --addr 0.0.0.0:8000 {COMPONENT}"
    files: dict[str, bytes | Path] = {
        COMPONENT: component,
        "README.md": _readme(asked, start).encode(),
    }
    return Bundle(function.name, "wasm", files, asked.secrets(), (start,))


def _readme(asked: Asked, start: str) -> str:
    host, key = INFERENCE_VARIABLES
    given = ", ".join(asked.secrets()) or "none of the project's own"
    return (
        f"# {asked.function.name}, for wasm: written by `edgelet functions deploy`\n"
        f"1. Run it: `{start}`. `--env NAME` passes a variable on, `--env NAME=value` sets it.\n"
        f"2. Variables that it must be given: {given}.\n"
        f"3. Where language models are, and the key: `{host}` and `{key}`. It embeds nothing.\n"
        f"4. Any host of `wasi:http/proxy@0.2.0` serves it; compiled once by `wasmtime compile "
        f"{COMPONENT}`, it starts at once (`--allow-precompiled {COMPILED}`).\n"
    )
