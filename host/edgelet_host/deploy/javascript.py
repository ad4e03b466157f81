"""A JavaScript function's files, as its platform runs them: as they are wherever that is possible.

They keep their places in the folder of functions, so that `../_shared/…` leads where it led. The
types of Supabase's runtime, which are nothing at run time, are left out of what runs in other
runtimes than Deno; what only Deno can import is refused there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgelet.errors import FunctionError
from edgelet_host.deploy.esbuild import PACKAGES_OUTSIDE, bundled, minified, packages_within
from edgelet_host.deploy.platform import Platform
from edgelet_host.project import FunctionConfig
from edgelet_host.project.layout import Layout
from edgelet_host.serving.javascript.configuration import configuration
from edgelet_host.serving.sources import sources

_CODE = {".ts", ".tsx", ".js", ".jsx", ".mjs", ".mts"}
_TYPESCRIPT = {".ts", ".tsx", ".jsx", ".mts"}
_CONFIGURATIONS = {
    "deno.json", "deno.jsonc", "deno.lock", "import_map.json", "package.json", "package-lock.json",
}  # fmt: skip
_TYPES = re.compile(
    r"""^([ \t]*)import\s+["'][^"']*functions-js[^"']*\.d\.ts["'];?""", re.MULTILINE
)
_REMOTE = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']((?:npm|jsr|https?):[^"']*)["']""")
_NPM = re.compile(r"npm:/?(@?[^@]+)(?:@(.+))?")

_PACKAGES = "node_modules"
_RUNTIMES_OWN = ("node:*", "cloudflare:*")

_HANDLER = """\
import {{ moduleFunction }} from "./edgelet/{entry}";

export default {{ fetch: moduleFunction(() => import("./{module}"){options}) }};
"""


def javascript_files(
    function: FunctionConfig, layout: Layout, platform: Platform, *, minify: bool
) -> tuple[dict[str, bytes], str]:
    """The function's files by their paths, and the path of the one to import.

    Raises `FunctionError`.
    """
    files, entry = javascript_modules(function, layout, platform)
    needs_build = Path(entry).suffix in _TYPESCRIPT and not platform.runs_typescript
    if needs_build or not platform.finds_packages or (minify and not platform.runs_typescript):
        packages = packages_within(platform.conditions, _RUNTIMES_OWN)
        code = bundled(
            layout.root,
            files,
            entry,
            packages=PACKAGES_OUTSIDE if platform.finds_packages else packages,
            folders=package_folders(function, layout),
            minify=minify,
        )
        kept = {name: data for name, data in files.items() if Path(name).suffix not in _CODE}
        entry = f"{entry.rpartition('.')[0]}.js"
        return {**kept, entry: code}, entry
    if minify:
        files = {
            name: minified(layout.root, name, data) if Path(name).suffix in _CODE else data
            for name, data in files.items()
        }
    return files, entry


def javascript_handler(entry: str, module: str, *, native: bool = False) -> bytes:
    """A module that exports `default { fetch }`, for the function in `module`."""
    options = ', { device: "native" }' if native else ""
    return _HANDLER.format(entry=entry, module=module, options=options).encode()


def javascript_modules(
    function: FunctionConfig, layout: Layout, platform: Platform
) -> tuple[dict[str, bytes], str]:
    """The function's files as they are written, by their paths, and the path of the one to import.

    Raises `FunctionError` when the platform cannot follow what they import.
    """
    files = dict(_files(function, layout))
    if not platform.follows_imports:
        files = {name: _without_types(name, data) for name, data in files.items()}
        for name, data in files.items():
            _check_imports(name, data, platform)
    return files, place_of(function.entrypoint, function, layout)


def package_folders(function: FunctionConfig, layout: Layout) -> dict[str, Path]:
    """Where the function's packages may be installed, by their places beside its files."""
    within = (function.folder / _PACKAGES, layout.functions / _PACKAGES)
    return {
        _PACKAGES: layout.root / _PACKAGES,
        **{place_of(folder, function, layout): folder for folder in within},
    }


def javascript_manifest(
    function: FunctionConfig, layout: Layout, platform: Platform
) -> dict[str, Any]:
    """What the function's own configuration adds to the manifest. Raises `FunctionError`."""
    said = json.loads(configuration(function, layout.functions, None))
    if platform.follows_imports:
        base = layout.functions.resolve().as_uri()
        within = _prefix(function, layout)
        text = json.dumps(said).replace(f"{base}/", f"./{within}")
        if '"file:' in text:
            raise FunctionError(
                f"{function.name} imports files outside of {layout.functions}; move them there"
            )
        manifest: dict[str, Any] = json.loads(text)
        return manifest
    dependencies = {}
    for name, address in said["imports"].items():
        if address.startswith("data:"):
            continue
        npm = _NPM.fullmatch(address)
        if npm is None or npm[1] != name:
            raise FunctionError(
                f"{function.name} imports {name} by an import map as {address}, "
                f"which {platform.name} does not follow; deploy it with --target deno"
            )
        dependencies[name] = npm[2] or "*"
    return {"dependencies": dependencies} if dependencies else {}


def javascript_sources(function: FunctionConfig, layout: Layout) -> dict[str, bytes]:
    """All of the function's files as they are, its configuration among them, by their paths.

    Raises `FunctionError`.
    """
    files = dict(_files(function, layout))
    for folder in {function.folder, layout.functions}:
        for path in (folder / name for name in sorted(_CONFIGURATIONS)):
            if path.is_file():
                files[place_of(path, function, layout)] = path.read_bytes()
    return files


def _files(function: FunctionConfig, layout: Layout) -> Iterator[tuple[str, bytes]]:
    shared = layout.functions / "_shared"
    for pattern in function.static_files:
        if not pattern.is_relative_to(function.folder) and not pattern.is_relative_to(shared):
            raise FunctionError(
                f"{function.name} names the static file {pattern}, which is outside of its folder; "
                f"move it there"
            )
    for folder in (function.folder, shared):
        for path in sources(folder):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if path.name not in _CONFIGURATIONS and not hidden:
                yield place_of(path, function, layout), path.read_bytes()


def place_of(path: Path, function: FunctionConfig, layout: Layout) -> str:
    """Where a file of the function lies in what is deployed."""
    if not path.is_relative_to(layout.functions):
        return f"functions/{function.name}/{path.relative_to(function.folder).as_posix()}"
    return f"{_prefix(function, layout)}{path.relative_to(layout.functions).as_posix()}"


def _prefix(function: FunctionConfig, layout: Layout) -> str:
    """Where the folder of functions lies; a function that is named by its path is alone in it."""
    return f"functions/{function.name}/" if function.folder == layout.functions else "functions/"


def _without_types(name: str, data: bytes) -> bytes:
    if Path(name).suffix not in _CODE:
        return data
    return _TYPES.sub(r"\1", data.decode("utf-8", "surrogateescape")).encode(
        "utf-8", "surrogateescape"
    )


def _check_imports(name: str, data: bytes, platform: Platform) -> None:
    found = _REMOTE.search(data.decode("utf-8", "replace")) if Path(name).suffix in _CODE else None
    if found:
        raise FunctionError(
            f"{name} imports {found[1]}, which {platform.name} cannot; import a package that "
            f"package.json names, or deploy it with --target deno"
        )
