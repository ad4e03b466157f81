"""The measurements, each of all clients in turn: a machine whose speed drifts harms all alike."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import TypeVar

import httpx2
import numpy as np
from bench.stream.aims import ALONE, BURST, FAULTS, FIRST, LATE, LEFT, OURS, PEER, RATE, Samples
from bench.stream.clients import (
    AsyncClient,
    Reading,
    SyncClient,
    async_clients,
    sync_clients,
    text,
)
from bench.stream.server import Order
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Stall

from edgelet import Session
from edgelet.dialects import Mode


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured: rounds, first chunks a round, and chunks and streams of an answer."""

    rounds: int
    firsts: int
    burst: int
    alone: int
    streams: int
    each: int
    tokens: int


FULL = Amounts(rounds=20, firsts=10, burst=5000, alone=400, streams=256, each=200, tokens=64)
QUICK = Amounts(rounds=5, firsts=4, burst=2000, alone=100, streams=256, each=40, tokens=32)

PAUSE = 0.0005
"""Seconds between chunks that come alone: sooner than any model, later than any client is ready."""
WRITE = 50
"""Chunks of a burst in one write."""


async def one_stream(url: str, mode: Mode, amounts: Amounts) -> Samples:
    """Asynchronous clients, one stream at a time: first chunks, bursts, chunks that come alone."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    async with AsyncExitStack() as stack:
        clients = await async_clients(stack)
        for client in clients.values():
            await client(url, mode, Order(2).prompt)
        for number in range(amounts.rounds):
            for name, client in _turns(clients, number):
                readings = [await client(url, mode, order.prompt) for order in _orders(amounts)]
                _add(found[name], readings, amounts)
    return found


def one_sync_stream(url: str, mode: Mode, amounts: Amounts) -> Samples:
    """The same of synchronous clients."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        clients = sync_clients(stack, url)
        for client in clients.values():
            client(url, mode, Order(2).prompt)
        for number in range(amounts.rounds):
            for name, client in _turns(clients, number):
                readings = [client(url, mode, order.prompt) for order in _orders(amounts)]
                _add(found[name], readings, amounts)
    return found


async def many_streams(url: str, mode: Mode, amounts: Amounts) -> Samples:
    """All streams at once, in one event loop, from a server that writes as fast as it may."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    orders = [Order(amounts.each, stream=number) for number in range(amounts.streams)]
    async with AsyncExitStack() as stack:
        clients = await async_clients(stack)
        clients.pop("httpx2, new client")  # it would measure certificates, which each client reads
        for number in range(min(amounts.rounds, 5)):
            for name, client in _turns(clients, number):
                began = time.perf_counter()
                reading = (client(url, mode, order.prompt) for order in orders)
                readings = await asyncio.gather(*reading)
                seconds = time.perf_counter() - began
                figures = found[name]
                firsts = [reading.first * 1e3 for reading in readings]
                figures[FAULTS].append(sum(map(_faults, readings, orders, [mode] * len(orders))))
                figures[RATE].append(amounts.streams * amounts.each / seconds)
                figures[LATE].append(float(np.percentile(firsts, 99)))
    return found


async def llama(url: str, amounts: Amounts) -> Samples:
    """Asynchronous clients at llama.cpp's own server: the first chunk, chunks that come alone."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    prompt = {"messages": [{"role": "user", "content": "Why?"}], "max_tokens": amounts.tokens}
    async with AsyncExitStack() as stack:
        clients = await async_clients(stack)
        clients.pop("asyncio streams")  # it knows no answers but those of our own server
        clients.pop("httpx2, kept connection")  # llama.cpp's server closes what it says it keeps
        for number in range(amounts.rounds):
            for name, client in _turns(clients, number):
                mode: Mode = "openaicompatible"
                readings = [await client(url, mode, prompt) for _ in range(amounts.firsts)]
                found[name][FIRST].append(statistics.median(r.first * 1e3 for r in readings))
                cpu = [r.cpu / (len(r.chunks) - 1) * 1e6 for r in readings]
                found[name][ALONE].append(statistics.median(cpu))
    return found


async def leaving(rounds: int) -> Samples:
    """Milliseconds from leaving a stream after its first chunk to the server's seeing it."""
    found: dict[str, dict[str, list[float]]] = {OURS: {LEFT: []}, PEER: {LEFT: []}}
    beginning = [*ndjson(*ollama_generate("Hel", "lo"))[:2], Stall()]
    with ScriptedServer(beginning) as server:
        for _ in range(rounds):
            for name, leave in ((OURS, _leave), (PEER, _leave_bare)):
                server.play_next(beginning)
                left = await leave(server.url)
                found[name][LEFT].append((await server.client_left() - left) * 1e3)
    return found


async def _leave(url: str) -> float:
    async with await Session("m", host=url).run("Why?", stream=True) as stream:
        await anext(stream)
        return time.monotonic()


async def _leave_bare(url: str) -> float:
    async with (
        httpx2.AsyncClient() as client,
        client.stream("POST", f"{url}/api/generate", json={"prompt": "Why?"}) as response,
    ):
        await anext(response.aiter_lines())
        return time.monotonic()


def _orders(amounts: Amounts) -> list[Order]:
    return [
        Order(amounts.burst, together=WRITE),
        Order(amounts.alone, pause=PAUSE),
        *[Order(4)] * amounts.firsts,
    ]


def _add(figures: dict[str, list[float]], readings: list[Reading], amounts: Amounts) -> None:
    """Add a round's readings of `_orders`."""
    burst, alone, *firsts = readings
    figures[FIRST].append(statistics.median(reading.first * 1e3 for reading in firsts))
    figures[BURST].append(burst.rest / amounts.burst * 1e6)
    figures[ALONE].append(alone.cpu / amounts.alone * 1e6)


def _faults(reading: Reading, order: Order, mode: Mode) -> int:
    """Texts that are missing, twice there, or not where they belong."""
    texts = [each for each in (text(mode, chunk) for chunk in reading.chunks) if each]
    misplaced = sum(one != other for one, other in zip(texts, order.texts, strict=False))
    return misplaced + abs(len(texts) - order.chunks)


Client = TypeVar("Client", AsyncClient, SyncClient)


def _turns(clients: dict[str, Client], number: int) -> list[tuple[str, Client]]:
    """All clients; the order turns around from round to round."""
    turns = list(clients.items())
    return turns if number % 2 == 0 else turns[::-1]
