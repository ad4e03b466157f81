"""The body of a function's response: chunks from the worker, at the pace of whoever reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from edgelet.errors import EdgeletError

_MOST_CHUNKS = 16
"""Chunks that wait for a slow reader; then the function waits."""


class ResponseBody(AsyncIterator[bytes]):
    """An async iterator that ends its instance when it is left: closed, or dropped unread.

    `leave` is called then, on the event loop, unless the body has ended already.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._loop = asyncio.get_running_loop()
        self.pipe = Pipe()

    async def __anext__(self) -> bytes:
        chunk = await self.pipe.take()
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Give up the rest."""
        if not self.pipe.is_over:
            self._leave()

    def __del__(self) -> None:
        if not self.pipe.is_over and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leave)


class Pipe:
    """Chunks on their way, between the exchange that has them and the body that is read."""

    def __init__(self) -> None:
        self.is_over = False
        self._failure: EdgeletError | None = None
        self._chunks: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, chunk: bytes) -> None:
        """Hand a chunk on; returns when there is room for more, or when all is over."""
        if self.is_over:
            return
        self._chunks.append(chunk)
        self._arrived.set()
        while len(self._chunks) >= _MOST_CHUNKS and not self.is_over:
            self._room.clear()
            await self._room.wait()

    async def take(self) -> bytes | None:
        """The next chunk, `None` at the end; raises what the function failed with."""
        while not self._chunks:
            if self.is_over:
                if self._failure is not None:
                    raise self._failure
                return None
            self._arrived.clear()
            await self._arrived.wait()
        self._room.set()
        return self._chunks.popleft()

    def end(self, failure: EdgeletError | None = None) -> None:
        """There will be no more. The first end counts."""
        if not self.is_over:
            self.is_over = True
            self._failure = failure
            self._arrived.set()
            self._room.set()
