"""Bodies of requests: small ones that go along, large ones and streams that are read."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from edgelet.body import BodyInit
from edgelet_host.sandbox import Sandbox
from edgelet_host.sandbox.errors import FunctionFailed
from edgelet_host.sandbox.exchange import INLINE_BODY_BYTES
from tests.sandbox.running import AT_LEISURE, function, post, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

DIGEST = function(
    """
    import hashlib

    @serve
    async def handler(request):
        body = await request.bytes()
        return Response(f"{len(body)} {hashlib.sha256(body).hexdigest()}")
    """
)
ECHO = function(
    """
    @serve
    async def handler(request):
        return Response.stream(request.body)
    """
)
IGNORE = function(
    """
    @serve
    async def handler(request):
        return Response("not read")
    """
)
READ_SOME = function(
    """
    @serve
    async def handler(request):
        return Response(await anext(request.body))
    """
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running(workers=1, concurrent_instances=1) as sandbox:
        yield sandbox


class Source:
    """A body that is made while it is read, and knows what became of it."""

    def __init__(self, *chunks: bytes | str, then: Exception | None = None) -> None:
        self.given = 0
        self.closed = asyncio.Event()
        self._chunks = chunks
        self._then = then

    async def __aiter__(self) -> AsyncIterator[bytes | str]:
        try:
            for chunk in self._chunks:
                self.given += 1
                yield chunk
                await asyncio.sleep(0)
            if self._then is not None:
                raise self._then
        finally:
            self.closed.set()


ALL_BYTES = bytes(range(256))
BODIES: dict[str, list[bytes | str]] = {
    "none at all": [],
    "every byte": [ALL_BYTES],
    "the largest that goes along": [ALL_BYTES * (INLINE_BODY_BYTES // 256)],
    "one byte more": [ALL_BYTES * (INLINE_BODY_BYTES // 256), b"x"],
    "eight megabytes": [ALL_BYTES * 32768],
    "text and bytes": ["naïve ", b"\xff\x00", "", b"", "日本語"],
    "a thousand chunks": [f"{n}," for n in range(1000)],
}


@pytest.mark.parametrize("as_stream", [False, True], ids=["whole", "a stream"])
@pytest.mark.parametrize("chunks", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("answering", [DIGEST, ECHO], ids=["read", "echoed"])
async def test_a_body_arrives_as_it_was_sent(
    answering: object, chunks: list[bytes | str], as_stream: bool, sandbox: Sandbox
) -> None:
    sent = b"".join(each.encode() if isinstance(each, str) else each for each in chunks)
    body: BodyInit = Source(*chunks) if as_stream else sent

    response = await sandbox.respond(answering, post(body), limits=AT_LEISURE)  # type: ignore[arg-type]
    answer = await response.bytes()

    if answering is ECHO:
        assert answer == sent
    else:
        assert answer.decode() == f"{len(sent)} {hashlib.sha256(sent).hexdigest()}"


async def test_an_echo_answers_each_chunk_before_the_next_is_sent(sandbox: Sandbox) -> None:
    may_send = asyncio.Event()

    async def talk() -> AsyncIterator[str]:
        yield "first"
        await may_send.wait()
        yield "second"

    body = (await sandbox.respond(ECHO, post(talk()))).body
    assert await anext(body) == b"first"
    may_send.set()
    assert [chunk async for chunk in body] == [b"second"]


@pytest.mark.parametrize(
    ("reading", "given"), [(IGNORE, 0), (READ_SOME, 1)], ids=["none of it", "a part"]
)
async def test_a_body_is_made_only_as_far_as_it_is_read(
    reading: object, given: int, sandbox: Sandbox
) -> None:
    source = Source(*(["x" * 100_000] * 50))

    await (await sandbox.respond(reading, post(source))).text()  # type: ignore[arg-type]

    assert source.given == given
    if given:
        async with asyncio.timeout(1):
            await source.closed.wait()


async def test_a_body_that_is_echoed_to_nobody_is_closed(sandbox: Sandbox) -> None:
    source = Source(*(["x" * 100_000] * 1000))

    answer = await sandbox.respond(ECHO, post(source))
    await anext(answer.body)
    await answer.aclose()

    async with asyncio.timeout(1):
        await source.closed.wait()
    assert source.given < 1000


async def test_a_body_that_fails_midway_fails_the_function(sandbox: Sandbox) -> None:
    source = Source("some", then=ConnectionResetError("the client is gone"))

    with pytest.raises(FunctionFailed, match="the client is gone") as caught:
        await sandbox.respond(DIGEST, post(source))

    assert "body = await request.bytes()" in caught.value.traceback


async def test_a_handler_may_catch_that_a_body_fails(sandbox: Sandbox) -> None:
    catching = function(
        """
        from edgelet import ConnectionFailed

        @serve
        async def handler(request):
            read = []
            try:
                async for chunk in request.body:
                    read.append(chunk.decode())
            except ConnectionFailed as error:
                return Response.json([read, str(error)], status=400)
        """
    )
    source = Source("some", then=ConnectionResetError("the client is gone"))

    answer = await sandbox.respond(catching, post(source))

    assert answer.status == 400
    read, reason = await answer.json()
    assert read == ["some"]
    assert "the client is gone" in reason
