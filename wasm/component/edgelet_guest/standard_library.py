"""The standard library, all of it that works in a component."""

from __future__ import annotations

import importlib
import sys
import warnings
from contextlib import suppress

_LEFT_OUT = frozenset({
    "antigravity", "ensurepip", "idlelib", "lib2to3", "pdb", "this", "tkinter", "turtle",
    "turtledemo", "venv",
})  # fmt: skip
"""They open a browser, print a poem, or need what no component has."""

_SUBMODULES = (
    "asyncio.base_events",
    "collections.abc",
    "concurrent.futures.process",
    "concurrent.futures.thread",
    "email.message",
    "email.policy",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.utf_16",
    "encodings.utf_8_sig",
    "html.parser",
    "http.client",
    "http.cookies",
    "importlib.metadata",
    "importlib.resources",
    "json.decoder",
    "logging.handlers",
    "sqlite3.dbapi2",
    "unittest.mock",
    "urllib.error",
    "urllib.parse",
    "urllib.request",
    "urllib.robotparser",
    "wsgiref.headers",
    "xml.dom.minidom",
    "xml.etree.ElementTree",
    "xml.sax.saxutils",
)
"""Modules of packages that do not import them themselves."""


def import_all() -> None:
    """Import every module that can be imported."""
    names = [name for name in sorted(sys.stdlib_module_names) if not name.startswith("_")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in (*names, *_SUBMODULES):
            if name in _LEFT_OUT:
                continue
            with suppress(ImportError):  # what needs an operating system: ssl, fcntl, ctypes, …
                importlib.import_module(name)
