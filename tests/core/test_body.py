"""What requests and responses carry, however it is given and read."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgelet import EdgeletError, OptionError, Request, Response
from tests.core.bodies import arriving, post

CHUNKS = st.lists(st.one_of(st.binary(), st.text(st.characters(codec="utf-8"))))


@given(CHUNKS)
async def test_however_a_body_is_cut_it_reads_the_same(chunks: list[Any]) -> None:
    whole = b"".join(chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks)

    assert await post(arriving(*chunks)).bytes() == whole
    assert await Response.stream(chunks).bytes() == whole
    assert await Response(whole).bytes() == whole
    async for chunk in Response.stream(arriving(*chunks)).body:
        assert type(chunk) is bytes
        assert chunk


async def test_bytes_of_every_kind_are_copied() -> None:
    changing = bytearray(b"abc")
    response = Response(changing)
    changing[0] = 0

    assert await response.bytes() == b"abc"
    assert await Response(memoryview(b"abc")).bytes() == b"abc"
    assert await Response.stream([bytearray(b"a"), memoryview(b"b")]).bytes() == b"ab"


async def test_text_is_utf_8_whatever_arrives() -> None:
    assert await Response(b"\xef\xbb\xbfcaf\xc3\xa9 \xff").text() == "café \ufffd"
    assert await Response("a\ud800b").text() == "a\ufffdb"
    assert await Response.stream(arriving(b"\xc3", b"\xa9")).text() == "é"


async def test_json_is_read_from_requests_and_responses() -> None:
    assert await post('\ufeff{"a": [1, null]}').json() == {"a": [1, None]}
    assert await Response(b"5").json() == 5


@pytest.mark.parametrize("body", ["", "{", "NaN", "[-Infinity]", "[" * 100_000, "1" * 5000])
async def test_what_is_no_json_is_refused(body: str) -> None:
    with pytest.raises(OptionError, match="the body is not JSON: "):
        await post(body).json()


@pytest.mark.parametrize("body", [b"abc", "abc", b""])
async def test_a_body_is_read_once(body: Any) -> None:
    for message in (post(body), Response(body)):
        assert not message.body_used
        await message.text()
        assert message.body_used
        for again in (message.bytes, message.text, message.json):
            with pytest.raises(EdgeletError, match="this body has been read already"):
                await again()


async def test_a_body_that_was_begun_cannot_be_begun_again() -> None:
    response = Response.stream(arriving(b"a", b"b", b"c"))
    body, other = response.body, response.body
    assert not response.body_used
    assert await anext(body) == b"a"
    assert response.body_used
    with pytest.raises(EdgeletError, match="read already"):
        await anext(other)
    await other.aclose()
    assert [chunk async for chunk in body] == [b"b", b"c"]
    assert [chunk async for chunk in body] == []


async def test_no_body_is_empty_and_never_used() -> None:
    for message in (Request("http://localhost/"), Response(), Response(status=204)):
        for _ in range(2):
            assert await message.text() == ""
        assert [chunk async for chunk in message.body] == []
        await message.aclose()
        assert not message.body_used


async def test_a_host_sees_whether_a_body_is_whole() -> None:
    response = Response("Hello")
    assert (response.whole, response.body_used) == (b"Hello", False)
    await response.text()
    assert response.whole is None
    assert Response().whole == b""
    assert Response(arriving("Hello")).whole is None


@pytest.mark.parametrize("chunk", [5, None, ["a"]])
async def test_a_chunk_that_is_neither_text_nor_bytes_is_refused_by_name(chunk: Any) -> None:
    with pytest.raises(OptionError, match=f"must be text or bytes, got {type(chunk).__name__}"):
        await Response.stream(arriving(b"a", chunk)).bytes()


@pytest.mark.parametrize("body", [5, {"a": 1}, ["a"], iter("a")])
def test_a_body_that_is_none_is_refused(body: Any) -> None:
    with pytest.raises(OptionError, match=rf"got {type(body).__name__}; Response\.json\(\)"):
        Response(body)


async def test_what_the_chunks_raise_arrives_where_they_are_read() -> None:
    async def failing() -> AsyncIterator[str]:
        yield "a"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        await Response(failing()).text()


class Chunks:
    """Endless chunks that know whether they were closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> Chunks:
        return self

    async def __anext__(self) -> bytes:
        return b"a"

    async def aclose(self) -> None:
        self.closed += 1


async def test_closing_a_message_closes_what_makes_its_body() -> None:
    unread, begun, iterated = Chunks(), Chunks(), Chunks()
    await Response(unread).aclose()
    assert unread.closed == 1

    response = Response(begun)
    body = response.body
    await anext(body)
    await response.aclose()
    await response.aclose()
    assert begun.closed == 1
    assert [chunk async for chunk in body] == []

    response = Response(iterated)
    await response.body.aclose()
    assert iterated.closed == 1
    with pytest.raises(EdgeletError, match="read already"):
        await response.bytes()


async def test_an_iterable_that_cannot_be_closed_is_dropped() -> None:
    class Bare:
        def __aiter__(self) -> AsyncIterator[str]:
            return arriving("a", "b")

    await Response(Bare()).aclose()
    response = Response(Bare())
    async for _ in response.body:
        break
    await response.aclose()
    assert response.body_used


async def test_leaving_a_loop_lets_go_of_what_makes_the_body() -> None:
    left: list[str] = []

    def made() -> Iterator[str]:
        try:
            yield from "abc"
        finally:
            left.append("left")

    response = Response.stream(made())
    async for _ in response.body:
        break
    gc.collect()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert left == ["left"]
