"""`Send`, `Receive` and `Close` over HTTP/1.1, by httpx2.

Every request has a connection of its own. A kept one may be closed by the server at the very moment
it is used again (llama.cpp closes after each streamed answer), and then nobody knows whether the
request was seen; sending it again is the caller's to ask for.

Carries bytes and failures; which deadline ends a wait, and what a status means, is core's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterable
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from edgelet.effects import HttpRequest, ResponseHead, Send, TransportFailed

if TYPE_CHECKING:
    import httpx2

Route: TypeAlias = "httpx2.AsyncClient | httpx2.AsyncHTTPTransport"
"""What one request is sent by, and its connection ends with."""

_MOST_BYTES_AHEAD = 1024 * 1024
"""Bytes read before they are asked for, at most: a slow reader slows the server down."""


class OpenResponse:
    """A response whose body is being read, on a route that ends with it.

    A task of its own reads ahead, so that a wait gets all chunks that are ready, and so that
    everything ends in order when the caller leaves or the event loop does.
    """

    def __init__(self, route: Route, response: httpx2.Response) -> None:
        self._route = route
        self._response = response
        self._chunks: list[bytes] = []
        self._bytes_ahead = 0
        self._failure: TransportFailed | None = None
        self._ended = False
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def receive(self) -> list[bytes]:
        """All chunks that are ready, at least one; `[]` at the end. Raises `TransportFailed`."""
        while not self._chunks:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return []
            self._arrived.clear()
            await self._arrived.wait()
        chunks, self._chunks, self._bytes_ahead = self._chunks, [], 0
        self._taken.set()
        return chunks

    async def close(self) -> None:
        """End the connection, whatever it still carries."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        await _close(self._route, self._response)  # a task that never began closes nothing

    async def _read(self) -> None:
        import httpx2

        try:
            async for data in _body(self._response):
                if not data:
                    continue
                self._chunks.append(data)
                self._bytes_ahead += len(data)
                self._arrived.set()
                if self._bytes_ahead >= _MOST_BYTES_AHEAD:
                    self._taken.clear()
                    await self._taken.wait()
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            self._failure = TransportFailed("exchange", _reason(error))
        finally:
            self._ended = True
            self._arrived.set()
            await _close(self._route, self._response)


async def send(effect: Send, address: str | None = None) -> ResponseHead:
    """Answer `Send`.

    Redirects are not followed, proxies come from the environment (but not for this machine itself),
    and an answer is asked for uncompressed, so that chunks arrive as they are made. With `address`
    the connection goes to that IP address whatever the URL's name means, and through no proxy.

    Raises `TransportFailed`.
    """
    import httpx2

    route: Route | None = None
    try:
        request = _request(effect.request, effect.connect_within, address)
        route = _route(effect.request.url, direct=address is not None)
        response = await _sent(route, request)
    except httpx2.ConnectTimeout as error:
        raise TransportFailed("connect timeout", _reason(error)) from None
    except httpx2.LocalProtocolError:  # its own words repeat headers
        raise TransportFailed("connect", "the request is not valid HTTP") from None
    except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError) as error:
        raise TransportFailed("exchange", _reason(error)) from None
    except (httpx2.TransportError, httpx2.InvalidURL, ValueError, ImportError, OSError) as error:
        raise TransportFailed("connect", _reason(error)) from None
    except BaseException:
        if route is not None:
            await _close(route)
        raise
    headers = dict(response.headers.items())
    opened = OpenResponse(route, response)
    if "content-encoding" in headers:  # it is decoded here, so neither holds any more
        headers.pop("content-encoding")
        headers.pop("content-length", None)
    return ResponseHead(opened, response.status_code, headers)


def _route(url: str, *, direct: bool) -> Route:
    """The way to a server: a whole client only where the environment may name a proxy for it."""
    from urllib.request import getproxies

    import httpx2

    tls = _no_tls() if urlsplit(url).scheme == "http" else _tls()
    limits = httpx2.Limits(max_keepalive_connections=0)
    if direct or _is_this_machine(url) or not getproxies():
        return httpx2.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)
    return httpx2.AsyncClient(verify=tls, limits=limits)


async def _sent(route: Route, request: httpx2.Request) -> httpx2.Response:
    import httpx2

    if isinstance(route, httpx2.AsyncClient):
        return await route.send(request, stream=True)
    return await route.handle_async_request(request)


def _request(
    request: HttpRequest, connect_within: float | None, address: str | None
) -> httpx2.Request:
    import httpx2

    headers = httpx2.Headers(_headers())
    headers.update(
        [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers.items()]
    )
    timeout = httpx2.Timeout(None, connect=connect_within).as_dict()
    built = httpx2.Request(
        request.method,
        request.url,
        headers=headers,
        content=request.body,
        extensions={"timeout": timeout},
    )
    if address is not None:  # `Host`, and the name that TLS checks, stay those of the URL
        built.extensions["sni_hostname"] = built.url.host
        built.url = built.url.copy_with(host=address)
    return built


def _body(response: httpx2.Response) -> AsyncIterable[bytes]:
    """The body, decoded. One that needs no decoding is taken from where it arrives."""
    stream = response.stream
    if "content-encoding" not in response.headers and isinstance(stream, AsyncIterable):
        return stream
    return response.aiter_bytes()


async def _close(route: Route, response: httpx2.Response | None = None) -> None:
    try:
        if response is not None:
            with contextlib.suppress(Exception):
                await response.aclose()
    finally:
        with contextlib.suppress(Exception):
            await route.aclose()


@cache
def _headers() -> dict[str, str]:
    return {
        "user-agent": f"edgelet/{version('edgelet')}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


@cache
def _no_tls() -> ssl.SSLContext:
    """What a connection without TLS is given: making one takes longer than connecting."""
    import httpx2

    return httpx2.create_ssl_context(verify=False)


@cache
def _tls() -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context()


def _is_this_machine(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _reason(error: BaseException) -> str:
    """The network's own words: the innermost cause has them.

    Contexts are followed only to errors of the network's own kinds: others may be the caller's.
    """
    innermost = error
    while (deeper := innermost.__cause__ or _network_context(innermost)) is not None:
        innermost = deeper
    return str(innermost) or str(error) or type(error).__name__


def _network_context(error: BaseException) -> BaseException | None:
    context = error.__context__
    is_network = isinstance(context, ConnectionError | socket.gaierror | ssl.SSLError)
    return context if is_network or type(context) is OSError else None
