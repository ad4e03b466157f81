"""Functions in browsers: a static folder whose service worker answers what its pages ask."""

from __future__ import annotations

import json
import re
from html import escape
from importlib.resources import files as resources
from typing import Any

from edgelet.errors import FunctionError
from edgelet_host.deploy.bundle import Asked, Bundle
from edgelet_host.deploy.esbuild import bundled, packages_within
from edgelet_host.deploy.javascript import (
    javascript_manifest,
    javascript_modules,
    package_folders,
)
from edgelet_host.deploy.package import package_files
from edgelet_host.deploy.platform import Platform
from edgelet_host.deploy.python import MODULES, python_files
from edgelet_host.project import FunctionConfig
from edgelet_host.sandbox.grants import INFERENCE_VARIABLES

_BROWSER = Platform("browser", "deployed.browser.js", runs_typescript=False, follows_imports=False)
_PAGE = "deployed.page.js"
_WORKER = "service-worker.js"
_START = "python3 -m http.server 8000 --bind 127.0.0.1"

_GLUE = "edgelet/assets/onnxruntime/ort-wasm-simd-threaded.mjs"
"""The entry has it within."""

_PARAMETER = re.compile(r"""(?:query|[pP]arams)(?:\.get\(|\[)["'](\w+)["']""")
"""What a function reads of its query: the page suggests the first such parameter."""

_PYTHON = """\
import {{ listen, pythonFunction }} from "./edgelet/{entry}";
import modules from "./{modules}";

listen(pythonFunction(modules), {name});
"""

_JAVASCRIPT = """\
import {{ listen, moduleFunction }} from "./edgelet/{entry}";

listen(moduleFunction(() => import("./{module}")), {name});
"""

_FUNCTIONS = """\
// For your own pages in this folder:
//
//   import {{ ready }} from "./functions.js";
//   await ready({{ env: {{ {host}: "http://localhost:11434" }} }});
//   const answer = await fetch("functions/v1/{name}");
//
// `env` may be left out. The browser keeps what was given last; whoever visits can read it.

export {{ ready }} from "./edgelet/{page}";
"""


def browser_bundle(asked: Asked) -> Bundle:
    """The function as a service worker, with a page to try it. Raises `FunctionError`."""
    name, root = asked.function.name, asked.project.layout.root
    is_python = asked.function.language == "python"
    files: dict[str, Any] = {}
    for entry in (_BROWSER.entry, _PAGE):
        package = package_files(root, entry, library=is_python, model=asked.model)
        files |= {f"edgelet/{path}": file for path, file in package.items()}
    del files[_GLUE]
    if is_python:
        files |= python_files(asked.function)
        worker = _PYTHON.format(entry=_BROWSER.entry, modules=MODULES, name=json.dumps(name))
        files[_WORKER] = worker.encode()
    else:
        files[_WORKER] = _javascript_worker(asked)
    host, _ = INFERENCE_VARIABLES
    files |= {
        "functions.js": _FUNCTIONS.format(host=host, name=name, page=_PAGE).encode(),
        "index.html": _page(asked.function),
        "README.md": _readme(asked).encode(),
    }
    return Bundle(name, _BROWSER.name, files, asked.secrets(), (_START,))


def _javascript_worker(asked: Asked) -> bytes:
    """One file: a service worker imports nothing once it runs, and browsers find no packages."""
    function, layout = asked.function, asked.project.layout
    if function.static_files:
        raise FunctionError(
            f"{function.name} names static_files, which a function in a browser cannot read; "
            f"import them as modules"
        )
    files, module = javascript_modules(function, layout, _BROWSER)
    javascript_manifest(function, layout, _BROWSER)  # refuses what cannot be followed
    worker = _JAVASCRIPT.format(
        entry=_BROWSER.entry, module=module, name=json.dumps(function.name)
    ).encode()
    return bundled(
        layout.root,
        {**files, _WORKER: worker},
        _WORKER,
        packages=packages_within(external=["./edgelet/*"]),
        folders=package_folders(function, layout),
        minify=asked.minify,
    )


def _page(function: FunctionConfig) -> bytes:
    page = (resources("edgelet_host.deploy") / "browser.html").read_text("utf-8")
    parameter = _PARAMETER.search(function.entrypoint.read_text("utf-8"))
    query = f"?{parameter[1]}=Hello world" if parameter else ""
    return page.replace("{name}", escape(function.name)).replace("{query}", query).encode()


def _readme(asked: Asked) -> str:
    host, key = INFERENCE_VARIABLES
    name = asked.function.name
    given = ", ".join(asked.secrets()) or "none of the project's own"
    return (
        f"# {name}, for browsers: written by `edgelet functions deploy`\n"
        f"1. Serve this folder from any web server, over https or from localhost: `{_START}`.\n"
        f'2. Pages in it `import {{ ready }} from "./functions.js"`, and after `await ready()` '
        f'`fetch("functions/v1/{name}")`; `index.html` is one.\n'
        f"3. Variables that `ready({{ env }})` must be given: {given}. Whoever visits can read "
        f"them, as they can the function: give no secrets.\n"
        f"4. Where language models are: `{host}`, which must allow this site's origin (CORS); its "
        f"key, if the visitor has one: `{key}`.\n"
    )
