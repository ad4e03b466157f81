"""Raw objects of both dialects, and the shapes in which their errors come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgelet import (
    InferenceHostError,
)
from edgelet.chunk import Chunk
from edgelet.dialects import ollama, openai
from edgelet.dialects.server_error import message_in
from edgelet.testing import FakeHost, FakeResponse
from tests.core.slow_host import SESSION, SSE, collect


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "text"),
        ({"error": "text"}, "text"),
        ({"error": {"message": "text", "code": 1}}, "text"),
        ({"error": {"error": {"message": "text"}}}, "text"),
        ({"object": "error", "message": "text"}, "text"),
        ({"detail": "text"}, "text"),
        ({"detail": [{"msg": "field required"}]}, "[{'msg': 'field required'}]"),
        ({"error": {"code": 7}}, "{'code': 7}"),
        (["odd"], "['odd']"),
    ],
)
def test_the_servers_words_are_found_in_every_shape(value: object, message: str) -> None:
    assert message_in(value) == message


@pytest.mark.parametrize(
    ("raw", "chunk"),
    [
        ({"response": "a", "done": False}, Chunk("a")),
        ({"response": 1}, Chunk("")),
        ({"response": "", "done": True}, Chunk("", finish_reason="stop")),
        (
            {
                "message": {"content": "a", "thinking": "hm", "tool_calls": [{"function": {}}]},
                "done": True,
                "done_reason": "length",
                "prompt_eval_count": 3,
                "eval_count": 4,
            },
            Chunk("a", "hm", ({"function": {}},), "length", 3, 4),
        ),
        ({"message": "odd"}, Chunk("")),
    ],
)
def test_an_ollama_object_as_a_chunk(raw: dict[str, Any], chunk: Chunk) -> None:
    got = ollama.chunk(raw)

    assert (got.text, got.thinking, got.tool_calls, got.finish_reason) == (
        chunk.text,
        chunk.thinking,
        chunk.tool_calls,
        chunk.finish_reason,
    )
    assert (got.prompt_tokens, got.completion_tokens) == (
        chunk.prompt_tokens,
        chunk.completion_tokens,
    )
    assert got.raw is raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"choices": []}, ("", "", (), None, None)),
        ({"choices": ["odd"], "usage": "odd"}, ("", "", (), None, None)),
        ({"choices": [{"delta": "odd"}]}, ("", "", (), None, None)),
        ({"choices": [{"delta": {"content": None}}]}, ("", "", (), None, None)),
        ({"choices": [{"delta": {"reasoning": "hm"}}]}, ("", "hm", (), None, None)),
        ({"choices": [{"delta": {"reasoning_content": "hm"}}]}, ("", "hm", (), None, None)),
        (
            {
                "choices": [
                    {"message": {"content": "a", "tool_calls": [1]}, "finish_reason": "length"}
                ],
                "usage": {"prompt_tokens": True, "completion_tokens": 4},
            },
            ("a", "", (1,), "length", 4),
        ),
    ],
)
def test_an_openai_object_as_a_chunk(raw: dict[str, Any], expected: tuple[Any, ...]) -> None:
    got = openai.chunk(raw)

    assert (
        got.text,
        got.thinking,
        got.tool_calls,
        got.finish_reason,
        got.completion_tokens,
    ) == expected
    assert got.prompt_tokens is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"event: error\ndata: plain words\n\n", "plain words"),
        (b'event: error\ndata: {"message": "in JSON"}\n\n', "in JSON"),
        (b'error: {"message": "own field"}\n\n', "own field"),
        (b'data: {"object": "error", "message": "vllm"}\n\n', "vllm"),
    ],
)
async def test_an_error_inside_a_stream_keeps_the_servers_words(body: bytes, message: str) -> None:
    with FakeHost(responses=[FakeResponse([body], headers=SSE)]):
        chunks, error = await collect(mode="openaicompatible")

    assert chunks == []
    assert isinstance(error, InferenceHostError)
    assert (error.status, error.server_message) == (200, message)


async def test_a_single_message_is_a_conversation() -> None:
    with FakeHost(reply="a") as host:
        await SESSION.run({"role": "user", "content": "Why?"})
        await SESSION.run({"role": "user", "content": "Why?"}, mode="openaicompatible")
        await SESSION.run({"prompt": "Why?", "system": "Be brief", "model": "other"})

    chat, completion, generate = (json.loads(request.body) for request in host.requests)
    assert chat["messages"] == completion["messages"] == [{"role": "user", "content": "Why?"}]
    assert (generate["prompt"], generate["system"], generate["model"]) == (
        "Why?",
        "Be brief",
        "other",
    )


async def test_an_answer_in_json_may_lack_its_last_newline() -> None:
    body = b'{"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}'
    with FakeHost(responses=[FakeResponse([body], headers={"content-type": "application/json"})]):
        answer = await SESSION.run("Why?", mode="openaicompatible")

    assert answer["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("mode", [None, ""])
async def test_no_mode_is_the_default_mode(mode: Any) -> None:
    with FakeHost(reply="a"):
        assert (await SESSION.generate("Why?", mode=mode)).text == "a"


@pytest.mark.parametrize("error", ["", False, {}, None])
async def test_an_empty_error_beside_an_answer_is_none(error: object) -> None:
    answer = {"response": "a", "done": True, "error": error}
    with FakeHost(responses=[FakeResponse([json.dumps(answer).encode()])]):
        assert (await SESSION.run("Why?"))["response"] == "a"
