"""A function as it lies on disk: a folder with `main.py`, its own modules, and its requirements."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import decode_source
from pathlib import Path
from typing import Any

from edgelet.errors import FunctionError
from edgelet_host.sandbox.requirements import vendored

MAIN = "main"
_MOST_SOURCE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Module:
    """One module of a function: its dotted name, its file as tracebacks show it, its source."""

    name: str
    file: str
    source: str = field(repr=False)
    is_package: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function's code, as text. `key` is its hash: it names what has been compiled of it."""

    name: str
    modules: tuple[Module, ...] = field(repr=False)

    @property
    def key(self) -> str:
        """The same if and only if name and modules are."""
        listed = [[m.name, m.file, m.source, m.is_package] for m in self.modules]
        return hashlib.sha256(json.dumps([self.name, listed]).encode()).hexdigest()

    @classmethod
    def of_source(cls, source: str, name: str = "function") -> Function:
        """A function of one file.

        >>> Function.of_source("from edgelet import serve").modules[0].name
        'main'
        """
        return cls(name, (Module(MAIN, f"{MAIN}.py", source),))


def read_function(path: Path) -> Function:
    """The function at `path`: a folder with `main.py`, or one Python file.

    All Python files of the folder and of its subfolders belong to it, and the packages that its
    `requirements.txt` asks for, which are fetched now if they are not there yet. A subfolder is a
    package, with or without `__init__.py`. Symbolic links are not followed. Raises `FunctionError`.
    """
    if path.is_file():
        return Function(path.stem, (Module(MAIN, path.name, _source(path, path.name)),))
    if not (path / f"{MAIN}.py").is_file():
        raise FunctionError(f"there is no function in {path}: it has no {MAIN}.py")
    own = tuple(_modules(path))
    names = {module.name for module in own}
    packages = vendored(path)
    others = () if packages is None else tuple(_modules(packages))
    modules = (*own, *(each for each in others if each.name not in names))
    modules = (*modules, *_bare_packages(modules))
    if sum(len(module.source) for module in modules) > _MOST_SOURCE_BYTES:
        raise FunctionError(f"the function in {path} is more than 16 MB of Python")
    return Function(path.resolve().name, modules)


def _modules(root: Path) -> Iterator[Module]:
    for folder, below, files in os.walk(root):
        at = Path(folder)
        below[:] = sorted(name for name in below if name.isidentifier())
        for file in sorted(files):
            source = at / file
            if source.suffix != ".py" or not source.stem.isidentifier() or source.is_symlink():
                continue
            relative = source.relative_to(root)
            parts = relative.with_suffix("").parts
            is_package = source.stem == "__init__"
            parts = parts[:-1] if is_package else parts
            if parts:
                shown = relative.as_posix()
                yield Module(".".join(parts), shown, _source(source, shown), is_package)


def _bare_packages(modules: Iterable[Module]) -> Iterator[Module]:
    """The packages of those modules that have no `__init__.py`."""
    known = {module.name for module in modules}
    for module in modules:
        parts = module.name.split(".")
        for end in range(1, len(parts)):
            name = ".".join(parts[:end])
            if name not in known:
                known.add(name)
                yield Module(name, f"{'/'.join(parts[:end])}/__init__.py", "", is_package=True)


def _source(path: Path, shown: str) -> str:
    try:
        return decode_source(path.read_bytes())  # as imports do: by its coding line, if it has one
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise FunctionError(f"{shown} cannot be read: {error}") from error


def compiled_modules(function: Function, codes: dict[str, str]) -> bytes:
    """What workers are told of a function: JSON of its modules by name."""
    modules: dict[str, dict[str, Any]] = {
        module.name: {
            "code": codes[module.file],
            "source": module.source,
            "package": module.is_package,
        }
        for module in function.modules
    }
    return json.dumps(modules).encode()
