"""`Send`, `Receive` and `Close` over HTTP/1.1, by httpx2.

Carries bytes and failures; which deadline ends a wait, and what a status means, is core's business.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.metadata import version
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from edgelet.effects import ResponseHead, Send, TransportFailed

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class OpenResponse:
    """A response whose body is being read."""

    response: httpx2.Response
    body: AsyncIterator[bytes]


class HttpClient:
    """A pool of connections for each event loop; loops may come and go."""

    def __init__(self) -> None:
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lifetime] = WeakKeyDictionary()

    async def send(self, effect: Send) -> ResponseHead:
        """Answer `Send`.

        Redirects are not followed, cookies are not kept, proxies come from the environment, and
        an answer is asked for uncompressed, so that chunks arrive as they are made.

        Raises `TransportFailed`.
        """
        import httpx2

        client = await self._client()
        request = client.build_request(
            effect.request.method,
            effect.request.url,
            headers=dict(effect.request.headers),
            content=effect.request.body,
            timeout=httpx2.Timeout(None, connect=effect.connect_within),
        )
        try:
            response = await client.send(request, stream=True)
        except httpx2.ConnectTimeout as error:
            raise TransportFailed("connect timeout", _reason(error)) from None
        except httpx2.ConnectError as error:
            raise TransportFailed("connect", _reason(error)) from None
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise TransportFailed("exchange", _reason(error)) from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        opened = OpenResponse(response, response.aiter_bytes())
        return ResponseHead(opened, response.status_code, headers)

    async def receive(self, opened: OpenResponse) -> list[bytes]:
        """Answer `Receive`. Raises `TransportFailed`."""
        import httpx2

        try:
            async for data in opened.body:
                if data:
                    return [data]
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise TransportFailed("exchange", _reason(error)) from None
        return []

    async def close(self, opened: OpenResponse) -> None:
        """Answer `Close`: an unread rest of the body closes the connection."""
        with contextlib.suppress(Exception):
            await opened.response.aclose()

    async def _client(self) -> httpx2.AsyncClient:
        loop = asyncio.get_running_loop()
        lifetime = self._clients.get(loop)
        if lifetime is None:
            clients = _client_of_loop()
            lifetime = self._clients[loop] = _Lifetime(await anext(clients), clients)
        return lifetime.client


@dataclass(frozen=True, slots=True)
class _Lifetime:
    client: httpx2.AsyncClient
    clients: AsyncGenerator[httpx2.AsyncClient, None]


async def _client_of_loop() -> AsyncGenerator[httpx2.AsyncClient, None]:
    """Yield the client of the running loop, once.

    A loop that ends closes its asynchronous generators (`loop.shutdown_asyncgens`, which
    `asyncio.run` calls), and thereby the idle connections, which would outlive it otherwise.
    """
    import httpx2

    async with httpx2.AsyncClient(
        headers={"user-agent": f"edgelet/{version('edgelet')}", "accept-encoding": "identity"},
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    ) as client:
        yield client


def _reason(error: Exception) -> str:
    """The network's own words: the innermost cause has them."""
    innermost: BaseException = error
    while (deeper := innermost.__cause__ or innermost.__context__) is not None:
        innermost = deeper
    return str(innermost) or str(error) or type(error).__name__
