"""Runs in Pyodide: prints, as JSON, the files of the standard library that are loaded once core
has been imported and has read a tokenizer, and the modules that the arguments name.

    loaded.py TOKENIZER MODULE…
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from edgelet_pyodide import prepared

tokenizer, *names = sys.argv[1:]
prepared.prepare(Path(tokenizer).read_bytes())
for name in names:
    importlib.import_module(name)

ARCHIVE = "/python{}{}.zip/".format(*sys.version_info)

files = (getattr(module, "__file__", None) or "" for module in list(sys.modules.values()))
print(json.dumps(sorted({file.split(ARCHIVE)[1] for file in files if ARCHIVE in file})))
