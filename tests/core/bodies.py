"""Bodies that arrive in pieces, and requests that carry a body."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from edgelet import Request


async def arriving(*chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


def post(body: Any = None, **arguments: Any) -> Request:
    return Request("http://localhost/", method="POST", body=body, **arguments)
