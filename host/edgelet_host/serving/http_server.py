"""uvicorn, with what serving functions needs of it: word when it listens, and nothing printed."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

_SILENT: dict[str, Any] = {
    "http": "httptools",
    "ws": "none",
    "lifespan": "off",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,  # nobody stands before it whom it could believe
}

_BREAK_SECONDS = 1.0


class HttpServer(uvicorn.Server):
    """Serves `app`. `listening` is called once it listens.

    It stops when it is told to, and hears no signals; `stop_seconds` is how long requests may then
    take to end.
    """

    def __init__(
        self,
        app: ASGIApp,
        listening: Callable[[], object],
        *,
        stop_seconds: int,
        **settings: Any,
    ) -> None:
        super().__init__(
            uvicorn.Config(app, timeout_graceful_shutdown=stop_seconds, **_SILENT, **settings)
        )
        self._listening = listening

    def stop(self) -> None:
        """Accept no more; `serve` returns when all is answered, or broken off."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; what is broken off has ended when this returns, and is no error of anybody's."""
        logger = logging.getLogger("uvicorn.error")
        was_disabled, logger.disabled = logger.disabled, True
        try:
            await super().shutdown(sockets)
            if self.server_state.tasks:
                await asyncio.wait(set(self.server_state.tasks), timeout=_BREAK_SECONDS)
        finally:
            logger.disabled = was_disabled

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield
