"""How a function's process in Deno is asked: aiohttp over a Unix socket, with three things changed.

A request is sent before the first piece of its body is there, a connection that is given up is
broken at once, and the head of an answer may be longer.
"""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler

_LONGEST_FIELD = 64 * 1024
_MOST_FIELDS = 1024


class StreamedBody(aiohttp.AsyncIterablePayload):
    """A request's body: the function sees the request, whenever the first piece comes."""

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write it; see aiohttp."""
        writer.send_headers()
        await super().write_with_length(writer, content_length)


class _Connection(ResponseHandler):
    """A connection that waits for nobody when it is closed: its rest may never be read."""

    def close(self) -> None:
        """Break it."""
        self.abort()


def client_of(socket: Path) -> aiohttp.ClientSession:
    """A client of the process that listens there, which adds nothing to what it is given."""
    connector = aiohttp.UnixConnector(str(socket), limit=0)
    make: Any = functools.partial(_Connection, loop=asyncio.get_running_loop())
    connector._factory = make  # noqa: SLF001
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        skip_auto_headers=("accept", "accept-encoding", "user-agent", "content-type"),
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=_LONGEST_FIELD,
        max_field_size=_LONGEST_FIELD,
        max_headers=_MOST_FIELDS,
    )
