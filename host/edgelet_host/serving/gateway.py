"""The gateway: one request from the client's connection to the function, and its answer back.

Methods, headers, query and body reach the function as they came; a function sees its own name as
the first part of the path, as on Supabase. Knows who may call and what a failure looks like; knows
nothing of how functions run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from starlette.types import Receive, Scope, Send

from edgelet.errors import EdgeletError
from edgelet.headers import Headers
from edgelet.http import Request, Response
from edgelet_host.project import FunctionConfig
from edgelet_host.serving.answers import (
    NoAnswerInTime,
    answer_of,
    not_found,
    too_large,
    unauthorized,
)
from edgelet_host.serving.client import Client, ClientLeft
from edgelet_host.serving.console import Console
from edgelet_host.serving.tokens import Refused, Tokens

WALL_CLOCK_SECONDS = 400.0
"""How long an answer may take to its end, as on Supabase."""

_PREFIX = b"/functions/v1"
_LONGEST_HEAD = 64 * 1024
"""Bytes of a request's path, query and headers."""
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields about one connection, not about the message: RFC 9110, section 7.6.1."""
_FOR_US_TO_SAY = ("x-forwarded-", "x-edgelet-")
"""How fields begin that no client sets: they say who asks, or are between server and function."""
_WITHOUT_BODY = frozenset({204, 205, 304})


class ServedFunction(Protocol):
    """A function that can be asked."""

    @property
    def config(self) -> FunctionConfig:
        """What the project says of it."""
        ...

    async def respond(self, request: Request) -> Response:
        """Its answer. Raises an `EdgeletError` when it has none."""
        ...


class Gateway:
    """Answers `/functions/v1/<name>` and everything below. An ASGI application.

    `patient` is for debuggers: no answer takes too long.
    """

    def __init__(
        self,
        find: Callable[[str], ServedFunction | None],
        tokens: Tokens,
        console: Console,
        *,
        verify_jwt: bool,
        region: str,
        patient: bool = False,
    ) -> None:
        self._find = find
        self._tokens = tokens
        self._console = console
        self._verify_jwt = verify_jwt
        self._region = region
        self._wall_clock = None if patient else WALL_CLOCK_SECONDS
        self._patient = patient

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # the server closes a WebSocket that is not accepted
        client = Client(receive, scope.get("state", {}).get("gone"))
        began = time.perf_counter()
        status = 499  # the client left: a number of nginx's, for the log alone

        async def answered() -> None:
            nonlocal status
            headers = Headers.received(
                [
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in scope["headers"]
                ]
            )
            async with asyncio.timeout(self._wall_clock):
                response = await self._response(scope, headers, client)
                status = response.status
                await self._send(response, headers, send)

        try:
            await client.waiting_for(answered())
        except (ClientLeft, TimeoutError):
            pass
        finally:
            self._console.request(
                scope["method"], scope["path"], status, time.perf_counter() - began
            )

    async def _response(self, scope: Scope, headers: Headers, client: Client) -> Response:
        if _head_size(scope) > _LONGEST_HEAD:
            return too_large()
        below = scope["raw_path"][len(_PREFIX) :]
        name = below[1:].partition(b"/")[0].decode("latin-1")
        function = self._find(name)
        if function is None:
            return not_found()
        headers = self._tokens.with_token(headers)
        if self._verify_jwt and function.config.verify_jwt and scope["method"] != "OPTIONS":
            try:
                await self._tokens.check(headers)
            except Refused as refused:
                return unauthorized(str(refused))
        request = _request(scope, below.decode("latin-1"), headers, client)
        seconds = function.config.timeout_s
        try:
            try:
                async with asyncio.timeout(None if self._patient else seconds) as limit:
                    return await function.respond(request)
            except TimeoutError:
                if not limit.expired():
                    raise
                raise NoAnswerInTime(name, seconds) from None
        except EdgeletError as failure:
            self._console.failure(name, failure)
            return answer_of(failure)
        except Exception as fault:  # of ours: this one request has no answer, and no other suffers
            self._console.note(f"[{name}] the server failed: {type(fault).__name__}: {fault}")
            return answer_of(fault)

    async def _send(self, response: Response, asked: Headers, send: Send) -> None:
        headers = [
            (field.encode("latin-1"), value.encode("latin-1"))
            for field, value in _passed(response.headers)
            if field != "date"  # the server says when it answers
        ]
        if "x-region" not in response.headers:
            region = asked.get("x-region") or self._region
            headers.append((b"x-region", region.encode("latin-1")))
        whole = response.whole
        if response.status in _WITHOUT_BODY:
            whole = b""
            await response.aclose()
            if response.status == 205:
                headers.append((b"content-length", b"0"))
        elif whole is not None:
            headers.append((b"content-length", str(len(whole)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if whole is not None:
            await send({"type": "http.response.body", "body": whole})
            return
        try:
            async for chunk in response.body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except EdgeletError as failure:  # too late for a status: the broken connection says it
            self._console.failure("", failure)
            return
        finally:
            await response.aclose()
        await send({"type": "http.response.body", "body": b""})


def _request(scope: Scope, path: str, headers: Headers, client: Client) -> Request:
    host = headers.get("host") or "localhost"
    query = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://{host}{path}" + (f"?{query}" if query else "")
    fields = _passed(headers)
    passed = Headers.received(
        [(name, value) for name, value in fields if not name.startswith(_FOR_US_TO_SAY)]
    )
    peer = scope.get("client")
    passed["x-forwarded-for"] = peer[0] if peer else "127.0.0.1"
    passed["x-forwarded-host"] = host
    passed["x-forwarded-proto"] = scope["scheme"]
    has_body = "content-length" in headers or "transfer-encoding" in headers
    body = client.body if has_body and headers.get("content-length") != "0" else None
    return Request.received(url, scope["method"], passed, body)


def _passed(headers: Headers) -> list[tuple[str, str]]:
    """What is passed on of a message's fields: not those about its connection."""
    named = (headers.get("connection") or "").lower().split(",")
    about_connection = _HOP_BY_HOP.union(each.strip() for each in named)
    return [(name, value) for name, value in headers.raw() if name not in about_connection]


def _head_size(scope: Scope) -> int:
    fields = sum(len(name) + len(value) for name, value in scope["headers"])
    return fields + len(scope["raw_path"]) + len(scope["query_string"])
