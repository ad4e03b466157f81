"""uvicorn, with what serving functions needs of it.

Word when it listens, and when a client's connection is lost; no endless heads of requests; nothing
printed.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LONGEST_HEAD = 256 * 1024
"""Bytes that are read of a request whose head does not end. What ends may be refused, too."""
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"access-control-allow-origin: *\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class _Protocol(HttpToolsProtocol):
    """One connection. Applications find in `scope["state"]["gone"]` an event: it is lost."""

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self._gone = asyncio.Event()
        self._in_head = False
        self._head_size = 0

    def data_received(self, data: bytes) -> None:
        self._head_size += len(data)
        super().data_received(data)
        if self._in_head and self._head_size > _LONGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["gone"] = self._gone
        self._in_head = True
        self._head_size = 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_head = False

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._gone.set()


_SILENT: dict[str, Any] = {
    "http": _Protocol,
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
