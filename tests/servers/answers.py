"""What Ollama and OpenAI-compatible servers answer, as values and as scripts.

Values and scripts are lists, so that a test can cut, repeat and break them:

    ndjson(*ollama_generate("Hel", "lo"))                  # a whole answer
    [*ndjson(*ollama_generate("Hel", "lo"))[:2], Stall()]  # a server that hangs after one chunk
"""

from __future__ import annotations

import json
from typing import Any

from tests.servers.steps import Body, Head, Step

CREATED_AT = "2026-11-20T10:00:00.123456789Z"


def ollama_generate(
    *texts: str, model: str = "tiny", done_reason: str = "stop"
) -> list[dict[str, Any]]:
    """The chunks of `/api/generate`: one for each text, then the one that is done."""
    common = {"model": model, "created_at": CREATED_AT}
    return [
        *({**common, "response": text, "done": False} for text in texts),
        {**common, "response": "", **_ollama_end(done_reason, len(texts))},
    ]


def ollama_chat(
    *texts: str, model: str = "tiny", done_reason: str = "stop"
) -> list[dict[str, Any]]:
    """The chunks of `/api/chat`: one for each text, then the one that is done."""
    common = {"model": model, "created_at": CREATED_AT}
    messages = [{"role": "assistant", "content": text} for text in (*texts, "")]
    return [
        *({**common, "message": message, "done": False} for message in messages[:-1]),
        {**common, "message": messages[-1], **_ollama_end(done_reason, len(texts))},
    ]


def openai_chunks(
    *texts: str, model: str = "tiny", finish_reason: str = "stop", usage: bool = False
) -> list[dict[str, Any] | str]:
    """The events of a streamed chat completion: role, texts, finish, perhaps usage, `[DONE]`."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text} for text in texts]
    chunks = [_openai_chunk(model, [_choice(delta, None)]) for delta in deltas]
    chunks.append(_openai_chunk(model, [_choice({}, finish_reason)]))
    if usage:
        chunks.append({**_openai_chunk(model, []), "usage": _usage(len(texts))})
    return [*chunks, "[DONE]"]


def openai_completion(
    text: str, model: str = "tiny", finish_reason: str = "stop"
) -> dict[str, Any]:
    """The body of a chat completion that is not streamed."""
    message = {"role": "assistant", "content": text}
    return {
        **_openai_chunk(model, [{"index": 0, "message": message, "finish_reason": finish_reason}]),
        "object": "chat.completion",
        "usage": _usage(1),
    }


def ndjson(*values: Any, piece: int | None = None) -> list[Step]:
    """A script that streams values as Ollama does; `piece=1` sends them byte by byte."""
    lines = [json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values]
    return [
        Head(headers={"content-type": "application/x-ndjson"}),
        *(Body(line, piece) for line in lines),
    ]


def sse(*events: Any, piece: int | None = None) -> list[Step]:
    """A script that streams events as OpenAI does; a string is sent as it is, a value as JSON."""
    texts = [
        event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        for event in events
    ]
    return [
        Head(headers={"content-type": "text/event-stream"}),
        *(Body(f"data: {text}\n\n".encode(), piece) for text in texts),
    ]


def json_answer(value: Any, status: int = 200) -> list[Step]:
    """A script that answers with one JSON value."""
    body = json.dumps(value, ensure_ascii=False).encode()
    headers = {"content-type": "application/json; charset=utf-8"}
    return [Head(status, headers, framing=len(body)), Body(body)]


def _ollama_end(done_reason: str, count: int) -> dict[str, Any]:
    durations = {
        "total_duration": 5_000_000,
        "load_duration": 1_000_000,
        "eval_duration": 3_000_000,
    }
    return {
        "done": True,
        "done_reason": done_reason,
        **durations,
        "prompt_eval_count": 7,
        "eval_count": count,
    }


def _openai_chunk(model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": model,
        "choices": choices,
    }


def _choice(delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _usage(count: int) -> dict[str, int]:
    return {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
