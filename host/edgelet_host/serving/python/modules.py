"""A function's modules in the server's process, which no other function meets.

Two functions may both have a `main`, and an old version and a new one do. So a function's modules
stand in `sys.modules` only while one of them imports; what they import later on, inside a handler,
goes the same way. They are loaded from the text that was read, not from files that may have changed
again, nor from what Python keeps in `__pycache__`.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from edgelet_host.sandbox.function import Module

_importing = threading.RLock()


class Modules(MetaPathFinder):
    """The modules of one version of a function.

    `folders` are where their files are: debuggers and tracebacks show them from there.
    """

    def __init__(self, modules: Iterable[Module], folders: Sequence[Path]) -> None:
        self._found = {module.name: module for module in modules}
        self._folders = folders
        self._loaded: dict[str, ModuleType] = {}
        self._in_place = False

    def load(self, name: str) -> None:
        """Run the module. Raises what it raises."""
        with self._are_in_place():
            importlib.import_module(name)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module of the function's own comes from."""
        del path, target
        module = self._found.get(fullname)
        if module is None:
            return None
        file = self._file(module)
        spec = spec_from_loader(
            fullname, _Text(self, module, file), origin=file, is_package=module.is_package
        )
        if spec is not None:
            spec.has_location = True
            if module.is_package:
                spec.submodule_search_locations = [str(Path(file).parent)]
        return spec

    def import_(self, *given: Any, **named: Any) -> ModuleType:
        """`__import__`, for the function's own code."""
        with self._are_in_place():
            return builtins.__import__(*given, **named)

    @contextmanager
    def _are_in_place(self) -> Iterator[None]:
        """Let these modules be found, and none of another function of the same names."""
        with _importing:
            if self._in_place:
                yield
                return
            others = {name: sys.modules.pop(name) for name in self._found if name in sys.modules}
            sys.modules.update(self._loaded)
            sys.meta_path.insert(0, self)
            self._in_place = True
            try:
                yield
            finally:
                self._in_place = False
                sys.meta_path.remove(self)
                for name in self._found:
                    if (module := sys.modules.pop(name, None)) is not None:
                        self._loaded[name] = module
                sys.modules.update(others)

    def _file(self, module: Module) -> str:
        files = [folder / module.file for folder in self._folders]
        return str(next((file for file in files if file.is_file()), files[0]))


class _Text(Loader):
    """Runs the text of one module."""

    def __init__(self, modules: Modules, module: Module, file: str) -> None:
        self._modules = modules
        self._module = module
        self._file = file

    def exec_module(self, module: ModuleType) -> None:
        """Run it, so that what it imports is found as above."""
        own = {**vars(builtins), "__import__": self._modules.import_}
        module.__dict__["__builtins__"] = own
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 (what a loader does)

    def get_code(self, _: str) -> CodeType:
        """It, compiled."""
        return compile(self._module.source, self._file, "exec", dont_inherit=True)

    def get_source(self, _: str) -> str:
        """Its text, for tracebacks."""
        return self._module.source
