"""Watches over the run of a slot: when it has to end, whose turn it is, what the server says."""

from __future__ import annotations

import time

from edgelet_host.sandbox.frames import Channel, ChannelClosed, Frame, packed
from edgelet_host.sandbox.run import Run
from edgelet_host.sandbox.turns import Turns

_MOST_HELD = 64 * 1024
"""Bytes that wait at most for others to be sent with."""
_LONGEST_AHEAD = 1.0
"""Seconds that a request waits at most for its function to be loaded ahead."""
_LOOK = 0.02
"""Seconds between two looks for a request while a function that is loaded ahead sleeps."""


class Supervision:
    """The run in progress on one slot, and the slot's channel to the server."""

    def __init__(self, channel: Channel, turns: Turns) -> None:
        self.run: Run | None = None
        self._channel = channel
        self._turns = turns
        self._has_turn = False

    def running(self) -> Run:
        """The run in progress."""
        if self.run is None:
            raise RuntimeError("an import was called while nothing runs")
        return self.run

    def verdict(self) -> str | None:
        """Asked every slice, and before every wait: why the instance has to end, if it has."""
        run = self.run
        if run is None:
            return "nothing is to be done"
        if run.ended_by is None:
            run.ended_by = self._reason(run)
        return run.ended_by

    def fault(self, error: Exception) -> None:
        """The host itself is at fault: the instance has to end."""
        if self.run is not None and self.run.ended_by is None:
            self.run.ended_by = f"ended by a fault of the host: {type(error).__name__}: {error}"

    def slice_over(self) -> str | None:
        """Asked by the engine every slice of time."""
        self.give_turn()
        self.flush()
        return self.verdict()

    def _reason(self, run: Run) -> str | None:
        cpu, limits = run.cpu_ms(), run.terms.limits
        if cpu > limits.cpu_time_soft_limit_ms and not run.warned:
            run.warned = True
            self.warn(
                run,
                f"{limits.cpu_time_soft_limit_ms} ms of CPU time are used; "
                f"at {limits.cpu_time_hard_limit_ms} ms this instance will be ended\n",
            )
        if cpu > limits.cpu_time_hard_limit_ms:
            return "cpu_time_hard_limit_ms"
        if run.left() <= 0:
            return "worker_timeout_ms"
        try:
            if run.channel is None:
                return "a request came" if self._must_make_way(run) else None
            while (frame := run.channel.receive(0)) is not None:
                self._arrived(run, frame)
        except ChannelClosed:
            return "server gone"
        return run.ended_by

    def _must_make_way(self, run: Run) -> bool:
        """Whether a request waits while a function is loaded ahead that is not for it, or slow."""
        frame = self._channel.next()
        if frame is None:
            return False
        is_slow = time.monotonic() - run.began > _LONGEST_AHEAD
        return is_slow or frame.facts.get("key") != run.terms.code.key

    def _arrived(self, run: Run, frame: Frame) -> None:
        match frame.facts.get("do"):
            case "answer":
                run.asked.pop(frame.facts["ticket"], None)
                run.hold(frame.facts["ticket"], frame)
            case "cancel":
                run.ended_by = "cancelled"

    def listen(self, run: Run, seconds: float) -> None:
        """Wait for one frame of the server's, no longer than that."""
        self.give_turn()
        if run.channel is None:
            time.sleep(min(max(seconds, 0), _LOOK))
            return
        try:
            frame = run.channel.receive(seconds)
        except ChannelClosed:
            run.ended_by = "server gone"
            return
        if frame is not None:
            self._arrived(run, frame)
        self.take_turn()

    def take_turn(self) -> None:
        """Before computing."""
        self._has_turn = self._has_turn or self._turns.take()

    def give_turn(self) -> None:
        """Before waiting, and when there is nothing more to compute."""
        if self._has_turn:
            self._has_turn = False
            self._turns.give()

    def _going_on(self) -> bool:
        return self.verdict() is None

    def send(self, frame: bytes) -> None:
        """Send a frame, with others that come before the next wait or the end of the slice."""
        if self._channel.hold(frame) > _MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Send what was held back, unless the run has to end before the server has room for it."""
        try:
            self._channel.flush(self._going_on)
        except ChannelClosed:
            if self.run is not None:
                self.run.ended_by = "server gone"

    def send_anyhow(self, frame: bytes) -> None:
        """Send a frame, however long it takes."""
        self._channel.hold(frame)
        self._channel.flush(lambda: True)

    def warn(self, run: Run, text: str) -> None:
        """Print something of edgelet's own on the function's console."""
        frame = packed({"is": "console", "stream": "edgelet"}, text.encode())
        if run.channel is None:
            run.pending.append(frame)
        else:
            self.send_anyhow(frame)
