"""Runs in Pyodide, before the snapshot."""

import gc
import importlib
from collections.abc import Sequence


def freeze(names: Sequence[str], tokenizer_json: memoryview) -> None:
    """Import what core may ever import and read a tokenizer, so that whoever starts from the
    snapshot needs none of Python's files.
    """
    for name in names:
        importlib.import_module(name)
    importlib.import_module("edgelet_pyodide.prepared").prepare(bytes(tokenizer_json))
    gc.collect()
