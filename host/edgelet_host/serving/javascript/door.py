"""The door: what functions in Deno ask of the server, over a Unix socket.

Each process has a token of its own, which says whose it is and what it was granted. Its sessions
run here, on the same core and the same engine as those of Python functions.

    POST /ready     the function listens
    POST /call      a call of a `Session`; see `edgelet.asked`

A call is answered by vectors (`application/octet-stream`: the length of the facts in four bytes,
little-endian, the facts as JSON, and the values as float32), by `{"value": …}` or `{"failed": …}`,
or by a stream of lines (`application/x-ndjson`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from edgelet.asked import AskedStream, asked_steps, embeddings_facts, error_facts
from edgelet.drive import clock, drive
from edgelet.embedding import Embeddings
from edgelet.errors import EdgeletError, OptionError
from edgelet.host import Host
from edgelet_host.serving.client import Client, ClientLeft

_MOST_BYTES = 16 * 1024 * 1024
_MOST_CALLS = 64
"""Calls of one process at once; others wait."""


@dataclass(slots=True)
class Caller:
    """A process that may ask. `host` is the native one, as far as the function is granted it."""

    token: str = field(repr=False)
    host: Callable[[], Host]
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    calls: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MOST_CALLS))


class Door:
    """An ASGI application for the processes that are known to it."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}

    def admit(self, caller: Caller) -> None:
        """Let a process ask."""
        self._callers[caller.token] = caller

    def dismiss(self, caller: Caller) -> None:
        """Let it ask no more."""
        self._callers.pop(caller.token, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        caller = self._caller(dict(scope["headers"]).get(b"authorization", b""))
        if caller is None:
            await _send(send, 401, "text/plain", b"")
        elif scope["path"] == "/ready":
            caller.ready.set()
            await _send(send, 200, "application/json", b"{}")
        else:
            client = Client(receive)
            with contextlib.suppress(ClientLeft):
                await client.waiting_for(_answer_call(caller, client, send))

    def _caller(self, authorization: bytes) -> Caller | None:
        return self._callers.get(authorization.removeprefix(b"Bearer ").decode("latin-1"))


async def _answer_call(caller: Caller, client: Client, send: Send) -> None:
    async with caller.calls:
        host = caller.host()
        try:
            asked = await _asked(client)
            result = await drive(asked_steps(asked, clock()), host)
        except EdgeletError as error:
            await _send_json(send, {"failed": error_facts(error)})
            return
        match result:
            case Embeddings():
                facts = json.dumps(embeddings_facts(result)).encode()
                body = len(facts).to_bytes(4, "little") + facts + result.values.tobytes()
                await _send(send, 200, "application/octet-stream", body)
            case AskedStream():
                await _send_stream(result, host, send)
            case _:
                await _send_json(send, {"value": result})


async def _asked(client: Client) -> dict[str, Any]:
    whole = bytearray()
    async for piece in client.body:
        whole += piece
        if len(whole) > _MOST_BYTES:
            raise OptionError("a call may have 16 MB at most; ask for less at once")
    asked = json.loads(whole)
    if not isinstance(asked, dict) or not {"method", "model", "session", "options"} <= asked.keys():
        raise OptionError("this is no call of a session")
    return asked


async def _send_stream(stream: AskedStream, host: Host, send: Send) -> None:
    headers = [(b"content-type", b"application/x-ndjson")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        ended = False
        while not ended:
            try:
                burst = await drive(stream.receive(), host)
                ended, line = burst.ended, {"chunks": burst.chunks, "ended": burst.ended}
            except EdgeletError as error:
                ended, line = True, {"failed": error_facts(error)}
            body = json.dumps(line).encode() + b"\n"
            await send({"type": "http.response.body", "body": body, "more_body": True})
    finally:
        await asyncio.shield(asyncio.ensure_future(drive(stream.close(), host)))
    await send({"type": "http.response.body", "body": b""})


async def _send_json(send: Send, value: object) -> None:
    await _send(send, 200, "application/json", json.dumps(value).encode())


async def _send(send: Send, status: int, kind: str, body: bytes) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
