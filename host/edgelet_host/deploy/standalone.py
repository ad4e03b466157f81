"""Functions as WebAssembly components, for any host of `wasi:http`: wasmtime, and its kin.

One that embeds asks its host for it by `wasi:nn`, which wasmtime performs with OpenVINO.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

from edgelet.errors import FunctionError
from edgelet.models import DEFAULT_MODEL, built_in_model
from edgelet_host.builder import read_card
from edgelet_host.deploy.bundle import Asked, Bundle
from edgelet_host.deploy.python import python_function
from edgelet_host.sandbox.component import standalone_component
from edgelet_host.sandbox.function import Function
from edgelet_host.sandbox.grants import INFERENCE_VARIABLES
from edgelet_host.sandbox.sandbox import Sandbox
from edgelet_host.store import ModelStore
from edgelet_standalone.slot import filled

COMPONENT = "component.wasm"
COMPILED = "component.cwasm"
GRAPH = f"models/{DEFAULT_MODEL}"
"""The folder of the model. wasmtime gives the graph the name of it."""

_OPENVINO = "engine/openvino/libs"
_INSTALL = (
    "python3 -m pip install --no-deps --target engine 'openvino>=2026.4,<2027' && "
    # wasmtime looks for the name without a version, which the wheel does not have.
    f"ln -sf $(cd {_OPENVINO} && ls libopenvino_c.so.*) {_OPENVINO}/libopenvino_c.so"
)


def standalone_bundle(asked: Asked) -> Bundle:
    """The function, core and Python as one component, and the model beside it.

    Raises `FunctionError`, and `ModelError` when the model cannot be had.
    """
    function = asked.function
    if function.language != "python":
        raise FunctionError(
            f"{function.name} is written in JavaScript, and only a function in Python becomes a "
            f"component; deploy it with --target deno, node or bun"
        )
    modules = asyncio.run(_compiled(python_function(function), asked))
    model, files = _model() if asked.model else (None, {})
    component = standalone_component(model, asked.progress).read_bytes()
    given = {"modules": json.loads(modules), "variables": asked.variables()}
    data = json.dumps(given, sort_keys=True, ensure_ascii=False).encode()
    try:
        files[COMPONENT] = filled(component, data)
    except ValueError as error:
        raise FunctionError(f"{function.name} does not fit into a component: {error}") from error
    commands = _commands(asked)
    files["README.md"] = _readme(asked, commands).encode()
    return Bundle(function.name, "wasm", files, asked.secrets(), commands)


async def _compiled(function: Function, asked: Asked) -> bytes:
    """Its modules, compiled by the component's own Python."""
    sandbox = Sandbox(workers=1, concurrent_instances=1, ahead=0, progress=asked.progress)
    async with sandbox:
        return await sandbox.compiled(function)


def _model() -> tuple[bytes, dict[str, bytes | Path]]:
    """What the component must know of the default model, and the files that hold it.

    wasmtime reads `model.xml` and `model.bin`. OpenVINO takes ONNX in the place of its own XML, and
    has no weights to read beside it then.
    """
    from edgelet_host.builder.branchless import branchless

    artefact = ModelStore().artefact(DEFAULT_MODEL, "fp32")
    model, built_in = branchless(artefact), built_in_model(DEFAULT_MODEL)
    facts = {
        "names": [DEFAULT_MODEL, *([built_in.repository] if built_in else [])],
        "card": asdict(read_card(artefact)),
        "outputs": [output.name for output in model.graph.output],
        "tokenizer": (artefact / "tokenizer.json").read_text("utf-8"),
    }
    graph = model.SerializeToString(deterministic=True)
    return json.dumps(facts).encode(), {f"{GRAPH}/model.xml": graph, f"{GRAPH}/model.bin": b""}


def _commands(asked: Asked) -> tuple[str, ...]:
    variables = "".join(f" --env {name}" for name in (*INFERENCE_VARIABLES, *asked.secrets()))
    start = f"wasmtime serve -Scli -Shttp{{nn}}{variables} --addr 0.0.0.0:8000 {COMPONENT}"
    if not asked.model:
        return (start.format(nn=""),)
    # Every instance loads the model, so that one must last; wasmtime drops it after one request.
    lasting = "--max-instance-reuse-count 1000 --idle-instance-timeout 3600s"
    nn = f" -Snn -Snn-graph=openvino::{GRAPH} {lasting} --max-concurrent-requests 4"
    return (_INSTALL, f"LD_LIBRARY_PATH={_OPENVINO} {start.format(nn=nn)}")


def _readme(asked: Asked, commands: tuple[str, ...]) -> str:
    host, key = INFERENCE_VARIABLES
    given = ", ".join(asked.secrets()) or "none of the project's own"
    hosts = "`wasi:http/proxy@0.2.0`" + (" and `wasi:nn`" if asked.model else "")
    return (
        f"# {asked.function.name}, for wasm: written by `edgelet functions deploy`\n"
        f"1. Run it: `{' && '.join(commands)}`. `--env NAME=value` sets a variable.\n"
        f"2. Variables that it must be given: {given}.\n"
        f"3. Where language models are, and the key: `{host}` and `{key}`.\n"
        f"4. Any host of {hosts} serves it; compiled once by `wasmtime compile {COMPONENT}`, it "
        f"starts at once (`--allow-precompiled {COMPILED}`).\n"
    )
