"""A request to an address that was chosen beforehand, whatever its name means now."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from edgelet.effects import HttpRequest, Receive, ResponseHead, Send, TransportFailed
from edgelet_host import http_client
from edgelet_host.native import NativeHost
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Body, Head, Stall

NAME = "name.that.does.not.exist.invalid"
HOST = NativeHost()


def get(url: str) -> Send:
    return Send(HttpRequest("GET", url, {}, b""), connect_within=5)


async def body(head: ResponseHead) -> bytes:
    received = b""
    while chunks := await HOST.receive(Receive(head.response).response):
        received += b"".join(chunks)
    return received


@pytest.mark.parametrize("path", ["/", "/a/b?c=d"])
async def test_the_connection_goes_to_the_address_and_the_name_to_the_server(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ScriptedServer([Head(framing=2), Body(b"hi")]) as server:
        port = server.url.rpartition(":")[2]
        head = await HOST.send(get(f"http://{NAME}:{port}{path}"), "127.0.0.1")

        assert await body(head) == b"hi"
        assert server.requests[0].headers["host"] == f"{NAME}:{port}"
        assert server.requests[0].target == path


async def test_tls_checks_the_name_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(http_client, "_tls", lambda: trusting)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(ours)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=ours)
    port = server.sockets[0].getsockname()[1]
    async with server:
        head = await HOST.send(get(f"https://{NAME}:{port}/"), "127.0.0.1")
        assert await body(head) == b"hi"
        with pytest.raises(TransportFailed, match="certificate verify failed"):
            await HOST.send(get(f"https://another.invalid:{port}/"), "127.0.0.1")


async def test_a_response_that_is_closed_before_it_is_read_closes_its_connection() -> None:
    with ScriptedServer([Head(), Stall()]) as server:
        head = await HOST.send(get(server.url))
        await HOST.close(head.response)
        await server.client_left()


async def test_a_body_that_was_decoded_is_not_called_encoded() -> None:
    import gzip

    packed = gzip.compress(b"hi")
    encoded = Head(headers={"content-encoding": "gzip"}, framing=len(packed))
    with ScriptedServer([encoded, Body(packed)]) as server:
        head = await HOST.send(get(server.url))

        assert await body(head) == b"hi"
        assert not head.headers.keys() & {"content-encoding", "content-length"}
