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
}


class HttpServer(uvicorn.Server):
    """Serves `app`. `listening` is called once it listens.

    `stop_seconds` is how long requests may take to end when it stops. `on_signals` says whether it
    stops at Ctrl-C and SIGTERM; else it stops when `should_exit` is set.
    """

    def __init__(
        self,
        app: ASGIApp,
        listening: Callable[[], object],
        *,
        stop_seconds: int,
        on_signals: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(
            uvicorn.Config(app, timeout_graceful_shutdown=stop_seconds, **_SILENT, **settings)
        )
        self._listening = listening
        self._on_signals = on_signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self._listening()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear signals, if it is to stop at them."""
        if self._on_signals:
            with super().capture_signals():
                yield
        else:
            yield
