"""`fetch` with the native host, against real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from edgelet import (
    AbortController,
    Aborted,
    ConnectionFailed,
    TotalTimeout,
    fetch,
    use_host,
)
from edgelet_host.native import NativeHost
from tests.servers.answers import json_answer
from tests.servers.connection import Request as Received
from tests.servers.scripted_server import ScriptedServer, refusing_url
from tests.servers.steps import Body, Head, Raw, Script, Stall
from tests.servers.steps import Close as Hangup

PROMPTLY = 0.1
BEGINNING = [Head(), Body(b"some"), Stall()]


@pytest.fixture(autouse=True)
def native() -> Iterator[None]:
    with use_host(NativeHost()):
        yield


def echo(request: Received) -> Script:
    value = {"method": request.method, "target": request.target, "body": request.body.decode()}
    return json_answer({**value, "headers": dict(request.headers)}, status=201)


async def test_a_server_is_asked_and_answers() -> None:
    with ScriptedServer(echo) as server:
        response = await fetch(
            f"{server.url}/a?b=c", method="PUT", headers={"x-key": "k"}, body=b"hello"
        )
        answer = await response.json()

    assert (response.status, response.headers["content-type"]) == (
        *(201, "application/json; charset=utf-8"),
    )
    assert (answer["method"], answer["target"], answer["body"]) == ("PUT", "/a?b=c", "hello")
    assert (answer["headers"]["x-key"], answer["headers"]["content-length"]) == ("k", "5")


@pytest.mark.parametrize("piece", [None, 1, 7])
async def test_a_body_arrives_whole_however_it_is_cut(piece: int | None) -> None:
    data = bytes(range(256)) * 4
    with ScriptedServer([Head(), Body(data, piece)]) as server:
        assert await (await fetch(server.url)).bytes() == data


async def test_a_response_without_body_does_not_wait_for_one() -> None:
    head = b"HTTP/1.1 204 No Content\r\n\r\n"
    with ScriptedServer([Raw(head), Stall()]) as server:
        response = await fetch(server.url, timeout=5)
        assert (response.status, await response.text()) == (204, "")


async def test_the_first_chunk_is_there_before_the_last() -> None:
    with ScriptedServer(BEGINNING) as server:
        body = (await fetch(server.url)).body
        assert await anext(body) == b"some"
        await body.aclose()


async def test_leaving_early_closes_a_real_connection_within_100_ms() -> None:
    with ScriptedServer(BEGINNING) as server:
        response = await fetch(server.url)
        async for _ in response.body:
            break
        left = time.monotonic()
        assert await server.client_left() - left < PROMPTLY

        server.play_next(BEGINNING)
        response = await fetch(server.url)
        left = time.monotonic()
        await response.aclose()
        assert await server.client_left() - left < PROMPTLY


async def test_a_body_that_stalls_ends_at_the_timeout() -> None:
    with ScriptedServer(BEGINNING) as server:
        started = time.monotonic()
        response = await fetch(server.url, timeout=0.3)
        with pytest.raises(TotalTimeout):
            await response.text()
        assert 0.3 <= time.monotonic() - started < 3
        await server.client_left()


async def test_a_signal_ends_a_real_connection() -> None:
    controller = AbortController()
    with ScriptedServer(BEGINNING) as server:
        response = await fetch(server.url, signal=controller.signal)
        asyncio.get_running_loop().call_later(0.05, controller.abort, "enough")
        with pytest.raises(Aborted, match="enough"):
            await response.text()
        await server.client_left()


async def test_failures_of_a_real_network_are_told() -> None:
    with refusing_url() as url, pytest.raises(ConnectionFailed, match=f"connect to {url} .*Errno"):
        await fetch(f"{url}/?key=secret")
    with ScriptedServer([Head(framing=100), Body(b"some"), Hangup()]) as server:
        response = await fetch(server.url)
        with pytest.raises(ConnectionFailed, match="was lost before the answer was complete"):
            await response.bytes()
