"""The native host's HTTP, on real sockets: what a healthy server does not do, and how we leave."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator

import pytest
import trustme

from edgelet import (
    ConnectionFailed,
    ConnectTimeout,
    InferenceHostError,
    ProtocolError,
    Session,
    SyncSession,
    use_host,
)
from edgelet_host.native import NativeHost
from tests.servers.answers import ndjson, ollama_chat, ollama_generate, openai_chunks, sse
from tests.servers.scripted_server import ScriptedServer, refusing_url, unaccepting_url
from tests.servers.steps import Body, Close, Head, Raw, Sleep, Stall

BEGINNING = [*ndjson(*ollama_generate("Hel", "lo"))[:2], Stall()]
PROMPTLY = 0.1


@pytest.fixture(autouse=True)
def native_host() -> Iterator[None]:
    with use_host(NativeHost()):
        yield


async def test_leaving_the_context_closes_the_connection_within_100_ms() -> None:
    with ScriptedServer(BEGINNING) as server:
        async with await Session("m", host=server.url).run("Why?", stream=True) as stream:
            await anext(stream)
            left = time.monotonic()
        assert await server.client_left() - left < PROMPTLY


async def test_breaking_out_of_the_loop_closes_the_connection_within_100_ms() -> None:
    with ScriptedServer(BEGINNING) as server:
        async for _ in await Session("m", host=server.url).run("Why?", stream=True):
            break
        left = time.monotonic()
        assert await server.client_left() - left < PROMPTLY


async def test_cancelling_the_task_closes_the_connection_within_100_ms() -> None:
    with ScriptedServer([Head(), Stall()]) as server:
        task = asyncio.create_task(Session("m", host=server.url).run("Why?"))
        await asyncio.sleep(0.2)
        left = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await server.client_left() - left < PROMPTLY


def test_leaving_a_sync_stream_closes_the_connection_within_100_ms() -> None:
    with ScriptedServer(BEGINNING) as server, SyncSession("m", host=server.url) as session:
        with session.run("Why?", stream=True) as stream:
            next(stream)
        left = time.monotonic()
        assert server.wait_until_client_left() - left < PROMPTLY


def test_the_end_of_the_event_loop_closes_what_was_left_open() -> None:
    with ScriptedServer(BEGINNING) as server:

        async def leave() -> None:
            stream = await Session("m", host=server.url).run("Why?", stream=True)
            await anext(stream)

        asyncio.run(leave())
        server.wait_until_client_left()


async def test_a_host_that_does_not_accept_is_given_up_after_connect_timeout() -> None:
    with unaccepting_url() as url:
        started = time.monotonic()
        with pytest.raises(ConnectTimeout, match=r"waited 0\.3 s for a connection"):
            await Session("m", host=url).run("Why?", connect_timeout=0.3)

    assert 0.3 <= time.monotonic() - started < 3


async def test_a_host_that_refuses_is_told_at_once() -> None:
    with refusing_url() as url, pytest.raises(ConnectionFailed, match=f"{url} .*Errno"):
        await Session("m", host=url).run("Why?")


async def test_a_name_that_does_not_exist_is_told() -> None:
    with pytest.raises(ConnectionFailed, match=r"http://no-such-host\.invalid"):
        await Session("m", host="http://no-such-host.invalid").run("Why?")


async def test_a_slow_head_is_waited_for() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 31\r\n\r\n"
    steps = [*(step for byte in head for step in (Raw(bytes([byte])), Sleep(0.001)))]
    with ScriptedServer([*steps, Raw(b'{"response": "a", "done": true}')]) as server:
        assert (await Session("m", host=server.url).run("Why?"))["response"] == "a"


async def test_a_head_that_is_no_http_is_a_lost_connection() -> None:
    with (
        ScriptedServer([Raw(b"SSH-2.0-OpenSSH_9.7\r\n\r\n"), Close()]) as server,
        pytest.raises(ConnectionFailed, match="was lost before the answer was complete"),
    ):
        await Session("m", host=server.url).run("Why?")


async def test_a_body_that_ends_early_is_a_lost_connection() -> None:
    line = b'{"response": "a", "done": false}\n'
    with (
        ScriptedServer([Head(framing=1000), Body(line), Close()]) as server,
        pytest.raises(ConnectionFailed),
    ):
        async for _ in await Session("m", host=server.url).run("Why?", stream=True):
            pass


async def test_a_line_of_64_mb_ends_at_the_limit_and_closes_the_connection() -> None:
    megabyte = Body(b"x" * 1024 * 1024)
    with ScriptedServer([Head(), *[megabyte] * 64]) as server:
        with pytest.raises(ProtocolError, match="8388608 bytes"):
            async for _ in await Session("m", host=server.url).run("Why?", stream=True):
                pass
        await server.client_left()


async def test_a_request_says_its_length_and_asks_for_plain_bytes() -> None:
    with ScriptedServer(ndjson(*ollama_generate("a"))) as server:
        async with await Session("m", host=server.url).run("Why?", stream=True) as stream:
            assert len([chunk async for chunk in stream]) == 2

    request = server.requests[0]
    assert int(request.headers["content-length"]) == len(request.body)
    assert "transfer-encoding" not in request.headers
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("edgelet/")


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    with ScriptedServer(ndjson(*ollama_generate("a"))) as other:
        head = Head(307, {"location": other.url + "/api/generate"}, framing=0)
        with ScriptedServer([head]) as server, pytest.raises(InferenceHostError, match="redirects"):
            await Session("m", host=server.url, api_key="sk-secret").run("Why?")

    assert other.requests == []


async def test_every_call_has_a_connection_of_its_own_and_keeps_no_cookie() -> None:
    _, *body = ndjson(*ollama_chat("a"))
    chat = [
        Head(headers={"set-cookie": "tracked=1", "content-type": "application/x-ndjson"}),
        *body,
    ]
    with ScriptedServer(chat) as server:
        session = Session("m", host=server.url)
        for _ in range(3):
            async for _chunk in await session.run([{"role": "user", "content": "a"}], stream=True):
                pass

    assert len(server.requests) == server.connections == 3
    assert all("cookie" not in request.headers for request in server.requests)


async def test_many_streams_at_once_lose_nothing() -> None:
    texts = [f"{number} " for number in range(20)]
    script = sse(*openai_chunks(*texts))
    with ScriptedServer(script) as server:
        session = Session("m", host=server.url)

        async def read() -> str:
            stream = await session.generate("Hi", stream=True, mode="openaicompatible")
            return "".join([chunk.text async for chunk in stream])

        answers = await asyncio.gather(*(read() for _ in range(64)))

    assert answers == ["".join(texts)] * 64


async def test_chunks_arrive_while_the_server_still_writes() -> None:
    steps = ndjson(*ollama_generate("Hel", "lo"))
    with ScriptedServer([*steps[:2], Stall()]) as server:
        async with await Session("m", host=server.url).run("Why?", stream=True) as stream:
            first = await asyncio.wait_for(anext(stream), 5)

    assert first["response"] == "Hel"


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(scheme: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
            await Session("m", host=url, api_key="sk-secret").run("Why?")

    assert seen == []


async def test_a_proxy_does_not_stand_between_us_and_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        ScriptedServer([]) as proxy,
        ScriptedServer(ndjson(*ollama_generate("a"))) as server,
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        async with await Session("m", host=server.url).run("Why?", stream=True) as stream:
            assert len([chunk async for chunk in stream]) == 2
        assert proxy.requests == []


async def test_a_proxy_of_the_environment_is_asked_for_other_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedServer(ndjson(*ollama_generate("a"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        host = "http://inference.invalid:11434"
        async with await Session("m", host=host).run("Why?", stream=True) as stream:
            assert len([chunk async for chunk in stream]) == 2

    request = proxy.requests[0]
    assert request.target == f"{host}/api/generate"
    assert request.headers["host"] == "inference.invalid:11434"
    assert request.headers["user-agent"].startswith("edgelet/")


@pytest.mark.parametrize("proxy", ["foo://proxy", "http://127.0.0.1:xx"])
async def test_a_proxy_that_cannot_be_used_is_told_in_a_sentence(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(ConnectionFailed, match="cannot connect to the inference host"):
        await Session("m", host="http://inference.invalid").run("Why?")


async def test_the_networks_words_are_not_the_callers_own() -> None:
    with ScriptedServer([Head(framing=1000), Body(b"x"), Close()]) as server:
        try:
            raise ValueError("private words of the caller")
        except ValueError:
            with pytest.raises(ConnectionFailed) as caught:
                async for _ in await Session("m", host=server.url).run("Why?", stream=True):
                    pass

    assert "private words" not in str(caught.value)


def test_a_stream_left_open_ends_in_order_with_its_event_loop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def leave(url: str) -> None:
        stream = await Session("m", host=url).run("Why?", stream=True)
        await anext(stream)
        left.append(stream)

    left: list[object] = []
    with ScriptedServer(BEGINNING) as server:
        asyncio.run(leave(server.url))
        server.wait_until_client_left()

    assert caplog.text == ""


async def test_headers_travel_as_they_were_given() -> None:
    session_headers = {"X-Name": "café", "User-Agent": "mine"}
    with ScriptedServer(ndjson(*ollama_generate("a"))) as server:
        session = Session("m", host=server.url, headers=session_headers)
        async with await session.run("Why?", stream=True) as stream:
            await anext(stream)

    headers = server.requests[0].headers
    assert (headers["x-name"], headers["user-agent"]) == ("café", "mine")


async def test_a_slow_reader_slows_the_server_and_loses_nothing() -> None:
    line = b'{"response": "' + b"x" * 65_000 + b'", "done": false}\n'
    script = [Head(), *[Body(line)] * 100, Body(b'{"response": "", "done": true}\n')]
    with ScriptedServer(script) as server:
        count = 0
        async for _ in await Session("m", host=server.url).run("Why?", stream=True):
            count += 1
            if count < 5:
                await asyncio.sleep(0.05)

    assert count == 101
