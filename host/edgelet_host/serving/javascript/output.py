"""What a function's process prints: passed on line by line, and read for what the server must know.

Deno says on its standard error why a function could not begin, what it was refused, and that its
heap was full.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable

LONGEST_LINE = 64 * 1024

_LINES_KEPT = 30
_ADVICE = "warning: Detected export default"
"""Deno's advice to use another command."""
_ERROR = re.compile(r"error: (?:Uncaught )?(?:\(in promise\) )?((\w*).*)")
_FULL = re.compile(r"(heap|JavaScript) out of memory|heap limit", re.IGNORECASE)
_REFUSED = re.compile(r'Requires net access to "([^"]+)"')


class Output:
    """The lines of one process. `write` is called with each."""

    def __init__(self, function: str, write: Callable[[str], None]) -> None:
        self._function = function
        self._write = write
        self._last_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._refused: set[str] = set()

    async def read(self, stream: asyncio.StreamReader | None) -> None:
        """Pass on what comes, until there is no more."""
        while stream is not None:
            try:
                line = await stream.readuntil()
            except asyncio.LimitOverrunError as error:
                line = await stream.readexactly(error.consumed) + b"\n"
            except asyncio.IncompleteReadError as error:
                if error.partial:
                    self._print(error.partial)
                return
            self._print(line)

    @property
    def heap_was_full(self) -> bool:
        """Whether V8 said that it gave up."""
        return any(_FULL.search(line) for line in self._last_lines)

    def reason(self) -> tuple[str, str]:
        """The line that says why the process ended, and the class of the error it names, if any."""
        for line in reversed(self._last_lines):
            if found := _ERROR.match(line):
                return found[1], found[2] if found[2].endswith("Error") else ""
        return (self._last_lines[-1] if self._last_lines else ""), ""

    def _print(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if not text or text.startswith(_ADVICE):
            return
        self._last_lines.append(text)
        self._write(text)
        refused = _REFUSED.search(text)
        if refused and refused[1] not in self._refused:
            self._refused.add(refused[1])
            name = self._function
            self._write(
                f"{name} may not reach {refused[1]}; name it in allow_hosts of [functions.{name}]"
            )
