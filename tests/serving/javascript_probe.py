"""A function that does whatever a test tells it to, so that one process serves many tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.serving.processes import children, command_line
from tests.serving.served import Served

PROBE = """
const { constructor: AsyncFunction } = Object.getPrototypeOf(async () => {});
Deno.serve(async (request) => {
  try {
    const value = await AsyncFunction(await request.text())();
    return Response.json({ value: ArrayBuffer.isView(value) ? [...value] : value });
  } catch (error) {
    const { name, message, status, server_message } = error;
    return Response.json({ failed: { name, message, status, server_message } });
  }
});
"""
"""Runs its request's body, the inside of an asynchronous function, and tells how that ended."""


@dataclass(frozen=True)
class Failed:
    """What a statement threw, as far as the probe tells it."""

    name: str
    message: str
    status: int | None = None
    server_message: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


def does(server: Served, function: str, source: str) -> Any:
    """What statements return in a function that is a probe, or how they failed."""
    answer = server.post(function, content=source).json()
    return Failed(**answer["failed"]) if "failed" in answer else answer.get("value")


def process_of(server: Served, function: str) -> int:
    """The process that runs a function."""
    ending = f"/functions/{function}/index.ts"
    [pid] = [
        pid for pid in children(server.process.pid) if command_line(pid).rstrip().endswith(ending)
    ]
    return pid
