"""Functions as Cloudflare Workers: modules that no bundler has to see again, and static assets.

`worker/` holds what workerd must have as modules, because it compiles no code at run time; it loads
them when they are needed. `assets/` holds what is read once: Python's snapshot, the rest of its
standard library, and the model, unless static assets cannot hold it; then `models/` is for R2.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from edgelet_host.deploy.bundle import Asked, Bundle
from edgelet_host.deploy.javascript import (
    javascript_files,
    javascript_handler,
    javascript_manifest,
)
from edgelet_host.deploy.limits import check
from edgelet_host.deploy.package import model_folder, package_files
from edgelet_host.deploy.platform import Platform
from edgelet_host.deploy.python import python_files, python_handler
from edgelet_host.deploy.workers_limits import LARGEST_ASSET, workers_limits
from edgelet_host.sandbox.grants import INFERENCE_VARIABLES

PLATFORM = Platform(
    "cloudflare",
    "deployed.worker.js",
    runs_typescript=False,
    follows_imports=False,
    finds_packages=False,
    conditions=("workerd", "worker", "browser"),
)

_COMPATIBLE = {
    "compatibility_date": "2026-04-01",
    "compatibility_flags": ["nodejs_compat", "enable_request_signal"],
}
_MODULES = [
    {"type": "ESModule", "globs": ["**/*.js", "**/*.mjs"], "fallthrough": False},
    {"type": "CompiledWasm", "globs": ["**/*.wasm"], "fallthrough": False},
    {"type": "Data", "globs": ["**/*.zip"], "fallthrough": False},
]
_READ_ONCE = ("assets/python/snapshot.bin.gz", "assets/python/library.zip")
_NOT_NEEDED = ("assets/python/manifest.json", "assets/onnxruntime/ort-wasm-simd-threaded.mjs")
_ENGINE = "assets/onnxruntime/"


def cloudflare_bundle(asked: Asked) -> Bundle:
    """The function as a Worker. Raises `FunctionError` and `OptionError`."""
    function, layout = asked.function, asked.project.layout
    files: dict[str, bytes | Path] = {**_package(asked)}
    if function.language == "python":
        code = python_files(function)
        main = python_handler(PLATFORM.entry, asked.variables())
    else:
        code, module = javascript_files(function, layout, PLATFORM, minify=asked.minify)
        javascript_manifest(function, layout, PLATFORM)  # refuses what its imports cannot mean
        main = javascript_handler(PLATFORM.entry, module)
    files |= {f"worker/{name}": data for name, data in {"main.js": main, **code}.items()}
    limits = workers_limits(files)
    check("Cloudflare Workers", limits)
    name = re.sub(r"[^a-z0-9-]+", "-", function.name.lower()).strip("-")
    bucket = f"{name}-models"
    stored = sorted(each for each in files if each.startswith("models/"))
    commands = (
        *_stored_by(bucket, stored),
        "npx wrangler deploy",
        *(f"npx wrangler secret put {each}" for each in asked.secrets()),
    )
    wrangler = _configuration(name, bucket if stored else None)
    files["wrangler.jsonc"] = (json.dumps(wrangler, indent=2) + "\n").encode()
    files["README.md"] = _readme(asked, stored).encode()
    return Bundle(function.name, PLATFORM.name, files, asked.secrets(), commands, limits)


def _package(asked: Asked) -> dict[str, Path]:
    """The npm package's files, each where it belongs in the folder."""
    is_python = asked.function.language == "python"
    root = asked.project.layout.root
    package = package_files(root, PLATFORM.entry, library=is_python, model=asked.model)
    is_large = any(
        path.stat().st_size > LARGEST_ASSET
        for name, path in package.items()
        if name.startswith(model_folder())
    )
    files = {}
    for name, path in package.items():
        if name in _NOT_NEEDED or (name.startswith(_ENGINE) and not asked.model):
            continue
        if name.startswith(model_folder()):
            files[name.removeprefix("assets/") if is_large else name] = path
        elif name in _READ_ONCE:
            files[name] = path
        elif name.endswith(".LEGAL.txt"):
            files[f"licences/{name}"] = path
        else:
            files[f"worker/edgelet/{name}"] = path
    return files


def _configuration(name: str, bucket: str | None) -> dict[str, Any]:
    buckets = [{"binding": "EDGELET_MODELS", "bucket_name": bucket}]
    return {
        "name": name,
        "main": "worker/main.js",
        "no_bundle": True,
        **_COMPATIBLE,
        "rules": _MODULES,
        # The function answers every path; without this, a file of that name would.
        "assets": {"directory": "assets", "binding": "EDGELET_ASSETS", "run_worker_first": True},
        **({"r2_buckets": buckets} if bucket else {}),
    }


def _stored_by(bucket: str, stored: list[str]) -> tuple[str, ...]:
    if not stored:
        return ()
    puts = (
        f"npx wrangler r2 object put {bucket}/{each.removeprefix('models/')} --file {each} --remote"
        for each in stored
    )
    return (f"npx wrangler r2 bucket create {bucket}", *puts)


def _readme(asked: Asked, stored: list[str]) -> str:
    host, key = INFERENCE_VARIABLES
    given = ", ".join(asked.secrets()) or "none of the project's own"
    models = "; `models/` goes to R2 first, by the commands that were printed" if stored else ""
    return (
        f"# {asked.function.name}, for cloudflare: written by `edgelet functions deploy`\n"
        f"1. Try it here: `npx wrangler dev`. Ship it: `npx wrangler deploy`{models}.\n"
        f"2. Secrets, each given by `npx wrangler secret put NAME`: {given}.\n"
        f"3. Where language models are, and the key, given likewise: `{host}` and `{key}`.\n"
        f"4. It needs Workers Paid: Workers Free ends a request after 10 ms of CPU time, "
        f"and Python takes longer to start.\n"
    )
