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
_SILENT_PINGS = 5
"""A worker that is silent for so many seconds is killed: it is frozen, or native code holds it."""
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
        """Start the process; returns when it answers. `ended` is called when it has ended.

        Raises `OSError`, `TimeoutError` or `asyncio.IncompleteReadError` when it does not start.
        """
        pairs = [socket.socketpair() for _ in range(slots + 1)]
        theirs = [end for _, end in pairs]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "edgelet_host.sandbox.worker", str(component)),
                *(str(end.fileno()) for end in theirs),
                stdin=asyncio.subprocess.DEVNULL,
                env={},  # nothing of the server's environment, secrets least of all
                pass_fds=[end.fileno() for end in theirs],
                start_new_session=True,  # Ctrl-C is for the server, which ends it in order
            )
        except BaseException:
            for end, _ in pairs:
                end.close()
            raise
        finally:
            for end in theirs:
                end.close()
        (control, _), *channels = pairs
        reader, writer = await asyncio.open_connection(sock=control)
        for end, _ in channels:
            slot = Slot(self)
            await slot.connect(end)
            self.slots.append(slot)
        try:
            await self._answered(reader, _START_SECONDS)
        except BaseException:
            self._process.kill()
            await self._process.wait()
            writer.close()
            for slot in self.slots:
                slot.close()
            raise
        self._watching = asyncio.create_task(self._watch(reader, writer, ended))

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
            if not await self._is_heard(reader, writer):
                silence = _SILENT_PINGS * _PING_SECONDS
                self.kill(f"it was killed, because it did not answer for {silence:g} s")
                return

    async def _is_heard(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether it answers. However long this process itself is held up, it is one silence."""
        try:
            writer.write(PING)
            for _ in range(_SILENT_PINGS):
                with contextlib.suppress(TimeoutError):
                    await self._answered(reader, _PING_SECONDS)
                    return True
        except (OSError, asyncio.IncompleteReadError):  # it is ending, and not for its silence
            await asyncio.sleep(_SILENT_PINGS * _PING_SECONDS)
        return False

    @staticmethod
    async def _answered(reader: asyncio.StreamReader, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            await reader.readexactly(len(PONG))


def _words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
