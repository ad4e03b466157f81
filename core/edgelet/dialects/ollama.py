"""The dialect of Ollama: `/api/generate` for a prompt, `/api/chat` for messages; NDJSON back.

Source: Ollama's API documentation, "Generate a completion" and "Generate a chat completion".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgelet.chunk import Chunk
from edgelet.decoders.ndjson import NDJSONDecoder
from edgelet.dialects.fields import count, items, text
from edgelet.dialects.messages import chat_body
from edgelet.dialects.server_error import raise_error_in
from edgelet.errors import OptionError

FIELDS = frozenset(
    {
        "context",
        "format",
        "images",
        "keep_alive",
        "logprobs",
        "options",
        "raw",
        "suffix",
        "system",
        "template",
        "think",
        "tools",
        "top_logprobs",
    }
)
"""Request fields that may be given by keyword; a dict prompt may carry any others."""


def request(
    model: str, prompt: Any, fields: Mapping[str, Any], stream: bool
) -> tuple[str, dict[str, Any]]:
    """Path and body for a prompt.

    A string goes to `/api/generate`; a list of messages, one message, or a dict with `messages` to
    `/api/chat`; a dict with `prompt` to `/api/generate`. Everything else in a dict is passed
    through. Raises `OptionError` for other prompts.

    >>> request("mistral", "Why?", {"system": "Be brief"}, True)
    ('/api/generate', {'model': 'mistral', 'system': 'Be brief', 'prompt': 'Why?', 'stream': True})
    """
    own: dict[str, Any] | None
    match prompt:
        case str():
            path, own = "/api/generate", {"prompt": prompt}
        case {"prompt": _}:
            path, own = "/api/generate", dict(prompt)
        case _:
            path, own = "/api/chat", chat_body(prompt)
    if own is None:
        raise OptionError(
            "expected a prompt string, a list of messages such as "
            '{"role": "user", "content": "…"}, or a dict with "messages" or "prompt"'
        )
    return path, {"model": model, **fields, **own, "stream": stream}


class Reader:
    """Reads an answer: one JSON object, or a stream of them that ends with `done: true`."""

    def __init__(self, content_type: str, limit: int) -> None:
        del content_type  # Ollama labels one object and a stream of them apart; both read alike
        self._decoder = NDJSONDecoder(limit)
        self.succeeded = False
        self.complete = False

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """See `edgelet.dialects.Reader.feed`."""
        return map(self._read, self._decoder.feed(data))

    def finish(self) -> Iterator[dict[str, Any]]:
        """See `edgelet.dialects.Reader.finish`."""
        return map(self._read, self._decoder.finish())

    def _read(self, value: object) -> dict[str, Any]:
        raw = raise_error_in(value)
        if raw.get("done") is True:
            self.succeeded = self.complete = True
        return raw


def chunk(raw: dict[str, Any]) -> Chunk:
    """A raw object of either endpoint as a `Chunk`."""
    message = raw.get("message")
    if not isinstance(message, dict):
        message = raw
    return Chunk(
        text=text(message.get("content", message.get("response"))),
        thinking=text(message.get("thinking")),
        tool_calls=items(message.get("tool_calls")),
        finish_reason=(text(raw.get("done_reason")) or "stop") if raw.get("done") is True else None,
        prompt_tokens=count(raw.get("prompt_eval_count")),
        completion_tokens=count(raw.get("eval_count")),
        raw=raw,
    )
