"""Calls of a session as JSON, from another language: understood, answered, streamed, refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from edgelet.asked import AskedStream, asked_steps, embeddings_facts, error_facts
from edgelet.drive import clock, drive
from edgelet.embedding import Embeddings
from edgelet.errors import InferenceHostError, OptionError
from edgelet.testing import FakeHost


def asked(method: str, model: str, prompt: object, **options: Any) -> dict[str, Any]:
    return {"method": method, "model": model, "session": {}, "prompt": prompt, "options": options}


async def answer(call: dict[str, Any], progress: Any = None) -> Any:
    host = FakeHost(reply="Hello there")
    return await drive(asked_steps(call, clock(), progress), host)


@pytest.mark.parametrize("method", ["run", "embed"])
async def test_texts_become_embeddings(method: str) -> None:
    embeddings = await answer(asked(method, "gte-small", ["a cat", "a longer text"]))

    assert isinstance(embeddings, Embeddings)
    facts = json.loads(json.dumps(embeddings_facts(embeddings)))
    assert facts["card"]["model"] == "gte-small"
    assert facts["pooled"] is True
    assert facts["token_counts"] == [4, 5]
    assert facts["truncated"] == []


async def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    call = asked("embed", "gte-small", ["a", "b", "c"])

    await answer(call, progress=lambda done, total: told.append((done, total)))

    assert told[-1] == (3, 3)


async def test_run_gives_the_servers_own_object_and_generate_a_chunk() -> None:
    raw = await answer(asked("run", "mistral", "Hi"))
    chunk = await answer(asked("generate", "mistral", "Hi"))

    assert raw["response"] == "Hello there"
    assert chunk["text"] == "Hello there"
    json.dumps([raw, chunk])


@pytest.mark.parametrize(("method", "field"), [("run", "response"), ("generate", "text")])
async def test_a_stream_brings_all_of_them_and_ends(method: str, field: str) -> None:
    host = FakeHost(reply="Hello there")
    stream = await drive(asked_steps(asked(method, "mistral", "Hi", stream=True), clock()), host)
    assert isinstance(stream, AskedStream)

    said, ended = "", False
    while not ended:
        burst = await drive(stream.receive(), host)
        said += "".join(chunk[field] for chunk in burst.chunks)
        ended = burst.ended
    assert said == "Hello there"


async def test_a_stream_may_be_left() -> None:
    host = FakeHost(reply="Hello there")
    stream = await drive(asked_steps(asked("run", "mistral", "Hi", stream=True), clock()), host)

    await drive(stream.close(), host)

    assert host.closed == 1


async def test_what_session_refuses_is_refused() -> None:
    with pytest.raises(OptionError, match="unknown mode"):
        await answer(asked("run", "mistral", "Hi", mode="olama"))


def test_an_error_is_told_with_its_plain_attributes() -> None:
    assert error_facts(InferenceHostError(503, "busy", body="…")) == {
        "name": "InferenceHostError",
        "message": "the inference host answered 503: busy",
        "status": 503,
        "server_message": "busy",
        "body": "…",
    }


def test_asked_steps_need_no_host() -> None:
    steps = asked_steps(asked("run", "mistral", "Hi"), 0.0)
    assert asyncio.run(drive(steps, FakeHost(reply="Hello")))["response"] == "Hello"
