"""What an answer is: chunks, the rule for success, and errors in their place."""

from __future__ import annotations

import pytest

from edgelet import (
    ConnectionFailed,
    InferenceHostError,
    ProtocolError,
)
from edgelet.effects import TransportFailed
from edgelet.generation import INCOMPLETE
from edgelet.testing import FakeHost, FakeResponse
from tests.core.slow_host import SESSION, SSE, collect, line


async def test_chunks_before_an_error_in_the_same_bytes_still_arrive() -> None:
    with FakeHost(responses=[FakeResponse([line("a") + line("b") + b"}{"])]) as host:
        chunks, error = await collect()

    assert [chunk["response"] for chunk in chunks] == ["a", "b"]
    assert isinstance(error, ProtocolError)
    assert host.closed == 1


async def test_what_follows_the_last_chunk_is_not_read() -> None:
    response = FakeResponse([line("a"), line("b", done=True) + b"garbage", b"more garbage"])
    with FakeHost(responses=[response]) as host:
        chunks, error = await collect()

    assert (len(chunks), error, host.closed) == (2, None, 1)


async def test_a_stream_without_success_ends_with_supabases_words() -> None:
    with FakeHost(responses=[FakeResponse([line("a")])]):
        chunks, error = await collect()

    assert len(chunks) == 1
    assert str(error) == INCOMPLETE


async def test_a_connection_lost_after_success_is_success() -> None:
    finish = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    lost = TransportFailed("exchange", "reset")
    with FakeHost(responses=[FakeResponse([finish, lost], headers=SSE)]) as host:
        chunks, error = await collect(mode="openaicompatible")

    assert (len(chunks), error, host.closed) == (1, None, 1)


async def test_a_connection_lost_before_success_is_an_error_that_names_the_host_only() -> None:
    response = FakeResponse([line("a"), TransportFailed("exchange", "reset by peer")])
    with FakeHost(responses=[response], env={"AI_INFERENCE_API_HOST": "http://h/secret-path"}):
        _, error = await collect()

    assert isinstance(error, ConnectionFailed)
    assert str(error) == (
        "the connection to the inference host at http://h was lost before the answer was complete "
        "(reset by peer)"
    )


async def test_an_empty_answer_is_an_error() -> None:
    with FakeHost(responses=[FakeResponse()]), pytest.raises(ProtocolError, match="empty answer"):
        await SESSION.run("Why?")


async def test_a_stream_where_one_object_was_asked_for_is_an_error() -> None:
    response = FakeResponse([line("a"), line("b"), line("c", done=True)])
    with FakeHost(responses=[response]) as host, pytest.raises(ProtocolError, match="a stream of"):
        await SESSION.run("Why?")

    assert host.closed == 1


async def test_a_json_value_that_is_no_object_is_an_error() -> None:
    with (
        FakeHost(responses=[FakeResponse([b"[1]\n"])]),
        pytest.raises(ProtocolError, match=r"expected a JSON object .* got \[1\]"),
    ):
        await SESSION.run("Why?")


async def test_a_loading_answer_without_text_is_an_answer() -> None:
    with FakeHost(responses=[FakeResponse([b'{"done": true, "done_reason": "load"}'])]):
        assert (await SESSION.generate({"prompt": ""})).finish_reason == "load"


async def test_a_refused_connection_says_what_to_check() -> None:
    with (
        FakeHost(responses=[TransportFailed("connect", "connection refused")]),
        pytest.raises(ConnectionFailed, match=r"http://fake.invalid \(connection refused\); check"),
    ):
        await SESSION.run("Why?")


async def test_an_error_body_that_does_not_end_is_cut() -> None:
    response = FakeResponse([b"x" * 70_000, b"y"], status=500)
    with FakeHost(responses=[response]) as host, pytest.raises(InferenceHostError) as caught:
        await SESSION.run("Why?")

    assert len(caught.value.body) == 2000 + len("…")
    assert host.closed == 1


async def test_an_error_body_that_is_lost_leaves_the_status() -> None:
    response = FakeResponse([TransportFailed("exchange", "reset")], status=500)
    with FakeHost(responses=[response]), pytest.raises(InferenceHostError) as caught:
        await SESSION.run("Why?")

    assert str(caught.value) == "the inference host answered 500: no message"


async def test_the_fake_host_can_reply_by_the_request_and_runs_out_in_words() -> None:
    with FakeHost(reply=lambda body: body["prompt"].upper()):
        assert (await SESSION.generate("why")).text == "WHY"
    with FakeHost(responses=[]), pytest.raises(ConnectionFailed, match="no response left"):
        await SESSION.run("Why?")


async def test_nothing_after_done_is_read_even_from_the_same_bytes() -> None:
    finish = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
    body = finish + b"data: [DONE]\n\ndata: garbage\n\n"
    with FakeHost(responses=[FakeResponse([body], headers=SSE)]):
        chunks, error = await collect(mode="openaicompatible")

    assert (len(chunks), error) == (1, None)
