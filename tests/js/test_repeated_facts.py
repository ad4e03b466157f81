"""What the JavaScript source repeats of core and of Pyodide is what stands there."""

from __future__ import annotations

import json
import re

from edgelet.models import BUILT_IN_MODELS
from tests.js.package import SHIM

RUNTIME = SHIM / "src" / "runtime"


def test_the_models_that_are_loaded_ahead_are_those_of_core() -> None:
    source = (RUNTIME / "built_in_models.ts").read_text("utf-8")
    listed = dict(re.findall(r'^  "(.+)": "(.+)",$', source, re.MULTILINE))

    names = {model.name: model.name for model in BUILT_IN_MODELS}
    assert listed == names | {model.repository: model.name for model in BUILT_IN_MODELS}


def test_the_lock_file_without_packages_is_of_the_pinned_pyodide() -> None:
    source = (RUNTIME / "python.ts").read_text("utf-8")
    lock = json.loads((SHIM / "node_modules" / "pyodide" / "pyodide-lock.json").read_text("utf-8"))

    info = re.search(r"^  info: \{(.+)\},$", source, re.MULTILINE)
    assert info is not None
    assert dict(re.findall(r'(\w+): "([^"]+)"', info[1])) == lock["info"]
