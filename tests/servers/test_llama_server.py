"""llama.cpp's real server, as the tests of edgelet use it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.servers.llama_server import CONTEXT, MODEL, start_llama_server
from tests.servers.tiny_gguf import write_tiny_gguf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HELLO = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with start_llama_server() as url:
        yield url


def complete(url: str, **fields: Any) -> httpx2.Response:
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 4, **fields}
    return httpx2.post(f"{url}/v1/chat/completions", json=body)


def test_the_model_is_small_and_always_the_same(tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "a.gguf")
    write_tiny_gguf(tmp_path / "b.gguf")
    first, second = (tmp_path / "a.gguf").read_bytes(), (tmp_path / "b.gguf").read_bytes()
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()
    assert 400_000 < len(first) < 600_000


def test_the_server_lists_its_model(url: str) -> None:
    assert httpx2.get(f"{url}/v1/models").json()["data"][0]["id"] == MODEL


def test_a_stream_is_server_sent_events_up_to_done(url: str) -> None:
    answer = complete(url, stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"] == "text/event-stream"
    *events, done, rest = answer.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    texts = [chunk["choices"][0]["delta"]["content"] for chunk in chunks[1:-2]]
    assert [len(text) for text in texts] == [1, 1, 1, 1]
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 4


def test_without_stream_the_answer_is_one_object(url: str) -> None:
    answer = complete(url).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 4


def test_a_bad_request_is_an_error_object(url: str) -> None:
    answer = complete(url, messages="hi", stream=True)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {
            "code": 400,
            "message": "Expected 'messages' to be an array",
            "type": "invalid_request_error",
        }
    }


def test_a_prompt_over_the_context_is_an_error_object(url: str) -> None:
    answer = complete(url, messages=[{"role": "user", "content": "x" * 2 * CONTEXT}])
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "exceed_context_size_error"


def test_a_server_can_be_stopped_as_soon_as_it_runs() -> None:
    with start_llama_server() as url:
        assert url.startswith("http://127.0.0.1:")
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)
