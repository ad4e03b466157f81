"""Functions as a project of Supabase's own: `supabase functions deploy` ships it as it is.

A function in JavaScript is what it was. One in Python gets an entry that starts Python in
Supabase's runtime, which has the model `gte-small` itself; no engine and no other model fits beside
Python.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from edgelet.errors import FunctionError
from edgelet.models import BUILT_IN_MODELS
from edgelet_host.deploy.bundle import Asked, Bundle
from edgelet_host.deploy.javascript import javascript_sources, place_of
from edgelet_host.deploy.limits import Limit, check
from edgelet_host.deploy.package import model_folder, package_files
from edgelet_host.deploy.python import MODULES, python_files, python_modules
from edgelet_host.sandbox.grants import INFERENCE_VARIABLES

MOST_BYTES = 20_000_000
"""Of a function, packed. Source: https://supabase.com/docs/guides/functions/limits"""

MOST_BYTES_BY_API = 5_000_000
"""Of a function that Supabase bundles, and not Docker on the machine that deploys it.

Source: https://supabase.com/docs/guides/troubleshooting/edge-function-bundle-size-issues"""

_ENTRY = "deployed.supabase.js"
_NATIVE_MODEL = "gte-small"
_READ = (".zip", ".gz", ".wasm", ".json")
"""What is read as a file, and not imported."""

_INDEX = """\
import asm from "./edgelet/assets/python/pyodide.asm.mjs";
import {{ pythonFunction }} from "./edgelet/{entry}";
import modules from "./{modules}";

const env = {names};

Deno.serve(pythonFunction(modules, {{ asm, env }}));
"""


def supabase_bundle(asked: Asked) -> Bundle:
    """The function as the folder `supabase` of a project. Raises `FunctionError`."""
    function = asked.function
    files = _python(asked) if function.language == "python" else _javascript(asked)
    packed = sum(map(_packed_size, files.values()))
    limits = (
        Limit(
            "size, packed",
            "bytes",
            packed,
            MOST_BYTES,
            note="it may take 256 MB of memory, and 2 s of CPU time a request",
            way_out="leave files out, or deploy it with --target deno",
        ),
    )
    check("Supabase", limits)
    bundled_here = " --use-docker" if packed > MOST_BYTES_BY_API else ""
    commands = ("supabase link", f"supabase functions deploy {function.name}{bundled_here}")
    whole: dict[str, bytes | Path] = {f"supabase/{name}": data for name, data in files.items()}
    whole["README.md"] = _readme(asked, commands).encode()
    return Bundle(function.name, "supabase", whole, asked.secrets(), commands, limits)


def _python(asked: Asked) -> dict[str, bytes | Path]:
    function, root = asked.function, asked.project.layout.root
    _check_models(asked)
    files: dict[str, bytes | Path] = {}
    package = package_files(root, _ENTRY, library=True, model=True, engine=False)
    tokenizer = f"{model_folder()}/tokenizer.json"  # the model is another, the vocabulary the same
    for name, path in package.items():
        if not name.startswith(f"{model_folder()}/"):
            files[f"edgelet/{name}"] = path
    files["edgelet/assets/tokenizer.json"] = package[tokenizer]
    files |= python_files(function)
    names = json.dumps(asked.variables())
    files["index.ts"] = _INDEX.format(entry=_ENTRY, modules=MODULES, names=names).encode()
    files["deno.json"] = b'{\n  "imports": {}\n}\n'
    place = f"functions/{function.name}"
    read = [f"{place}/{name}" for name in sorted(files) if _is_read(name)]
    config = _config(asked, f"{place}/index.ts", f"{place}/deno.json", read)
    return {
        "config.toml": config,
        **{f"{place}/{name}": data for name, data in files.items()},
    }


def _javascript(asked: Asked) -> dict[str, bytes | Path]:
    function, layout = asked.function, asked.project.layout
    files: dict[str, bytes | Path] = {**javascript_sources(function, layout)}
    entry = place_of(function.entrypoint, function, layout)
    folder = entry.rpartition("/")[0]
    imports = f"{folder}/deno.json"
    if function.import_map is not None:
        imports = place_of(function.import_map, function, layout)
        files[imports] = function.import_map.read_bytes()
    elif not any(f"{folder}/{name}" in files for name in ("deno.json", "deno.jsonc")):
        files[imports] = b'{\n  "imports": {}\n}\n'
    elif imports not in files:
        imports = f"{folder}/deno.jsonc"
    read = [place_of(path, function, layout) for path in function.static_files]
    return {"config.toml": _config(asked, entry, imports, read), **files}


def _check_models(asked: Asked) -> None:
    """Refuse a function that names a model whose files would have to be there."""
    others = [model for model in BUILT_IN_MODELS if model.name != _NATIVE_MODEL]
    for module in python_modules(asked.function).values():
        for name in (name for model in others for name in (model.name, model.repository)):
            if f'"{name}"' in module["source"] or f"'{name}'" in module["source"]:
                raise FunctionError(
                    f"{module['file']} uses {name}, whose engine and weights do not fit beside "
                    f"Python into the {_megabytes(MOST_BYTES)} that Supabase takes; use "
                    f"{_NATIVE_MODEL}, which it has itself, or deploy it with --target deno"
                )


def _config(asked: Asked, entry: str, imports: str, read: list[str]) -> bytes:
    verify = "true" if asked.function.verify_jwt else "false"
    lines = [
        f"[functions.{asked.function.name}]",
        f"verify_jwt = {verify}",
        f'entrypoint = "./{entry}"',
        f'import_map = "./{imports}"',
    ]
    if read:
        lines += ["static_files = [", *(f'  "./{name}",' for name in read), "]"]
    return ("\n".join(lines) + "\n").encode()


def _is_read(name: str) -> bool:
    return name.startswith("edgelet/assets/") and name.endswith(_READ)


def _packed_size(data: bytes | Path) -> int:
    return len(zlib.compress(data if isinstance(data, bytes) else data.read_bytes()))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _readme(asked: Asked, commands: tuple[str, ...]) -> str:
    host, key = INFERENCE_VARIABLES
    given = ", ".join(asked.secrets()) or "none of the project's own"
    return (
        f"# {asked.function.name}, for supabase: written by `edgelet functions deploy`\n"
        f"1. Ship it: `{' && '.join(commands)}`; with `--use-docker`, Docker bundles it here.\n"
        f"2. Variables, by `supabase secrets set`, that it must be given: {given}.\n"
        f"3. Where language models are, and the key: `{host}` and `{key}`.\n"
        f"4. In a project that has a `supabase` folder, copy the function and its configuration.\n"
    )
