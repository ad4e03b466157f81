"""Generation against a real llama.cpp server: real events, real tokens, real errors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from edgelet import InferenceHostError, Session, SyncSession, use_host
from edgelet_host.native import NativeHost
from tests.servers.llama_server import start_llama_server

MODE = "openaicompatible"
MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with start_llama_server() as url, use_host(NativeHost()):
        yield url


async def test_a_whole_answer_has_text_a_reason_and_counts(url: str) -> None:
    chunk = await Session("tiny", host=url).generate(MESSAGES, mode=MODE, max_tokens=8, seed=1)

    assert chunk.text
    assert chunk.finish_reason == "length"
    assert chunk.completion_tokens == 8
    assert chunk.prompt_tokens is not None
    assert chunk.raw["object"] == "chat.completion"


async def test_a_streamed_answer_is_the_whole_answer_in_pieces(url: str) -> None:
    session = Session("tiny", host=url)
    fields = {"max_tokens": 24, "seed": 7, "temperature": 0.0}

    whole = await session.generate(MESSAGES, mode=MODE, **fields)
    stream = await session.generate(MESSAGES, mode=MODE, stream=True, **fields)
    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert chunks[-1].finish_reason == whole.finish_reason == "length"
    assert len([chunk for chunk in chunks if chunk.text]) > 1


async def test_usage_after_the_finish_is_passed_through(url: str) -> None:
    stream = await Session("tiny", host=url).generate(
        MESSAGES, mode=MODE, stream=True, max_tokens=4, stream_options={"include_usage": True}
    )

    chunks = [chunk async for chunk in stream]

    assert chunks[-1].completion_tokens == 4
    assert chunks[-1].raw["choices"] == []


async def test_a_string_is_one_user_message(url: str) -> None:
    answer = await Session("tiny", host=url).run("Why?", mode=MODE, max_tokens=2)

    assert answer["choices"][0]["message"]["role"] == "assistant"


async def test_the_servers_own_words_are_kept(url: str) -> None:
    with pytest.raises(InferenceHostError, match="exceeds the available context size") as caught:
        await Session("tiny", host=url).run("word " * 2000, mode=MODE)

    assert caught.value.status == 400


async def test_a_stream_left_early_frees_the_server(url: str) -> None:
    session = Session("tiny", host=url)
    for _ in range(6):  # three times as many as the server answers at once
        async with await session.run("Go on", mode=MODE, stream=True) as stream:
            await anext(stream)

    answer = await asyncio.wait_for(session.generate("Hi", mode=MODE, max_tokens=1), 20)

    assert answer.completion_tokens == 1


def test_a_script_streams_without_await(url: str) -> None:
    with SyncSession("tiny", host=url) as session:
        text = "".join(
            chunk.text for chunk in session.generate("Hi", mode=MODE, stream=True, max_tokens=6)
        )

    assert text
