"""A host that takes its time, and what tests of generation share."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from edgelet import (
    EdgeletError,
    Session,
)
from edgelet.testing import FakeHost

SESSION = Session("mistral")
SSE = {"content-type": "text/event-stream"}


def line(text: str, *, done: bool = False) -> bytes:
    return json.dumps({"response": text, "done": done}).encode() + b"\n"


class SlowHost(FakeHost):
    """A host whose chunks take the given seconds each; the head takes the first of them."""

    def __init__(self, seconds: list[float], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.seconds = seconds

    async def send(self, effect: Any) -> Any:
        await asyncio.sleep(self.seconds.pop(0))
        return await super().send(effect)

    async def receive(self, response: Any) -> list[bytes]:
        await asyncio.sleep(self.seconds.pop(0))
        return await super().receive(response)


async def collect(**options: Any) -> tuple[list[dict[str, Any]], EdgeletError | None]:
    """The chunks of a stream, and the error that ended it."""
    chunks: list[dict[str, Any]] = []
    try:
        async with await SESSION.run("Why?", stream=True, **options) as stream:
            async for chunk in stream:
                chunks.append(chunk)  # noqa: PERF401 (chunks before an error are kept)
    except EdgeletError as error:
        return chunks, error
    return chunks, None
