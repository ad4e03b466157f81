"""Cross-origin access: pages of any origin may call functions, and read every answer.

A preflight is answered here and asks for no token. What a function says of itself in these headers
stands.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ORIGIN = (b"access-control-allow-origin", b"*")
_EXPOSED = (b"access-control-expose-headers", b"x-relay-error, x-region")
_METHODS = (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
_DEFAULT_HEADERS = b"authorization, x-client-info, apikey, content-type, x-region"


class CrossOrigin:
    """Adds to every answer of `inner` that any origin may read it, and answers preflights."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        asked = dict(scope["headers"])
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
            await _preflight(asked, send)
            return

        async def send_readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if not any(name == _ORIGIN[0] for name, _ in headers):
                    message = {**message, "headers": [*headers, _ORIGIN, _EXPOSED]}
            await send(message)

        await self._inner(scope, receive, send_readable)


async def _preflight(asked: dict[bytes, bytes], send: Send) -> None:
    headers = [
        _ORIGIN,
        _METHODS,
        (
            b"access-control-allow-headers",
            asked.get(b"access-control-request-headers") or _DEFAULT_HEADERS,
        ),
        (b"access-control-max-age", b"3600"),
        (b"vary", b"access-control-request-headers"),
        (b"content-length", b"0"),
    ]
    if asked.get(b"access-control-request-private-network") == b"true":
        headers.append((b"access-control-allow-private-network", b"true"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
