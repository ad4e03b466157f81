"""Clients that no library would be, on raw sockets, and a neighbour that must not notice them."""

from __future__ import annotations

import socket
import statistics
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.serving.processes import peak_mb
from tests.serving.served import Served

PROMPT_SECONDS = 1.0
"""The median of a neighbour's answers: generous, yet far below what a blocked server needs."""


def connected(server: Served, *, receive_bytes: int | None = None) -> socket.socket:
    host, _, port = server.url.removeprefix("http://").partition(":")
    client = socket.socket()
    if receive_bytes is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(30)
    client.connect((host, int(port)))
    return client


def head(server: Served, method: str, path: str, *fields: str) -> bytes:
    """A request up to its body."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"host: {server.url.removeprefix('http://')}",
        f"authorization: Bearer {server.anon_key}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def everything(client: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    pieces = []
    try:
        while piece := client.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def reset(client: socket.socket) -> None:
    """Close the connection as a client that has crashed."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@contextmanager
def prompt_neighbours(server: Served, *names: str) -> Iterator[None]:
    """Neighbours are asked all the while, and each one answers, soon."""
    done = threading.Event()
    heard: dict[str, list[float]] = {name: [] for name in names}
    wrong: list[str] = []

    def ask(name: str) -> None:
        with httpx2.Client(headers=server.authorization, timeout=30) as client:
            while not done.is_set() or not heard[name]:
                began = time.monotonic()
                try:
                    answer = client.get(server.function(name))
                except httpx2.HTTPError as error:
                    wrong.append(f"{name}: {error!r}")
                    return
                heard[name].append(time.monotonic() - began)
                if (answer.status_code, answer.text) != (200, "prompt"):
                    wrong.append(f"{name}: {answer.status_code} {answer.text}")
                done.wait(0.02)

    asking = [threading.Thread(target=ask, args=(name,)) for name in names]
    for each in asking:
        each.start()
    try:
        yield
    finally:
        done.set()
        for each in asking:
            each.join()
    assert not wrong, wrong[:3]
    medians = {name: statistics.median(seconds) for name, seconds in heard.items()}
    assert all(seconds < PROMPT_SECONDS for seconds in medians.values()), medians


@contextmanager
def memory_within(server: Served, megabytes: float) -> Iterator[None]:
    """The server's process needs no more than so much beside what it holds already."""
    pid = server.process.pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    before = peak_mb(pid)
    yield
    assert peak_mb(pid) - before < megabytes
