"""How a function's process in Deno may end, beside the ways that functions in the sandbox have."""

from __future__ import annotations

from edgelet_host.sandbox.errors import LimitExceeded, MemoryLimitExceeded

UNRESPONSIVE_SECONDS = 5.0
"""How long a function may keep its event loop busy: then nothing else of it can run."""


class EventLoopBlocked(LimitExceeded):
    """The function computed for so long that its process answered nobody."""

    limit = "event loop"
    used = "s without a pause"

    def __init__(self, function: str) -> None:
        super().__init__(function, UNRESPONSIVE_SECONDS)
        self.args = (
            f"the function {function} was ended: it kept its event loop busy for more than "
            f"{UNRESPONSIVE_SECONDS:g} s; let it await something, or do less at once",
        )


class HeapFull(MemoryLimitExceeded):
    """V8 ended the process, because its heap was full."""

    limit = "memory_mb"
