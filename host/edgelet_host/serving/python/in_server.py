"""A Python function in the server itself, for a debugger: no limits, no borders.

Its module is loaded anew when its code changes. It sees the server's process; its variables are put
into the process's environment.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from edgelet.errors import EdgeletError
from edgelet.functions import Handler, loading, respond
from edgelet.http import Request, Response
from edgelet_host.project import FunctionConfig
from edgelet_host.sandbox.errors import FunctionFailed, FunctionNotBooted
from edgelet_host.sandbox.function import MAIN, Function
from edgelet_host.sandbox.requirements import vendored
from edgelet_host.serving.python.modules import Modules
from edgelet_host.serving.variables import Variables

_FAILURES = (Exception, SystemExit)
"""What ends a function, and not the server."""


class FunctionInServer:
    """One version of a function's code, loaded into this process."""

    def __init__(self, config: FunctionConfig, function: Function, variables: Variables) -> None:
        self.config = config
        self.version: object = (config, function.key)
        self._function = function
        self._variables = variables
        self._handler: Handler | None = None

    async def prepare(self) -> None:
        """Load it. Raises `FunctionNotBooted`."""
        self._prepared()

    async def respond(self, request: Request) -> Response:
        """Call it. Raises `FunctionFailed`, `FunctionNotBooted`; so does the body, if it fails."""
        handler = self._handler or self._prepared()
        _environment.put(self._variables.of(self.config))
        try:
            response = await respond(handler, request)
        except _FAILURES as error:
            raise self._failed(error) from error
        if response.whole is not None:
            return response
        body = self._body(response)
        return Response.received(response.status, response.headers.raw(), body)

    async def retire(self, seconds: float | None = None) -> None:
        """Nothing: requests that run keep their code."""

    def _prepared(self) -> Handler:
        _environment.put(self._variables.of(self.config))
        try:
            modules = Modules(self._function.modules, self._folders())
            with loading(self.config.name) as loaded:
                modules.load(MAIN)
            self._handler = loaded.handler
        except _FAILURES as error:
            kind = type(error).__name__
            raise FunctionNotBooted(self.config.name, _shown(error), kind) from error
        return self._handler

    async def _body(self, response: Response) -> AsyncIterator[bytes]:
        try:
            async for piece in response.body:
                yield piece
        except _FAILURES as error:
            raise self._failed(error) from error
        finally:
            await response.aclose()

    def _failed(self, error: BaseException) -> FunctionFailed:
        return FunctionFailed(self.config.name, _shown(error), type(error).__name__)

    def _folders(self) -> list[Path]:
        packages = vendored(self.config.folder)
        return [self.config.folder] if packages is None else [self.config.folder, packages]


class _Environment:
    """The environment of this process, with the variables of the function that was asked last."""

    def __init__(self) -> None:
        self._replaced: dict[str, str | None] = {}
        self._put: Mapping[str, str] = {}

    def put(self, variables: Mapping[str, str]) -> None:
        """Let the variables be there, and none of those that were put before."""
        if variables is self._put:
            return
        for name in self._replaced.keys() - variables.keys():
            before = self._replaced.pop(name)
            if before is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = before
        for name in variables:
            self._replaced.setdefault(name, os.environ.get(name))
        os.environ.update(variables)
        self._put = variables


_environment = _Environment()


def _shown(error: BaseException) -> str:
    if isinstance(error, EdgeletError) and error.__traceback__ is None:
        return str(error)
    return "".join(traceback.format_exception(error))
