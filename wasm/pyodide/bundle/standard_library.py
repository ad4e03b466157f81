"""Which modules of the standard library the bundle holds: what runs, and nothing else.

What core and `edgelet_pyodide` import, at once or only when a case arises, is read from their
source; what that leads to, and what Pyodide imports by itself, is asked of Pyodide (`loaded.py`).
"""

from __future__ import annotations

import ast
import codecs
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from bundle.pyodide import run_python

FOR_ERRORS = ("linecache", "traceback", "warnings")
"""What the interpreter imports by itself to tell of an error."""

_LOADED = Path(__file__).parent / "loaded.py"

_ELSEWHERE = {"importlib.metadata"}
"""What core imports only where it has to find its host, which the bundle's caller is."""


def imported_modules(sources: Iterable[Path]) -> set[str]:
    """The modules that Python files name in their imports, and those of the codecs they name."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in sources)
    return {name for tree in trees for node in ast.walk(tree) for name in _named(node)}


def standard_library(
    names: Iterable[str], core: Path, tokenizer: Path, stdlib: Path
) -> dict[str, bytes]:
    """The members of Pyodide's `python_stdlib.zip` that are needed for those imports.

    `core` is the archive of core, `tokenizer` the file that is read while it is watched.
    """
    answer = run_python(
        _LOADED.read_text(encoding="utf-8"),
        str(tokenizer),
        *sorted({*names, *FOR_ERRORS} - _ELSEWHERE),
        folders=[core.parent, tokenizer.parent],
        path=[core],
    )
    with zipfile.ZipFile(stdlib) as whole:
        return {name: whole.read(name) for name in json.loads(answer)}


def _named(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=aliases):
            yield from (alias.name for alias in aliases)
        case ast.ImportFrom(module=str(module), level=0):
            yield module
        case ast.Call(
            func=ast.Attribute(attr="encode" | "decode"), args=[ast.Constant(value=str(codec)), *_]
        ):
            yield from _codec_module(codec)


def _codec_module(codec: str) -> Iterator[str]:
    try:
        yield f"encodings.{codecs.lookup(codec).name.replace('-', '_')}"
    except LookupError:
        return  # the text that some other `encode` takes
