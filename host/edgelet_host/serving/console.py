"""What whoever runs the server reads: what functions print, what fails, and who asked for what.

One line each, on standard error, without control characters, and without what a request carries: a
query and a header may hold secrets.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from edgelet.errors import EdgeletError
from edgelet_host.sandbox.errors import FunctionFailed, FunctionNotBooted
from edgelet_host.sandbox.exchange import Printed

_LONGEST = 8192
"""Characters of one line; the rest is dropped, and said so."""


class Console:
    """Writes lines by `write`.

    `requests` says whether each request is a line, too, `named` whether a line of a function's
    begins with its name.
    """

    def __init__(
        self,
        write: Callable[[str], object] | None = None,
        *,
        requests: bool = True,
        named: bool = True,
    ) -> None:
        self._named = named
        self._write = write or _to_stderr
        self._requests = requests

    def note(self, sentence: str) -> None:
        """A sentence of the server's own."""
        self._line(sentence)

    def printed(self, printed: Printed) -> None:
        """What a function in the sandbox printed."""
        self.output(printed.function, printed.text)

    def output(self, function: str, text: str) -> None:
        """What a function printed."""
        for line in text.splitlines():
            self._line(f"[{function}] {line}" if self._named else line)

    def failure(self, function: str, failure: EdgeletError) -> None:
        """Why a function gave no answer, or not all of it."""
        if isinstance(failure, FunctionFailed | FunctionNotBooted):
            lines = failure.traceback.strip().split("\n")
            if len(lines) > 1:  # a single one is in the sentence
                self.output(function, failure.traceback)
        self._line(f"[{function}] {failure}" if function else str(failure))

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request that was answered, or whose client left."""
        if self._requests:
            self._line(f"{method} {path} {status} {seconds * 1000:.0f} ms")

    def _line(self, text: str) -> None:
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}… ({len(text)} characters)"
        if not text.isprintable():
            text = "".join(
                each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}"
                for each in text
            )
        self._write(f"{text}\n")


def _to_stderr(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()
