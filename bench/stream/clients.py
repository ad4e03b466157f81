"""The clients that are compared: each reads one answer to its end, and notes when things came.

A client is a function of a server's URL, a dialect and an order. Those that keep something between
calls are made anew for each comparison.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from edgelet import Session, SyncSession
from edgelet.dialects import DIALECTS, Mode

Prompt = str | dict[str, Any]
"""What `Session.run` takes: a text, or a request's own body."""


@dataclass(slots=True)
class Reading:
    """One answer as a client saw it; seconds. `cpu` is the thread's own time, as chunks arrive."""

    began: float = field(default_factory=time.perf_counter)
    first: float = 0.0
    rest: float = 0.0
    cpu: float = 0.0
    chunks: list[dict[str, Any]] = field(default_factory=list)
    _cpu_before: float = 0.0

    def begin(self, chunk: dict[str, Any]) -> None:
        """The first chunk is there."""
        self.first = time.perf_counter() - self.began
        self._cpu_before = time.thread_time()
        self.chunks.append(chunk)

    def end(self) -> Reading:
        """The answer is whole."""
        self.cpu = time.thread_time() - self._cpu_before
        self.rest = time.perf_counter() - self.began - self.first
        return self


AsyncClient = Callable[[str, Mode, Prompt], Awaitable[Reading]]
SyncClient = Callable[[str, Mode, Prompt], Reading]


async def edgelet(url: str, mode: Mode, prompt: Prompt) -> Reading:
    """`Session`, as its README shows it."""
    reading = Reading()
    async with await Session("m", host=url).run(prompt, stream=True, mode=mode) as stream:
        reading.begin(await anext(stream))
        async for chunk in stream:
            reading.chunks.append(chunk)
    return reading.end()


async def httpx2_new(url: str, mode: Mode, prompt: Prompt) -> Reading:
    """httpx2 with a client, and so a connection, for every call."""
    reading = Reading()
    async with httpx2.AsyncClient() as client:
        return await _read(client, reading, url, mode, prompt)


@asynccontextmanager
async def httpx2_shared(*, keep: bool) -> AsyncIterator[AsyncClient]:
    """httpx2 with one client, which keeps connections or makes one for every call."""
    limits = httpx2.Limits(max_keepalive_connections=None if keep else 0, max_connections=None)
    headers = {} if keep else {"connection": "close"}
    async with httpx2.AsyncClient(limits=limits, headers=headers) as client:

        async def read(url: str, mode: Mode, prompt: Prompt) -> Reading:
            return await _read(client, Reading(), url, mode, prompt)

        yield read


async def _read(
    client: httpx2.AsyncClient, reading: Reading, url: str, mode: Mode, prompt: Prompt
) -> Reading:
    path, body = _request(mode, prompt)
    async with client.stream("POST", url + path, json=body, timeout=60) as response:
        async for line in response.aiter_lines():
            _take(reading, line)
    return reading.end()


async def asyncio_streams(url: str, mode: Mode, prompt: Prompt) -> Reading:
    """Sockets, and no more HTTP than this server's answers need: the least that a client costs."""
    reading = Reading()
    parts = urlsplit(url)
    stream, writer = await asyncio.open_connection(parts.hostname, parts.port)
    with closing(writer):
        writer.write(_bytes(mode, prompt))
        await stream.readuntil(b"\r\n\r\n")
        while size := int(await stream.readline(), 16):
            _take(reading, (await stream.readexactly(size + 2)).decode().strip())
        await stream.readline()
        return reading.end()


def sync_edgelet(session: SyncSession, mode: Mode, prompt: Prompt) -> Reading:
    """`SyncSession`, kept between calls, as one that waits must be."""
    reading = Reading()
    with session.run(prompt, stream=True, mode=mode) as stream:
        reading.begin(next(stream))
        for chunk in stream:
            reading.chunks.append(chunk)
    return reading.end()


@contextmanager
def sync_httpx2(*, keep: bool) -> Iterator[SyncClient]:
    """httpx2's synchronous client, kept between calls, with or without its connections."""
    limits = httpx2.Limits(max_keepalive_connections=None if keep else 0)
    headers = {} if keep else {"connection": "close"}
    with httpx2.Client(limits=limits, headers=headers) as client:

        def read(url: str, mode: Mode, prompt: Prompt) -> Reading:
            reading = Reading()
            path, body = _request(mode, prompt)
            with client.stream("POST", url + path, json=body, timeout=60) as response:
                for line in response.iter_lines():
                    _take(reading, line)
            return reading.end()

        yield read


def http_client(url: str, mode: Mode, prompt: Prompt) -> Reading:
    """The standard library's client, a connection for every call."""
    reading = Reading()
    path, body = _request(mode, prompt)
    with closing(http.client.HTTPConnection(urlsplit(url).netloc)) as connection:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        for line in connection.getresponse():
            _take(reading, line.decode().rstrip("\r\n"))
    return reading.end()


async def async_clients(stack: AsyncExitStack) -> dict[str, AsyncClient]:
    """All asynchronous clients, by name, until `stack` ends."""
    new_connections = await stack.enter_async_context(httpx2_shared(keep=False))
    kept_connections = await stack.enter_async_context(httpx2_shared(keep=True))
    return {
        "edgelet": edgelet,
        "httpx2, new connection": new_connections,
        "httpx2, kept connection": kept_connections,
        "asyncio streams": asyncio_streams,
        "httpx2, new client": httpx2_new,  # last, because it leaves much garbage to its neighbour
    }


def sync_clients(stack: ExitStack, url: str) -> dict[str, SyncClient]:
    """All synchronous clients of one server, by name, until `stack` ends."""
    session = stack.enter_context(SyncSession("m", host=url))
    return {
        "edgelet": lambda _, mode, prompt: sync_edgelet(session, mode, prompt),
        "httpx2, new connection": stack.enter_context(sync_httpx2(keep=False)),
        "httpx2, kept connection": stack.enter_context(sync_httpx2(keep=True)),
        "http.client": http_client,
    }


def text(mode: Mode, chunk: dict[str, Any]) -> str:
    """The text of a raw chunk."""
    return DIALECTS[mode].chunk(chunk).text


def _take(reading: Reading, line: str) -> None:
    value = line.removeprefix("data: ")
    if not value or value == "[DONE]":
        return
    if reading.chunks:
        reading.chunks.append(json.loads(value))
    else:
        reading.begin(json.loads(value))


def _request(mode: Mode, prompt: Prompt) -> tuple[str, dict[str, Any]]:
    return DIALECTS[mode].request("m", prompt, {}, True)


def _bytes(mode: Mode, prompt: Prompt) -> bytes:
    path, request = _request(mode, prompt)
    body = json.dumps(request).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
