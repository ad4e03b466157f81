"""Imports the function's own modules, whose code the host hands over when it is asked for."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from edgelet_guest.host import bytes_of, sendable, text_of

MAIN = "main"
"""The module that serves."""


def compiled(file: str, source: str) -> str:
    """The code object of a module, marshalled and as text. Raises `SyntaxError` and its kin."""
    return text_of(marshal.dumps(compile(source, file, "exec", dont_inherit=True)))


class HandedOver(MetaPathFinder, InspectLoader):
    """Finds and loads modules through `modules` of `world.wit`."""

    def __init__(self, modules: Any) -> None:
        self.modules = modules
        self._codes: dict[str, str] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec when the host has such a module."""
        code = self.modules.code(sendable(fullname))
        if code is None:
            return None
        self._codes[fullname] = code
        spec = ModuleSpec(fullname, self, is_package=self.modules.is_package(fullname))
        spec.has_location = True
        return spec

    def run_main(self) -> None:
        """Import the module that serves, without asking whether it exists."""
        code = self.modules.code(MAIN)
        if code is None:
            raise ModuleNotFoundError(f"No module named {MAIN!r}", name=MAIN)
        self._codes[MAIN] = code
        sys.modules[MAIN] = module = ModuleType(MAIN)
        module.__loader__ = self
        self.exec_module(module)

    def get_code(self, fullname: str) -> CodeType:
        """The code object that was handed over."""
        code: CodeType = marshal.loads(bytes_of(self._codes.pop(fullname)))  # noqa: S302 (our own)
        return code

    def get_source(self, fullname: str) -> str | None:
        """The source, for tracebacks."""
        source: str | None = self.modules.source(fullname)
        return source

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        code = self.get_code(module.__name__)
        module.__file__ = code.co_filename
        exec(code, module.__dict__)  # noqa: S102 (what importing is)


def forget(names: set[str]) -> None:
    """Unload all modules but those."""
    for name in set(sys.modules) - names:
        del sys.modules[name]
