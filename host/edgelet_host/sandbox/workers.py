"""Worker processes: started, listened to, killed when they are silent, and replaced."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path

from edgelet_host.sandbox.frames import packed
from edgelet_host.sandbox.worker import PING, PONG

_PING_SECONDS = 1.0
_SILENCE_SECONDS = 5.0
"""A worker that answers no ping for so long is killed: it is frozen, or native code holds it."""
_START_SECONDS = 30.0


class Slot:
    """The server's end of a slot: where one instance runs at a time."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.is_busy = False
        self.prepared: str | None = None
        """The function for which an instance is ready there."""
        self.reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def connect(self, end: socket.socket) -> None:
        """Use this socket."""
        self.reader, self._writer = await asyncio.open_connection(sock=end)

    def tell(self, facts: dict[str, object], data: bytes = b"") -> None:
        """Send a frame. One that cannot be sent is the end of the worker, which reading shows."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.write(packed(facts, data))

    def close(self) -> None:
        """Close the channel."""
        self._writer.close()


class Worker:
    """A worker process and its slots."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.ended = asyncio.Event()
        self.reason = "it was stopped"
        """Why it ended, in a few words."""
        self._process: Process
        self._watching: asyncio.Task[None]

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def busy(self) -> int:
        """How many of its slots are busy."""
        return sum(slot.is_busy for slot in self.slots)

    async def start(self, component: Path, slots: int, ended: Callable[[Worker], None]) -> None:
        """Start the process; returns when it answers. `ended` is called when it has ended."""
        pairs = [socket.socketpair() for _ in range(slots + 1)]
        theirs = [end for _, end in pairs]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "edgelet_host.sandbox.worker", str(component)),
                *(str(end.fileno()) for end in theirs),
                stdin=asyncio.subprocess.DEVNULL,
                env={},  # nothing of the server's environment, secrets least of all
                pass_fds=[end.fileno() for end in theirs],
            )
        finally:
            for end in theirs:
                end.close()
        (control, _), *channels = pairs
        reader, writer = await asyncio.open_connection(sock=control)
        for end, _ in channels:
            slot = Slot(self)
            await slot.connect(end)
            self.slots.append(slot)
        self._watching = asyncio.create_task(self._watch(reader, writer, ended))
        await self._answered(reader, _START_SECONDS)

    def kill(self, reason: str) -> None:
        """End the process now."""
        self.reason = reason
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """End the process, and wait until it has."""
        self.kill(self.reason)
        await self._watching

    async def _watch(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ended: Callable[[Worker], None],
    ) -> None:
        pinging = asyncio.create_task(self._ping(reader, writer))
        code = await self._process.wait()
        pinging.cancel()
        if code != -9 or self.reason == "it was stopped":
            self.reason = _words(code)
        writer.close()
        self.ended.set()
        ended(self)

    async def _ping(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            writer.write(PING)
            try:
                await self._answered(reader, _SILENCE_SECONDS)
            except TimeoutError:
                self.kill(f"it was killed, because it did not answer for {_SILENCE_SECONDS:g} s")
                return

    @staticmethod
    async def _answered(reader: asyncio.StreamReader, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            await reader.readexactly(len(PONG))


def _words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
