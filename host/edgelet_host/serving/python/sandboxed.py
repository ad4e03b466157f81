"""A Python function in the sandbox: an instance for each request."""

from __future__ import annotations

from collections.abc import Mapping

from edgelet.http import Request, Response
from edgelet_host.project import FunctionConfig
from edgelet_host.sandbox.function import Function
from edgelet_host.sandbox.grants import Grants
from edgelet_host.sandbox.limits import Limits
from edgelet_host.sandbox.sandbox import Sandbox
from edgelet_host.serving.variables import Variables


class SandboxedFunction:
    """One version of a function's code, under what the project says of it."""

    def __init__(
        self,
        config: FunctionConfig,
        function: Function,
        limits: Limits,
        sandbox: Sandbox,
        variables: Variables,
    ) -> None:
        self.config = config
        self.version: object = (config, function.key)
        self._function = function
        self._sandbox = sandbox
        self._variables = variables
        self._limits = limits
        self._granted: tuple[Mapping[str, str], Grants] | None = None

    async def prepare(self) -> None:
        """Compile it. Raises `FunctionNotBooted`."""
        await self._sandbox.compiled(self._function)

    async def respond(self, request: Request) -> Response:
        """Run it. Raises as `Sandbox.respond` does."""
        response = await self._sandbox.respond(
            self._function, request, limits=self._limits, grants=self._grants()
        )
        _let_the_server_frame(response)
        return response

    async def retire(self, seconds: float | None = None) -> None:
        """Forget what was compiled; requests that run keep their code."""
        self._sandbox.forget(self._function)

    def _grants(self) -> Grants:
        env = self._variables.of(self.config)
        if self._granted is None or self._granted[0] is not env:
            config = self.config
            folder = config.folder if config.static_files else None
            grants = Grants(env, config.allow_hosts, config.allow_models, folder)
            self._granted = env, grants
        return self._granted[1]


def _let_the_server_frame(response: Response) -> None:
    """How long a body is, and how it is carried, is for the server to say."""
    for name in ("content-length", "transfer-encoding"):
        if name in response.headers:
            del response.headers[name]
