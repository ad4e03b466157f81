"""An HTTP client that costs little: asyncio streams, and connections that are kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked again and again, by POST."""

    port: int
    path: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def request(self) -> bytes:
        """All bytes of it."""
        fields = {
            "host": f"127.0.0.1:{self.port}",
            "content-type": "application/json",
            "content-length": str(len(self.body)),
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + self.body


@dataclass(frozen=True, slots=True)
class Load:
    """What so many clients saw: `milliseconds` of every request, `seconds` of all."""

    milliseconds: list[float]
    seconds: float


class Connection:
    """One connection to a server. Use it as an async context manager."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def ask(self, request: bytes) -> bytes:
        """Send it; the body of the answer, which must be 200."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, found, rest = head.partition(b"\ncontent-length:")
        body = await (
            self._reader.readexactly(int(rest.split(b"\r", 1)[0])) if found else self._chunks()
        )
        if not head.startswith(b"http/1.1 200 "):
            raise RuntimeError(f"{head.decode()}{body.decode(errors='replace')}")
        return body

    async def begun(self, request: bytes) -> None:
        """Send it, and wait until the body of its answer has begun."""
        self._writer.write(request)
        await self._reader.readuntil(b"\r\n\r\n")
        await self._reader.read(1)

    async def _chunks(self) -> bytes:
        whole = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            whole += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        return whole


async def load(target: Target, clients: int, seconds: float) -> Load:
    """Ask for so long, by so many clients, each one request after the other."""
    request = target.request
    milliseconds: list[float] = []

    async def client(connection: Connection) -> None:
        while (began := time.perf_counter()) < end:
            await connection.ask(request)
            milliseconds.append((time.perf_counter() - began) * 1e3)

    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(Connection(target.port)) for _ in range(clients)
        ]
        start = time.perf_counter()
        end = start + seconds
        await asyncio.gather(*map(client, connections))
        return Load(milliseconds, time.perf_counter() - start)


async def first_answer(target: Target, having: bytes = b"") -> bytes:
    """Ask until there is an answer that has `having` in it."""
    request = target.request
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                async with Connection(target.port) as connection:
                    answer = await connection.ask(request)
                if having in answer:
                    return answer
            await asyncio.sleep(0.005)
