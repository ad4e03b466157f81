"""The real command line with a host that needs no model, to be run as a process of its own.

    python -m tests.cli.program [--stall-after TEXTS] ARGUMENT…

With `--stall-after`, the host embeds so many texts and then waits for ever, so that a test can
stop the process at a place it knows.
"""

from __future__ import annotations

import asyncio
import sys
from array import array

from edgelet.effects import RunModel
from edgelet.testing import FakeHost
from edgelet_host.cli import main

STALLED = "stalled"
"""Said on stderr when the host begins to wait."""


class StallingHost(FakeHost):
    def __init__(self, texts: float) -> None:
        super().__init__(reply="Hello from the fake host", max_tokens=8)
        self._left = texts

    async def run_model(self, effect: RunModel) -> array[float]:
        if self._left <= 0:
            sys.stderr.write(f"{STALLED}\n")
            sys.stderr.flush()
            await asyncio.Event().wait()
        self._left -= len(effect.lengths)
        return await super().run_model(effect)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    texts = float("inf")
    if arguments[0] == "--stall-after":
        texts = int(arguments[1])
        del arguments[:2]
    main(arguments, host=StallingHost(texts))
