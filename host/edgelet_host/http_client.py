"""`Send`, `Receive` and `Close` over HTTP/1.1, by httpx2.

Every request has a connection of its own. A kept one may be closed by the server at the very moment
it is used again (llama.cpp closes after each streamed answer), and then nobody knows whether the
request was seen; sending it again is the caller's to ask for.

Carries bytes and failures; which deadline ends a wait, and what a status means, is core's business.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from edgelet.effects import ResponseHead, Send, TransportFailed

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class OpenResponse:
    """A response whose body is being read, on a client that ends with it."""

    client: httpx2.AsyncClient
    response: httpx2.Response
    body: AsyncIterator[bytes]


async def send(effect: Send) -> ResponseHead:
    """Answer `Send`.

    Redirects are not followed, proxies come from the environment, and an answer is asked for
    uncompressed, so that chunks arrive as they are made.

    Raises `TransportFailed`.
    """
    import httpx2

    request = effect.request
    client = httpx2.AsyncClient(
        verify=_tls() if request.url.startswith("https:") else False,
        limits=httpx2.Limits(max_keepalive_connections=0),
        timeout=httpx2.Timeout(None, connect=effect.connect_within),
        headers=_headers(),
    )
    try:
        response = await client.send(
            client.build_request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
            ),
            stream=True,
        )
    except httpx2.ConnectTimeout as error:
        raise TransportFailed("connect timeout", _reason(error)) from None
    except httpx2.ConnectError as error:
        raise TransportFailed("connect", _reason(error)) from None
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise TransportFailed("exchange", _reason(error)) from None
    headers = {name.lower(): value for name, value in response.headers.items()}
    opened = OpenResponse(client, response, response.aiter_bytes())
    return ResponseHead(opened, response.status_code, headers)


async def receive(opened: OpenResponse) -> list[bytes]:
    """Answer `Receive`. Raises `TransportFailed`."""
    import httpx2

    try:
        async for data in opened.body:
            if data:
                return [data]
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise TransportFailed("exchange", _reason(error)) from None
    return []


async def close(opened: OpenResponse) -> None:
    """Answer `Close`: end the connection, whatever it still carries."""
    with contextlib.suppress(Exception):
        await opened.response.aclose()
    with contextlib.suppress(Exception):
        await opened.client.aclose()


@cache
def _headers() -> dict[str, str]:
    return {
        "user-agent": f"edgelet/{version('edgelet')}",
        "accept-encoding": "identity",
        "connection": "close",
    }


@cache
def _tls() -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context()


def _reason(error: Exception) -> str:
    """The network's own words: the innermost cause has them."""
    innermost: BaseException = error
    while (deeper := innermost.__cause__ or innermost.__context__) is not None:
        innermost = deeper
    return str(innermost) or str(error) or type(error).__name__
