"""What a Worker takes once it is warm: memory of WebAssembly, and time of a request.

A greeting of the function is compared with one that the same Worker gives without it. Turns of a
few requests alternate over one connection, so that what Python still does after an answer is rarely
in the way of a greeting that is not its own.
"""

from __future__ import annotations

import http.client
import json
import statistics
import time

from bench.cold.folders import Way
from bench.cold.starts import PATIENCE, Marks, first_byte, running

TURNS, REQUESTS = 25, 20
"""Turns of each kind and requests a turn, after a fifth as many turns that do not count."""

GREETING, PLAIN = "a greeting, ms", "the same without the function, ms"
OVERHEAD = "what the function adds to it, ms"
VECTOR, LONG = "memory after a vector, MB", "memory after a long text, MB"


def warmed(way: Way, inference_host: str) -> Marks:
    """Start a Worker once and measure it."""
    with running(way, inference_host) as (port, _):
        first_byte(port, "embed")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        figures = {VECTOR: _memory(connection)}
        _get(connection, "long")
        figures[LONG] = _memory(connection)
        milliseconds: dict[str, list[float]] = {"plain": [], "hello": []}
        for turn in range(-TURNS // 5, TURNS):
            for path, seen in milliseconds.items():
                taken = [_timed(connection, path) for _ in range(REQUESTS)]
                if turn >= 0:
                    seen.extend(taken)
        connection.close()
    plain, greeting = (statistics.median(seen) for seen in milliseconds.values())
    return {**figures, GREETING: greeting, PLAIN: plain, OVERHEAD: greeting - plain}


def _memory(connection: http.client.HTTPConnection) -> float:
    """Megabytes of all memories: Python's and the engine's."""
    return float(sum(json.loads(_get(connection, "memory")))) / 1e6


def _timed(connection: http.client.HTTPConnection, path: str) -> float:
    began = time.perf_counter()
    _get(connection, path)
    return (time.perf_counter() - began) * 1e3


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", f"/{path}")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"/{path} was answered by {answer.status}: {body!r}")
    return body
