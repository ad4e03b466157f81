"""Standard output and error of a function: text that the host is given as it is written."""

from __future__ import annotations

import io
from typing import Any

from edgelet_guest.host import sendable


class Console(io.TextIOBase):
    """A text stream to `console` of `world.wit`. Whole lines cross together."""

    encoding = "utf-8"

    def __init__(self, console: Any, stream: str) -> None:
        self._console = console
        self._stream = stream
        self._pending: list[str] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Keep the text until its line is complete."""
        self._pending.append(text)
        if "\n" in text or len(self._pending) > 1000:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what is kept."""
        if self._pending:
            text, self._pending = "".join(self._pending), []
            self._console.write(self._stream, sendable(text))
