"""uvicorn, with what serving functions needs of it: word when it listens, and nothing printed."""

from __future__ import annotations

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

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield
