"""One request answered: from `world.wit`'s JSON to the handler, and its response back."""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from edgelet.functions import Handler, respond
from edgelet.http import Request
from edgelet_guest.host import bytes_of, text_of


async def answer(
    handler: Handler, asked: str, read: Callable[[], Awaitable[bytes]], response: Any
) -> None:
    """Call the handler, and send what it returns through `response` of `world.wit`."""
    facts = json.loads(asked)
    body = facts["body"]
    request = Request.received(
        facts["url"],
        facts["method"],
        facts["headers"],
        _chunks(read) if body is None else bytes_of(body),
    )
    answered = await respond(handler, request)
    try:
        response.head(answered.status, json.dumps(answered.headers.raw()))
        async for chunk in answered.body:
            for begin in range(0, len(chunk), _PIECE):
                response.write(text_of(chunk[begin : begin + _PIECE]))
    finally:
        await answered.aclose()


async def _chunks(read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    while chunk := await read():
        yield chunk


def described(error: BaseException) -> str:
    """An error of the function's as it reads in a console, without the component's own frames."""
    described = traceback.TracebackException.from_exception(error)
    left = [described]
    while left:
        each = left.pop()
        each.stack[:] = [frame for frame in each.stack if not frame.filename.startswith(_OUR_OWN)]
        others = (each.__cause__, each.__context__, *(each.exceptions or ()))
        left += [other for other in others if other is not None]
    return "".join(described.format())


_PIECE = 64 * 1024
"""Bytes that cross at once: a large chunk is not copied whole."""

_OUR_OWN = ("/0/", "/python/asyncio/", "<frozen ")
"""Where the component's modules were when it was built."""
