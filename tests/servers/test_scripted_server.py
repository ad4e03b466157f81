"""The scripted server does what its scripts say, seen by plain sockets and by a real client."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.servers.answers import (
    json_answer,
    ndjson,
    ollama_chat,
    ollama_generate,
    openai_chunks,
    openai_completion,
    sse,
)
from tests.servers.scripted_server import ScriptedServer, refusing_url, unaccepting_url
from tests.servers.steps import Body, Close, Head, Raw, Reset, Sleep, Stall, WaitFor

if TYPE_CHECKING:
    from tests.servers.connection import Request
    from tests.servers.steps import Script

HELLO = [Head(framing=5), Body(b"hello")]


def raw_answer(server: ScriptedServer) -> bytes:
    """Everything that the server sends for one GET, down to its framing."""
    with connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return receive_all(client)


def receive_all(client: socket.socket) -> bytes:
    received = b""
    while data := client.recv(65536):
        received += data
    return received


def connect(server: ScriptedServer) -> socket.socket:
    port = int(server.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_request_is_recorded_whole() -> None:
    with ScriptedServer(HELLO) as server:
        answer = httpx2.post(f"{server.url}/v1/x?y=1", json={"a": "é"}, headers={"X-Key": "k"})
    [request] = server.requests
    assert answer.text == "hello"
    assert (request.method, request.target, request.path) == ("POST", "/v1/x?y=1", "/v1/x")
    assert request.headers["x-key"] == "k"
    assert request.json() == {"a": "é"}
    assert request.left_at is None
    assert not server.disconnected.is_set()


def test_the_script_may_depend_on_the_request() -> None:
    def answer(request: Request) -> Script:
        return json_answer({"path": request.path}, status=404)

    with ScriptedServer(answer) as server:
        answers = [httpx2.get(f"{server.url}/{name}") for name in "ab"]
    assert [(each.status_code, each.json()["path"]) for each in answers] == [
        (404, "/a"),
        (404, "/b"),
    ]


def test_framings_are_sent_to_the_letter() -> None:
    body = [Body(b"abcd", piece=2), Close()]
    with ScriptedServer([Head(headers={"A": "b"}), *body]) as server:
        assert raw_answer(server) == (
            b"HTTP/1.1 200 OK\r\nA: b\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n"
        )
    with ScriptedServer([Head(framing="close"), *body]) as server:
        assert raw_answer(server) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabcd"
    with ScriptedServer([Head(503, framing=9), *body]) as server:
        assert raw_answer(server) == (
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\n\r\nabcd"
        )
    with ScriptedServer([Raw(b"HTTP/1.1"), Sleep(0.001), Raw(b" 200 OK\r\n\r\nx")]) as server:
        assert raw_answer(server) == b"HTTP/1.1 200 OK\r\n\r\nx"


def test_a_complete_answer_leaves_the_connection_open_for_the_next_request() -> None:
    with ScriptedServer(HELLO) as server, httpx2.Client() as client:
        for _ in range(3):
            assert client.get(server.url).text == "hello"
        assert server.connections == 1
    with ScriptedServer([Head(), Body(b"hello")]) as server, httpx2.Client() as client:
        for _ in range(3):
            assert client.get(server.url).text == "hello"
        assert server.connections == 1
    with (
        ScriptedServer([Head(framing="close"), Body(b"hello")]) as server,
        httpx2.Client() as client,
    ):
        for _ in range(3):
            assert client.get(server.url).text == "hello"
        assert server.connections == 3


def test_the_test_decides_when_the_server_goes_on() -> None:
    go = threading.Event()
    script = [Head(), Body(b"first"), WaitFor(go), Body(b"second")]
    with ScriptedServer(script) as server, httpx2.stream("GET", server.url) as answer:
        chunks = answer.iter_raw()
        assert next(chunks) == b"first"
        go.set()
        assert b"".join(chunks) == b"second"


def test_a_client_that_leaves_early_is_seen_when_it_leaves() -> None:
    with ScriptedServer([Head(), Body(b"some"), Stall()]) as server:
        with httpx2.stream("GET", server.url) as answer:
            chunks = answer.iter_raw()
            assert next(chunks) == b"some"
            assert not server.disconnected.is_set()
            leaving = time.monotonic()
        left = server.wait_until_client_left()
    assert leaving <= left
    assert server.requests[0].left_at == left


def test_a_client_that_leaves_an_endless_answer_is_seen() -> None:
    def endless(_: Request) -> Script:
        return itertools.chain([Head()], itertools.repeat(Body(b"x" * 65536)))

    with ScriptedServer(endless) as server:
        with httpx2.stream("GET", server.url) as answer:
            next(answer.iter_raw())
        server.wait_until_client_left()


async def test_leaving_can_be_awaited() -> None:
    with ScriptedServer([Stall()]) as server:
        with connect(server) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            request = await asyncio.to_thread(server.wait_for_request)
        assert await server.client_left() >= request.at


def test_waiting_for_a_client_that_stays_fails() -> None:
    with ScriptedServer(HELLO) as server:
        httpx2.get(server.url)
        with pytest.raises(AssertionError, match="no client left"):
            server.wait_until_client_left(timeout=0.01)


def test_a_client_that_goes_after_the_answer_did_not_leave_early() -> None:
    with ScriptedServer(HELLO) as server:
        for _ in range(3):
            httpx2.get(server.url)
    assert not server.disconnected.is_set()


def test_a_reset_is_a_reset() -> None:
    go = threading.Event()
    script = [Head(), Body(b"some"), WaitFor(go), Reset()]
    with ScriptedServer(script) as server, connect(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(10)
        go.set()
        with pytest.raises(ConnectionResetError):
            receive_all(client)
    assert not server.disconnected.is_set()


def test_a_server_that_stops_breaks_its_connections() -> None:
    with ScriptedServer([Head(), Stall()]) as server, httpx2.Client() as client:
        answers = [
            client.send(client.build_request("GET", server.url), stream=True) for _ in range(3)
        ]
        server.stop()
        with pytest.raises(httpx2.RemoteProtocolError):
            answers[0].read()
        for each in answers:
            each.close()


def test_a_failure_in_the_script_is_raised_where_the_test_leaves() -> None:
    def broken(request: Request) -> Script:
        raise ValueError(request.path)

    def ask() -> None:
        with ScriptedServer(broken) as server, pytest.raises(httpx2.RemoteProtocolError):
            httpx2.get(f"{server.url}/oops")

    with pytest.raises(ValueError, match="/oops"):
        ask()


def test_a_request_body_without_length_is_refused() -> None:
    with ScriptedServer(HELLO) as server:
        answer = httpx2.post(server.url, content=iter([b"x"]))
    assert answer.status_code == 501
    assert server.requests == []


def test_a_refused_connection_is_refused() -> None:
    with refusing_url() as url, pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


def test_an_unaccepted_connection_hangs() -> None:
    with unaccepting_url() as url, pytest.raises(httpx2.ConnectTimeout):
        httpx2.get(url, timeout=httpx2.Timeout(5, connect=0.05))


@pytest.mark.parametrize("piece", [None, 1])
def test_ollama_answers_are_ndjson(piece: int | None) -> None:
    with ScriptedServer(ndjson(*ollama_generate("a", "é"), piece=piece)) as server:
        answer = httpx2.get(server.url)
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.removesuffix("\n").split("\n")]
    assert [(line["response"], line["done"]) for line in lines] == [
        ("a", False),
        ("é", False),
        ("", True),
    ]
    assert [each["message"]["content"] for each in ollama_chat("a", "b")] == ["a", "b", ""]


@pytest.mark.parametrize("piece", [None, 1])
def test_openai_answers_are_server_sent_events(piece: int | None) -> None:
    with ScriptedServer(sse(*openai_chunks("a", "é", usage=True), piece=piece)) as server:
        answer = httpx2.get(server.url)
    assert answer.headers["content-type"] == "text/event-stream"
    *events, done, rest = answer.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert [chunk["choices"][0]["delta"] for chunk in chunks[:-1]] == [
        {"role": "assistant", "content": ""},
        {"content": "a"},
        {"content": "é"},
        {},
    ]
    assert (chunks[-2]["choices"][0]["finish_reason"], chunks[-1]["choices"]) == ("stop", [])
    assert openai_completion("a")["choices"][0]["message"]["content"] == "a"


def test_pages_of_any_origin_may_ask_a_server_with_cors() -> None:
    asks = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    with ScriptedServer(HELLO, cors=True) as server, httpx2.Client() as client:
        consent = client.options(server.url, headers=asks)
        answer = client.post(server.url)
        assert [request.method for request in server.requests] == ["POST"]
        assert [request.method for request in server.preflights] == ["OPTIONS"]
        assert server.connections == 1
    assert consent.headers["access-control-allow-headers"] == "authorization,content-type"
    assert consent.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.text == "hello"


def test_a_server_without_cors_takes_a_preflight_for_a_request_like_any_other() -> None:
    with ScriptedServer(HELLO) as server:
        answer = httpx2.options(server.url, headers={"Access-Control-Request-Method": "POST"})
        assert [request.method for request in server.requests] == ["OPTIONS"]
    assert "access-control-allow-origin" not in answer.headers


def test_another_script_begins_anew() -> None:
    with ScriptedServer(HELLO) as server:
        httpx2.get(f"{server.url}/first")
        server.play_next(json_answer("second"))
        answer = httpx2.get(f"{server.url}/second")
        assert [request.path for request in server.requests] == ["/second"]
    assert answer.json() == "second"
