"""What inference hosts speak: request out, chunks in, as pure functions of bytes and values.

A dialect module has `FIELDS` (the request fields that may be given by keyword), `request` (a prompt
becomes a path and a body), `Reader` (a streamed body becomes raw chunks and says whether the answer
was complete) and `chunk` (a raw chunk becomes a `Chunk`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from edgelet.chunk import Chunk
from edgelet.dialects import ollama, openai

Mode = Literal["ollama", "openaicompatible"]
"""Supabase's names of the two dialects."""
MODES: tuple[Mode, ...] = get_args(Mode)


class Reader(Protocol):
    """Reads one response body. Errors of the server or of its bytes are raised where they stand."""

    succeeded: bool
    """A finish reason, `done: true` or `[DONE]` was seen."""
    complete: bool
    """Nothing more will come; the rest of the body need not be read."""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The raw chunks that `data` completes."""
        ...

    def finish(self) -> Iterator[dict[str, Any]]:
        """The raw chunks that the end of the body completes."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """The four parts of a dialect module, as one value."""

    fields: frozenset[str]
    request: Callable[[str, object, Mapping[str, Any], bool], tuple[str, dict[str, Any]]]
    reader: Callable[[str, int], Reader]
    chunk: Callable[[dict[str, Any]], Chunk]


DIALECTS: dict[Mode, Dialect] = {
    "ollama": Dialect(ollama.FIELDS, ollama.request, ollama.Reader, ollama.chunk),
    "openaicompatible": Dialect(openai.FIELDS, openai.request, openai.Reader, openai.chunk),
}
