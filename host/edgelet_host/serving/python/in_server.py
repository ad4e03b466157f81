"""A Python function in the server itself, for a debugger: no limits, no borders.

Its module is loaded anew when its code changes. It sees the server's process; its variables are put
into the process's environment.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgelet.errors import EdgeletError
from edgelet.functions import Handler, loading, respond
from edgelet.http import Request, Response
from edgelet_host.project import FunctionConfig
from edgelet_host.sandbox.errors import FunctionFailed, FunctionNotBooted
from edgelet_host.sandbox.function import Function
from edgelet_host.sandbox.requirements import vendored
from edgelet_host.serving.variables import Variables

_importing = threading.Lock()


class FunctionInServer:
    """One version of a function's code, loaded into this process."""

    def __init__(self, config: FunctionConfig, function: Function, variables: Variables) -> None:
        self.config = config
        self.version: object = (config, function.key)
        self._modules = {module.name for module in function.modules}
        self._variables = variables
        self._handler: Handler | None = None

    async def prepare(self) -> None:
        """Load it. Raises `FunctionNotBooted`."""
        self._prepared()

    async def respond(self, request: Request) -> Response:
        """Call it. Raises `FunctionFailed`, `FunctionNotBooted`."""
        os.environ.update(self._variables.of(self.config))
        handler = self._handler or self._prepared()
        try:
            return await respond(handler, request)
        except Exception as error:
            raise FunctionFailed(self.config.name, _shown(error), type(error).__name__) from error

    async def retire(self, seconds: float | None = None) -> None:
        """Nothing: requests that run keep their code."""

    def _prepared(self) -> Handler:
        os.environ.update(self._variables.of(self.config))
        try:
            self._handler = self._loaded()
        except Exception as error:
            kind = type(error).__name__
            raise FunctionNotBooted(self.config.name, _shown(error), kind) from error
        return self._handler

    def _loaded(self) -> Handler:
        name = self.config.entrypoint.stem
        with (
            _importing,
            _own_modules(self._modules, self._folders()),
            loading(self.config.name) as loaded,
        ):
            importlib.import_module(name)
            return loaded.handler

    def _folders(self) -> list[Path]:
        packages = vendored(self.config.folder)
        return [self.config.folder] if packages is None else [self.config.folder, packages]


@contextmanager
def _own_modules(names: set[str], folders: list[Path]) -> Iterator[None]:
    """Let a function's modules be found, and be no other function's of the same names."""
    sys.path[:0] = map(str, folders)
    hidden = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)
        del sys.path[: len(folders)]


def _shown(error: BaseException) -> str:
    if isinstance(error, EdgeletError) and error.__traceback__ is None:
        return str(error)
    return "".join(traceback.format_exception(error))
