"""Exchanges with a deployed function, byte by byte."""

from __future__ import annotations

import socket

import httpx2
import pytest

from tests.deploy.deployed import Running


def echoes(function: Running) -> None:
    """A body goes through whole, and piece by piece: each is back before the next is sent."""
    url = f"{function.url}echo"
    small = httpx2.post(url, content=b"small", headers={"x-last": "yes"}, timeout=60)
    assert (small.status_code, small.content) == (201, b"small")
    large = bytes(range(256)) * 4096
    assert httpx2.post(url, content=large, timeout=60).content == large
    address = ("127.0.0.1", httpx2.URL(function.url).port or 0)
    with socket.create_connection(address, timeout=60) as client:
        client.sendall(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        received = b""
        for piece in (b"first", b"second"):
            client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            while piece not in received:
                received += client.recv(4096) or pytest.fail(f"only {received!r} came back")
        client.sendall(b"0\r\n\r\n")
        while not received.endswith(b"0\r\n\r\n"):
            received += client.recv(4096) or pytest.fail(f"only {received!r} came back")


def send(function: Running, data: bytes) -> None:
    """Send bytes, and wait until the server has done with them."""
    address = ("127.0.0.1", httpx2.URL(function.url).port or 0)
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(data)
        try:
            client.recv(4096)
        except (TimeoutError, ConnectionError):
            return
