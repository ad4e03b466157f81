"""Prints a language model's answer for a person, piece by piece, as it comes."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from edgelet.chunk import Chunk
from edgelet_host.cli.console import messages, on_terminal, printable, say


class AnswerPrinter:
    """The text goes to stdout; the reasoning, if a person watches, and the end's reason to stderr.

    Leaving it ends the last line, also where the answer broke off: an error has a line of its own.
    """

    def __init__(self) -> None:
        self._on_terminal = on_terminal()
        self._began = False
        self._line_is_open = False
        self._is_thinking = False
        self._finish_reason: str | None = None

    def print(self, chunk: Chunk) -> None:
        """Print one piece."""
        self._finish_reason = chunk.finish_reason or self._finish_reason
        if chunk.thinking:
            self._think(chunk.thinking)
        if chunk.text:
            self._write(chunk.text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_thinking()
        if isinstance(error, BrokenPipeError):
            return
        if self._line_is_open or (error is None and not self._began):
            sys.stdout.write("\n")
            sys.stdout.flush()
        if error is None and self._finish_reason not in (None, "stop"):
            say(f"finish reason: {self._finish_reason}")

    def _write(self, text: str) -> None:
        self._end_thinking()
        self._began = True
        self._line_is_open = not text.endswith("\n")
        sys.stdout.write(printable(text) if self._on_terminal else text)
        sys.stdout.flush()

    def _think(self, text: str) -> None:
        console = messages()
        if console.is_terminal:
            self._is_thinking = True
            console.print(printable(text), style="dim", end="", soft_wrap=True)

    def _end_thinking(self) -> None:
        if self._is_thinking:
            self._is_thinking = False
            messages().print()
