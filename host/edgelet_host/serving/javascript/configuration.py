"""What Deno is told of a function's modules: the function's own configuration, with what is ours.

A function names its imports in `deno.json`, an import map, or `package.json`. Deno would look for
such files in all folders above, too, and take the wrong ones, so it gets one file with everything
in it. Added are two modules that functions written for Supabase import: the types of its runtime,
which are nothing at run time, and the server of Deno's old standard library, which is `Deno.serve`.

Source: https://docs.deno.com/runtime/fundamentals/configuration/ and
https://supabase.com/docs/guides/functions/dependencies
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgelet.errors import FunctionError
from edgelet_host.project import FunctionConfig

_CONFIGURATIONS = ("deno.json", "deno.jsonc", "import_map.json")
_SOURCES = {".ts", ".tsx", ".js", ".jsx", ".mjs"}
_COPIED = ("compilerOptions", "unstable")

_TYPES = re.compile(
    r"""["']((?:(?:jsr|npm):/?|https://esm\.sh/(?:v\d+/)?)"""
    r"""@supabase/functions-js(?:@[^/"']*)?/[^"']*\.d\.ts)["']"""
)
_OLD_SERVER = re.compile(r"""["'](https://deno\.land/std(?:@[\d.]+)?/http/server\.ts)["']""")
_NOTHING = "data:text/javascript,"
_SERVE = "data:text/javascript,export const serve=(handler,options={})=>Deno.serve(options,handler)"

_COMMENT_OR_STRING = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)


def configuration(function: FunctionConfig, functions: Path, import_map: Path | None) -> str:
    """The text of the `deno.json` that a function is run with.

    `functions` is the project's folder of functions; `import_map` replaces the function's own.
    Raises `FunctionError` for a file that is not what it should be.
    """
    own = import_map or function.import_map or _found(function.folder, functions)
    said = {} if own is None else _read(own)
    imports, scopes = _imports(own, said)
    if own is None:
        imports = _packages(function.folder / "package.json")
    for source in _sources(function.folder, functions / "_shared"):
        text = source.read_text("utf-8", "replace")
        imports.update((name, _NOTHING) for name in _TYPES.findall(text))
        imports.update((name, _SERVE) for name in _OLD_SERVER.findall(text))
    for name, address in list(imports.items()):
        if re.match(r"(jsr|npm):/?@supabase/functions-js\b", address):
            types = name if address.endswith(".d.ts") else f"{name.rstrip('/')}/edge-runtime.d.ts"
            imports[types] = _NOTHING
    whole = {key: said[key] for key in _COPIED if key in said}
    whole |= {"imports": imports, "scopes": scopes, "nodeModulesDir": "none", "lock": False}
    return json.dumps(whole, indent=2)


def _found(folder: Path, functions: Path) -> Path | None:
    candidates = [folder / name for name in _CONFIGURATIONS]
    if not (folder / "package.json").is_file():
        candidates.append(functions / "import_map.json")
    return next((path for path in candidates if path.is_file()), None)


def _imports(own: Path | None, said: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Imports and scopes, with relative addresses made absolute."""
    if own is None:
        return {}, {}
    if "imports" not in said and isinstance(said.get("importMap"), str):
        own = own.parent / said["importMap"]
        said = _read(own)
    base = own.resolve().parent
    scopes = said.get("scopes") or {}
    if not isinstance(scopes, dict):
        raise FunctionError(f"{own}: scopes must be an object")
    return (
        _absolute(own, said.get("imports") or {}, base),
        {_address(scope, base): _absolute(own, map_, base) for scope, map_ in scopes.items()},
    )


def _absolute(own: Path, imports: Any, base: Path) -> dict[str, str]:
    if not _are_texts(imports):
        raise FunctionError(f"{own}: imports must be an object of texts")
    return {_address(name, base): _address(address, base) for name, address in imports.items()}


def _are_texts(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(each, str) for each in found.values())


def _address(address: str, base: Path) -> str:
    if not address.startswith(("./", "../", "/")):
        return address
    url = Path(os.path.normpath(base / address)).as_uri()
    return url + "/" if address.endswith("/") and not url.endswith("/") else url


def _packages(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    dependencies = _read(file).get("dependencies") or {}
    if not _are_texts(dependencies):
        raise FunctionError(f"{file}: dependencies must be an object of texts")
    return {
        name: wanted if wanted.startswith("npm:") else f"npm:{name}@{wanted}"
        for name, wanted in dependencies.items()
    }


def _sources(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in _SOURCES and "node_modules" not in path.parts and path.is_file():
                yield path


def _read(file: Path) -> dict[str, Any]:
    """A JSON file, which may have comments and trailing commas."""
    try:
        text = file.read_text("utf-8-sig")
        plain = _COMMENT_OR_STRING.sub(lambda m: m[0] if m[0][0] == '"' else " ", text)
        value = json.loads(_TRAILING_COMMA.sub(lambda m: m[1] or "", plain))
    except (OSError, ValueError) as error:
        raise FunctionError(f"{file} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise FunctionError(f"{file} holds no JSON object")
    return value
