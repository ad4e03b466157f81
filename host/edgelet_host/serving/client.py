"""The client of one request, as ASGI has it: the body it sends, and the moment it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from starlette.types import Receive


class ClientLeft(Exception):
    """The client closed its connection; nobody waits for an answer."""


class Client:
    """Reads what a client sends; no more of it than somebody wants to have.

    `body` gives the request's body, once. Until a piece of it is taken, no other is asked for, so
    that a function that reads slowly slows its own client down, and nobody else. `gone` is set when
    the connection is lost: behind a body that nobody reads, that is not heard otherwise.
    """

    def __init__(self, receive: Receive, gone: asyncio.Event | None = None) -> None:
        self._receive = receive
        self._gone = gone
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._left = False
        self.body: AsyncIterator[bytes] = self._body()

    async def waiting_for(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` for as long as the client waits for it. Raises `ClientLeft` when it leaves."""
        working = asyncio.ensure_future(work)
        listening = [asyncio.ensure_future(self._listen(working))]
        if self._gone is not None:
            listening.append(asyncio.ensure_future(self._wait(self._gone, working)))
        try:
            await working
        except asyncio.CancelledError:
            if self._left:
                raise ClientLeft from None
            raise
        finally:
            for each in listening:
                each.cancel()

    async def _wait(self, gone: asyncio.Event, working: asyncio.Future[None]) -> None:
        await gone.wait()
        self._leave(working)

    def _leave(self, working: asyncio.Future[None]) -> None:
        if not self._left:
            self._left = True
            working.cancel()

    async def _listen(self, working: asyncio.Future[None]) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._leave(working)
                return
            if message.get("body"):
                await self._pieces.put(message["body"])
            if not message.get("more_body", False):
                await self._pieces.put(None)

    async def _body(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece
