"""A function that cannot be loaded as it is on disk: it says so until it is mended."""

from __future__ import annotations

from edgelet.errors import EdgeletError
from edgelet.http import Request, Response
from edgelet_host.project import FunctionConfig
from edgelet_host.sandbox.errors import FunctionNotBooted


class BrokenFunction:
    """A function whose every request ends with the reason why it cannot be loaded."""

    def __init__(self, config: FunctionConfig, version: object, reason: EdgeletError) -> None:
        self.config = config
        self.version = version
        self.reason = reason

    async def respond(self, request: Request) -> Response:
        """Raises `FunctionNotBooted`."""
        del request
        if isinstance(self.reason, FunctionNotBooted):
            raise self.reason.with_traceback(None)
        raise FunctionNotBooted(self.config.name, str(self.reason))

    async def retire(self, seconds: float | None = None) -> None:
        """Nothing."""
