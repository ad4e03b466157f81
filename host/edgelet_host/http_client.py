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
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edgelet.effects import HttpRequest, ResponseHead, Send, TransportFailed

if TYPE_CHECKING:
    import httpx2

_MOST_BYTES_AHEAD = 1024 * 1024
"""Bytes read before they are asked for, at most: a slow reader slows the server down."""


class OpenResponse:
    """A response whose body is being read, on a client that ends with it.

    A task of its own reads ahead, so that a wait gets all chunks that are ready, and so that
    everything ends in order when the caller leaves or the event loop does.
    """

    def __init__(self, client: httpx2.AsyncClient, response: httpx2.Response) -> None:
        self._client = client
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
        await _close(self._client, self._response)  # a task that never began closes nothing

    async def _read(self) -> None:
        import httpx2

        try:
            async for data in self._response.aiter_bytes():
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
            await _close(self._client, self._response)


async def send(effect: Send, address: str | None = None) -> ResponseHead:
    """Answer `Send`.

    Redirects are not followed, proxies come from the environment (but not for this machine itself),
    and an answer is asked for uncompressed, so that chunks arrive as they are made. With `address`
    the connection goes to that IP address whatever the URL's name means, and through no proxy.

    Raises `TransportFailed`.
    """
    import httpx2

    client: httpx2.AsyncClient | None = None
    try:
        client = _client(effect.request.url, effect.connect_within, direct=address is not None)
        response = await client.send(_request(client, effect.request, address), stream=True)
    except httpx2.ConnectTimeout as error:
        raise TransportFailed("connect timeout", _reason(error)) from None
    except httpx2.LocalProtocolError:  # its own words repeat headers
        raise TransportFailed("connect", "the request is not valid HTTP") from None
    except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError) as error:
        raise TransportFailed("exchange", _reason(error)) from None
    except (httpx2.TransportError, httpx2.InvalidURL, ValueError, ImportError, OSError) as error:
        raise TransportFailed("connect", _reason(error)) from None
    except BaseException:
        if client is not None:
            await _close(client)
        raise
    headers = {name.lower(): value for name, value in response.headers.items()}
    if "content-encoding" in headers:  # it is decoded here, so neither holds any more
        headers.pop("content-encoding")
        headers.pop("content-length", None)
    return ResponseHead(OpenResponse(client, response), response.status_code, headers)


def _client(url: str, connect_within: float | None, *, direct: bool) -> httpx2.AsyncClient:
    import httpx2

    return httpx2.AsyncClient(
        verify=False if urlsplit(url).scheme == "http" else _tls(),
        trust_env=not direct and not _is_this_machine(url),
        limits=httpx2.Limits(max_keepalive_connections=0),
        timeout=httpx2.Timeout(None, connect=connect_within),
        headers=_headers(),
    )


def _request(
    client: httpx2.AsyncClient, request: HttpRequest, address: str | None
) -> httpx2.Request:
    headers = [
        (name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers.items()
    ]
    built = client.build_request(request.method, request.url, headers=headers, content=request.body)
    if address is not None:  # `Host`, and the name that TLS checks, stay those of the URL
        built.extensions["sni_hostname"] = built.url.host
        built.url = built.url.copy_with(host=address)
    return built


async def _close(client: httpx2.AsyncClient, response: httpx2.Response | None = None) -> None:
    try:
        if response is not None:
            with contextlib.suppress(Exception):
                await response.aclose()
    finally:
        with contextlib.suppress(Exception):
            await client.aclose()


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
