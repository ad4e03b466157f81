"""The OpenAI-compatible dialect: `/v1/chat/completions`, server-sent events back.

Ollama, llama.cpp, llamafile, vLLM, SGLang, Azure and OpenRouter all speak it, each with an accent:
no `[DONE]`, errors under status 200, an SSE field named `error`, empty `choices`, usage after the
finish chunk, one JSON object where a stream was asked for. All of these are read.

Source: OpenAI API reference, "Create chat completion" and "Streaming".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgelet.chunk import Chunk
from edgelet.decoders.json_value import parse_json
from edgelet.decoders.ndjson import NDJSONDecoder
from edgelet.decoders.sse import ServerSentEvent, SSEDecoder
from edgelet.dialects.fields import count, items, text
from edgelet.dialects.messages import chat_body
from edgelet.dialects.server_error import message_in, raise_error_in
from edgelet.errors import InferenceHostError, OptionError, ProtocolError

FIELDS = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
    }
)
"""Request fields that may be given by keyword; a dict prompt may carry any others."""


def request(
    model: str, prompt: object, fields: Mapping[str, Any], stream: bool
) -> tuple[str, dict[str, Any]]:
    """Path and body for a prompt.

    A string is one user message; a list holds messages; a dict is the body of a chat completion.
    Raises `OptionError` for other prompts.

    >>> request("tiny", "Why?", {}, False)[1]["messages"]
    [{'role': 'user', 'content': 'Why?'}]
    """
    own = chat_body([{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt)
    if own is None:
        raise OptionError(
            "expected a prompt string, a list of messages such as "
            '{"role": "user", "content": "…"}, or a chat completion body with "messages"'
        )
    return "/v1/chat/completions", {"model": model, **fields, **own, "stream": stream}


class Reader:
    """Reads an answer: server-sent events, or plain JSON if the content type says so."""

    def __init__(self, content_type: str, limit: int) -> None:
        self._events = SSEDecoder(limit) if "event-stream" in content_type else None
        self._values = NDJSONDecoder(limit)
        self.succeeded = False
        self.complete = False

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """See `edgelet.dialects.Reader.feed`."""
        if self._events is None:
            return map(self._read_value, self._values.feed(data))
        return self._read_events(self._events.feed(data))

    def finish(self) -> Iterator[dict[str, Any]]:
        """See `edgelet.dialects.Reader.finish`."""
        if self._events is None:
            return map(self._read_value, self._values.finish())
        return self._read_events(self._events.finish())

    def _read_events(self, events: list[ServerSentEvent]) -> Iterator[dict[str, Any]]:
        for event in events:
            if self.complete:
                return
            if event.error:
                raise InferenceHostError(200, message_in(_json_or_text(event.error)))
            if event.data == "[DONE]":
                self.succeeded = self.complete = True
            elif event.event == "error":
                raise InferenceHostError(200, message_in(_json_or_text(event.data)))
            else:
                yield self._read_value(parse_json(event.data))

    def _read_value(self, value: object) -> dict[str, Any]:
        raw = raise_error_in(value)
        for choice in items(raw.get("choices")):
            if isinstance(choice, dict) and choice.get("finish_reason") is not None:
                self.succeeded = True
        return raw


def chunk(raw: dict[str, Any]) -> Chunk:
    """A chat completion, or one chunk of it, as a `Chunk`; of several choices the first."""
    choices = items(raw.get("choices"))
    choice = choices[0] if choices and isinstance(choices[0], dict) else {}
    message = choice.get("delta") or choice.get("message")
    if not isinstance(message, dict):
        message = {}
    usage = raw.get("usage")
    if not isinstance(usage, dict):
        usage = {}
    return Chunk(
        text=text(message.get("content")),
        thinking=text(message.get("reasoning_content")) or text(message.get("reasoning")),
        tool_calls=items(message.get("tool_calls")),
        finish_reason=text(choice.get("finish_reason")) or None,
        prompt_tokens=count(usage.get("prompt_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
        raw=raw,
    )


def _json_or_text(value: str) -> object:
    try:
        return parse_json(value)
    except ProtocolError:
        return value
