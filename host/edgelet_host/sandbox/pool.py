"""The slots of all workers: handed out, waited for in a queue, and given back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path

from edgelet_host.sandbox.errors import QueueFull
from edgelet_host.sandbox.workers import Slot, Worker

_LONGEST_PAUSE = 10.0
"""Seconds between two attempts to start a worker, at most."""


class Pool:
    """So many workers with so many slots each. One that dies is replaced.

    `complain` is told, in a sentence, when a worker cannot be started.
    """

    def __init__(
        self, workers: int, instances: int, queue_length: int, complain: Callable[[str], None]
    ) -> None:
        self.workers: list[Worker] = []
        self._count = workers
        self._slots_each = -(-instances // workers)
        self._queue_length = queue_length
        self._complain = complain
        self._component: Path
        self._waiting: deque[asyncio.Future[Slot]] = deque()
        self._replacing: set[asyncio.Task[None]] = set()
        self._closing = False

    async def start(self, component: Path) -> None:
        """Start the workers. Raises `OSError`, `TimeoutError` or `asyncio.IncompleteReadError`."""
        self._component = component
        await asyncio.gather(*(self._start_worker() for _ in range(self._count)))

    async def stop(self) -> None:
        """End every worker; whoever waits for a slot is cancelled."""
        self._closing = True
        for task in self._replacing:
            task.cancel()
        for waiting in self._waiting:
            waiting.cancel()
        await asyncio.gather(*(worker.stop() for worker in list(self.workers)))

    async def acquire(self, key: str | None) -> Slot:
        """A slot for a function, at best one with an instance ready; waits for its turn.

        Raises `QueueFull`.
        """
        slot = None if self._waiting else self._free_slot(key)
        if slot is not None:
            slot.is_busy = True
            return slot
        if len(self._waiting) >= self._queue_length:
            raise QueueFull(self._count * self._slots_each, self._queue_length)
        waiting: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                self.release(waiting.result())
            raise

    def release(self, slot: Slot) -> None:
        """Give a slot back; it goes to whoever waits longest."""
        slot.is_busy = False
        if slot.worker not in self.workers:
            return
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                slot.is_busy = True
                waiting.set_result(slot)
                return

    def _free_slot(self, key: str | None) -> Slot | None:
        for worker in sorted(self.workers, key=lambda worker: worker.busy):
            free = [slot for slot in worker.slots if not slot.is_busy]
            if free:
                return next((slot for slot in free if slot.prepared == key), free[0])
        return None

    async def _start_worker(self) -> None:
        worker = Worker()
        await worker.start(self._component, self._slots_each, self._replace)
        if self._closing:
            await worker.stop()
            return
        self.workers.append(worker)
        for slot in worker.slots:
            self.release(slot)

    def _replace(self, worker: Worker) -> None:
        if worker in self.workers:
            self.workers.remove(worker)
            for slot in worker.slots:
                slot.close()
            if not self._closing:
                task = asyncio.create_task(self._start_again())
                self._replacing.add(task)
                task.add_done_callback(self._replacing.discard)

    async def _start_again(self) -> None:
        pause = 0.0
        while True:
            try:
                return await self._start_worker()
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                pause = min(pause * 2 or 0.1, _LONGEST_PAUSE)
                self._complain(f"a worker could not be started: {error or type(error).__name__}")
                await asyncio.sleep(pause)
