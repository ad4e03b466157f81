"""`fetch` against a fake host."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest

from edgelet import (
    AbortController,
    Aborted,
    ConnectionFailed,
    EdgeletError,
    Headers,
    OptionError,
    Response,
    TotalTimeout,
    fetch,
)
from edgelet.effects import Close, Receive, ResponseHead, Send, TransportFailed
from edgelet.fetching import fetch_steps
from edgelet.testing import FakeHost, FakeResponse
from tests.core.slow_host import SlowHost

URL = "http://host.example/path"
ORIGIN = "http://host.example"


def lost(phase: Any = "exchange") -> TransportFailed:
    return TransportFailed(phase, "no route")


# What is sent


async def test_a_request_is_sent_as_it_was_given() -> None:
    with FakeHost(responses=[FakeResponse([b"a"])]) as host:
        await fetch(
            "http://host.example/é?q=1#here", method="post", headers=[("X-Key", "k")], body="é"
        )

    [request] = host.requests
    assert (request.method, request.url) == ("POST", "http://host.example/%C3%A9?q=1")
    assert request.headers == {"x-key": "k", "content-type": "text/plain;charset=UTF-8"}
    assert request.body == "é".encode()


async def test_a_plain_request_is_a_get_without_body() -> None:
    with FakeHost(responses=[FakeResponse()]) as host:
        await fetch(URL)

    assert (host.requests[0].method, host.requests[0].headers, host.requests[0].body) == (
        *("GET", {}, b""),
    )


async def test_headers_of_a_received_request_can_be_passed_on() -> None:
    received = Headers.received(
        [
            *(("Host", "me"), ("content-length", "5"), ("Connection", "close"), ("accept", "a")),
            *(("accept", "b"), ("Accept-Encoding", "br"), ("transfer-encoding", "chunked")),
        ]
    )
    with FakeHost(responses=[FakeResponse()]) as host:
        await fetch(URL, headers=received)

    assert host.requests[0].headers == {"accept": "a, b"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"url": "/path"}, "expected a URL of http or https"),
        ({"url": "file:///etc/passwd"}, "expected a URL of http or https"),
        ({"url": "http://user:key@host.example/"}, "must not hold a user or password"),
        ({"method": "CONNECT"}, "CONNECT is forbidden"),
        ({"body": "a"}, "a GET request has no body"),
        ({"method": "POST", "body": {"a": 1}}, "must be text or bytes, got dict"),
        ({"headers": {"a b": "c"}}, "not a header name"),
        ({"timeout": 0}, "timeout must be a positive number of seconds"),
    ],
)
async def test_a_request_that_cannot_be_sent_is_refused(arguments: Any, words: str) -> None:
    with FakeHost(responses=[]) as host, pytest.raises(OptionError, match=words):
        await fetch(**{"url": URL, **arguments})

    assert host.requests == []


# What comes back


async def test_a_response_arrives_before_its_body() -> None:
    answer = FakeResponse([b"a", b"b"], status=404, headers={"x-note": "☃"})
    with FakeHost(responses=[answer]) as host:
        response = await fetch(URL)
        assert (response.status, response.ok) == (404, False)
        assert response.headers["x-note"] == "☃".encode().decode("latin-1")
        assert [chunk async for chunk in response.body] == [b"a", b"b"]
        assert host.closed == 1
        with pytest.raises(EdgeletError, match="read already"):
            await response.text()


async def test_a_redirect_is_returned_as_it_is() -> None:
    answer = FakeResponse([b"there"], status=307, headers={"location": "/there"})
    with FakeHost(responses=[answer]) as host:
        response = await fetch(URL)

    assert (response.status, response.headers["location"], len(host.requests)) == (307, "/there", 1)


@pytest.mark.parametrize(("method", "status"), [("GET", 101), ("GET", 204), ("GET", 304)])
async def test_a_status_without_body_is_closed_at_once(method: str, status: int) -> None:
    with FakeHost(responses=[FakeResponse([b"odd"], status=status)]) as host:
        response = await fetch(URL, method=method)
        assert host.closed == 1
        assert (response.status, await response.text(), response.body_used) == (status, "", False)


async def test_the_answer_to_head_is_closed_at_once() -> None:
    with FakeHost(responses=[FakeResponse(headers={"content-length": "5"})]) as host:
        response = await fetch(URL, method="HEAD")
        assert host.closed == 1
        assert (response.headers["content-length"], await response.bytes()) == ("5", b"")


async def test_a_response_can_be_passed_on() -> None:
    with FakeHost(responses=[FakeResponse([b"a", b"b"], headers={"x-a": "b"})]):
        upstream = await fetch(URL)
        response = Response(upstream.body, headers=upstream.headers)
        assert (await response.text(), response.headers["x-a"]) == ("ab", "b")


# What goes wrong


@pytest.mark.parametrize("phase", ["connect", "connect timeout"])
async def test_no_connection_names_the_server_without_path_and_query(phase: Any) -> None:
    with FakeHost(responses=[lost(phase)]) as host, pytest.raises(ConnectionFailed) as failed:
        await fetch(URL + "?key=secret")

    assert str(failed.value) == f"cannot connect to {ORIGIN} (no route)"
    assert host.closed == 0


async def test_a_connection_may_be_lost_before_the_head() -> None:
    with FakeHost(responses=[lost()]), pytest.raises(ConnectionFailed, match=f"{ORIGIN} was lost"):
        await fetch(URL)


async def test_a_connection_may_be_lost_in_the_body() -> None:
    with FakeHost(responses=[FakeResponse([b"a", lost()])]) as host:
        body = (await fetch(URL + "?key=secret")).body
        assert await anext(body) == b"a"
        with pytest.raises(ConnectionFailed) as failed:
            await anext(body)
        assert host.closed == 1
        assert [chunk async for chunk in body] == []

    assert str(failed.value) == (
        f"the connection to {ORIGIN} was lost before the answer was complete (no route)"
    )


@pytest.mark.parametrize("seconds", [[5.0], [0.0, 5.0], [0.0, 0.0, 5.0]])
async def test_the_timeout_covers_head_and_body(seconds: list[float]) -> None:
    started = time.monotonic()
    with SlowHost([*seconds], responses=[FakeResponse([b"a", b"b"])]) as host:
        with pytest.raises(TotalTimeout, match=r"waited 0\.1 s for the call to finish"):
            await (await fetch(URL, timeout=0.1)).bytes()
        assert host.closed == min(len(seconds) - 1, 1)

    assert 0.1 <= time.monotonic() - started < 2


async def test_a_signal_that_has_fired_sends_nothing() -> None:
    controller = AbortController()
    controller.abort("never mind")
    with FakeHost(responses=[]) as host, pytest.raises(Aborted, match="never mind"):
        await fetch(URL, signal=controller.signal)

    assert host.requests == []


async def test_a_signal_ends_the_wait_for_the_body() -> None:
    controller = AbortController()
    with SlowHost([0, 5], responses=[FakeResponse([b"a"])]) as host:
        response = await fetch(URL, signal=controller.signal)
        asyncio.get_running_loop().call_later(0.05, controller.abort)
        with pytest.raises(Aborted):
            await response.bytes()
        assert host.closed == 1


async def test_a_signal_between_chunks_closes_the_connection_at_once() -> None:
    controller = AbortController()
    with FakeHost(responses=[FakeResponse([b"a", b"b"])]) as host:
        body = (await fetch(URL, signal=controller.signal)).body
        await anext(body)
        controller.abort("enough")
        await asyncio.sleep(0.01)
        assert host.closed == 1
        with pytest.raises(Aborted, match="enough"):
            await anext(body)


async def test_cancelling_a_read_closes_the_connection() -> None:
    with SlowHost([0, 5], responses=[FakeResponse([b"a"])]) as host:
        reading = asyncio.create_task((await fetch(URL)).bytes())
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert host.closed == 1


async def test_a_read_that_is_dropped_unfinished_performs_nothing_more() -> None:
    with SlowHost([0, 5], responses=[FakeResponse([b"a"])]) as host:
        response = await fetch(URL)
        reading = response.bytes()
        reading.send(None)
        reading.close()
        assert host.closed == 0
        del reading, response


@pytest.mark.parametrize("chunks", [[b"a"], [lost()]])
async def test_closing_a_response_that_another_task_reads_ends_its_loop(chunks: list[Any]) -> None:
    with SlowHost([0, 0.1], responses=[FakeResponse(chunks)]) as host:
        response = await fetch(URL)
        reading = asyncio.create_task(response.bytes())
        await asyncio.sleep(0.01)
        await response.aclose()
        assert await reading == b""
        assert host.closed == 1


async def test_leaving_a_response_in_any_way_closes_the_connection() -> None:
    with FakeHost(responses=[FakeResponse([b"a", b"b"])] * 4) as host:
        response = await fetch(URL)
        await response.aclose()
        await response.aclose()
        assert host.closed == 1

        response = await fetch(URL)
        async for _ in response.body:
            break
        await settled()
        assert host.closed == 2
        assert response.body_used

        response = await fetch(URL)
        del response
        await settled()
        assert host.closed == 3

        body = (await fetch(URL)).body
        await anext(body)
        await body.aclose()
        assert host.closed == 4


async def settled() -> None:
    gc.collect()
    await asyncio.sleep(0.01)


# The steps alone, as another driver sees them


def test_the_steps_are_send_receive_and_close() -> None:
    steps = fetch_steps(URL, timeout=5.0, now=100.0)
    sent = next(steps)
    assert isinstance(sent, Send)
    assert (sent.request.url, sent.deadline) == (URL, 105.0)
    with pytest.raises(StopIteration) as stopped:
        steps.send(ResponseHead("handle", 200, {"a": "b"}))
    exchange = stopped.value.value
    assert (exchange.status, exchange.headers, exchange.ended) == (200, {"a": "b"}, False)

    receiving = exchange.receive()
    assert next(receiving) == Receive("handle", None, 105.0)
    with pytest.raises(StopIteration):
        receiving.send([b"a"])
    assert list(exchange.close()) == [Close("handle")]
    assert list(exchange.close()) == []
    assert exchange.ended
