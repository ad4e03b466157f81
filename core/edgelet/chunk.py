"""One piece of a model's answer, the same for every dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of an answer; an answer that was not streamed is a single chunk.

    `text` is the model's text (empty in chunks that carry none), `thinking` its reasoning where the
    server sends it apart. `tool_calls` are the server's own objects (whole ones from Ollama, deltas
    from OpenAI-compatible servers). `finish_reason` is None until the model ends: `"stop"`,
    `"length"`, `"tool_calls"` or another word of the server's. `prompt_tokens` and
    `completion_tokens` are None unless the server counted. `raw` is the chunk as it came.
    """

    text: str
    thinking: str = ""
    tool_calls: tuple[Any, ...] = ()
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)
