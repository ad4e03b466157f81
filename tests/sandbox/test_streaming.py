"""Bodies as they are made: answers that arrive early, readers that are slow, callers that leave."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import pairwise

import pytest
import pytest_asyncio

from edgelet import Response
from edgelet_host.sandbox import Grants, Limits, Sandbox
from edgelet_host.sandbox.errors import WallClockLimitExceeded
from tests.sandbox.running import function, get, running
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.llama_server import start_llama_server
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Script, Stall, WaitFor

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = function(
    """
    @serve
    def handler(request):
        return Response("Hello")
    """
)
ASK = function(
    """
    @serve
    async def handler(request):
        chunks = await Session("mistral").run("Why?", stream=True)

        async def texts():
            async for chunk in chunks:
                yield chunk["response"]

        return Response.stream(texts())
    """
)
COUNT = function(
    """
    @serve
    async def handler(request):
        count, size = int(request.query["count"]), int(request.query["size"])
        return Response.stream(f"{n}".rjust(size) for n in range(count))
    """
)
TELL_THE_TIME = function(
    """
    import time

    @serve
    async def handler(request):
        return Response.stream(f"{time.monotonic()}".rjust(65536) for n in range(200))
    """
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """Room for one instance: whatever does not free it is found out by the next request."""
    async with running(workers=1, concurrent_instances=1) as sandbox:
        yield sandbox


def asking(script: Script) -> ScriptedServer:
    """An inference host that answers two chunks, and then does what the script says."""
    return ScriptedServer([*ndjson(*ollama_generate("Hel", "lo")[:2]), *script])


async def test_the_first_chunk_arrives_before_the_handler_has_the_second(sandbox: Sandbox) -> None:
    may_go_on = threading.Event()
    first, *rest = ndjson(*ollama_generate("Hel", "lo"))[1:]
    head = ndjson()[0]
    with ScriptedServer([head, first, WaitFor(may_go_on), *rest]) as server:
        answer = await sandbox.respond(
            ASK, get(), grants=Grants({"AI_INFERENCE_API_HOST": server.url})
        )
        body = answer.body
        assert await anext(body) == b"Hel"
        may_go_on.set()
        assert [chunk async for chunk in body] == [b"lo"]


async def test_the_head_arrives_before_the_first_chunk(sandbox: Sandbox) -> None:
    with ScriptedServer([ndjson()[0], Stall()]) as server:
        grants = Grants({"AI_INFERENCE_API_HOST": server.url})
        function_ = function(
            """
            @serve
            async def handler(request):
                async def texts():
                    async for chunk in await Session("mistral").run("Why?", stream=True):
                        yield chunk["response"]

                return Response.stream(texts(), status=201, headers={"x-early": "yes"})
            """
        )
        answer = await sandbox.respond(function_, get(), grants=grants)
        assert (answer.status, answer.headers["x-early"]) == (201, "yes")
        await answer.aclose()


@pytest.mark.parametrize("size", [4, 300, 70_000])
async def test_a_thousand_chunks_arrive_whole_and_in_order(size: int, sandbox: Sandbox) -> None:
    answer = await sandbox.respond(COUNT, get(f"?count=1000&size={size}"))

    assert await answer.text() == "".join(f"{n}".rjust(size) for n in range(1000))


async def test_a_slow_reader_slows_the_handler_down(sandbox: Sandbox) -> None:
    body = (await sandbox.respond(TELL_THE_TIME, get())).body
    first = await anext(body)
    await asyncio.sleep(0.5)
    text = (first + b"".join([chunk async for chunk in body])).decode()

    made_at = [float(text[at : at + 65536]) for at in range(0, len(text), 65536)]
    pauses = [after - before for before, after in pairwise(made_at)]
    assert len(made_at) == 200
    assert max(pauses) > 0.3
    assert pauses.index(max(pauses)) < 48, "3 MB at most wait for a reader"


async def test_a_reader_that_is_too_slow_harms_nobody_else(sandbox: Sandbox) -> None:
    before = sandbox.worker_pids
    answer = await sandbox.respond(TELL_THE_TIME, get(), limits=Limits(worker_timeout_ms=300))
    await anext(body := answer.body)
    await asyncio.sleep(2.6)

    with pytest.raises(WallClockLimitExceeded):
        async for _ in body:
            pass
    assert await (await sandbox.respond(HELLO, get())).text() == "Hello"
    assert sandbox.worker_pids == before


async def close_unread(answer: Response) -> None:
    await answer.aclose()


async def close_the_reader(answer: Response) -> None:
    body = answer.body
    await anext(body)
    await body.aclose()


async def close_half_read(answer: Response) -> None:
    body = answer.body
    await anext(body)
    await answer.aclose()


async def cancel_the_reader(answer: Response) -> None:
    reading = asyncio.create_task(answer.text())
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def leave_the_loop(answer: Response) -> None:
    async for _ in answer.body:
        break


async def drop_it(_: Response) -> None:
    pass


LEAVING = [
    close_unread, close_half_read, close_the_reader, cancel_the_reader, leave_the_loop, drop_it,
]  # fmt: skip


@pytest.mark.parametrize("leave", LEAVING, ids=lambda leave: leave.__name__)
async def test_leaving_ends_the_instance_and_what_it_asked_for(
    leave: Callable[[Response], Awaitable[None]], sandbox: Sandbox
) -> None:
    with asking([Stall()]) as server:
        grants = Grants({"AI_INFERENCE_API_HOST": server.url})
        await leave(await sandbox.respond(ASK, get(), grants=grants))
        gc.collect()
        left = time.monotonic()
        assert await server.client_left() - left < 0.2
        await answers_at_once(sandbox)


async def test_cancelling_before_the_head_ends_it_too(sandbox: Sandbox) -> None:
    with ScriptedServer([Stall()]) as server:
        grants = Grants({"AI_INFERENCE_API_HOST": server.url})
        asking = asyncio.create_task(sandbox.respond(ASK, get(), grants=grants))
        await asyncio.to_thread(server.wait_for_request)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        left = time.monotonic()
        assert await server.client_left() - left < 0.2
        await answers_at_once(sandbox)


@pytest.mark.parametrize(
    "going_on",
    ["while True: pass", "time.sleep(60)", "yield 'x' * 1_000_000", "await asyncio.sleep(60)"],
)
async def test_leaving_ends_a_handler_that_is(going_on: str, sandbox: Sandbox) -> None:
    busy = function(
        f"""
        import time

        @serve
        async def handler(request):
            async def chunks():
                yield "first"
                while True:
                    {going_on}

            return Response.stream(chunks())
        """
    )
    answer = await sandbox.respond(busy, get())
    body = answer.body
    assert await anext(body) == b"first"
    await body.aclose()

    await answers_at_once(sandbox)


async def answers_at_once(sandbox: Sandbox) -> None:
    async with asyncio.timeout(1):
        assert await (await sandbox.respond(HELLO, get())).text() == "Hello"


@pytest.fixture(scope="module")
def llama() -> Iterator[str]:
    with start_llama_server() as url:
        yield url


async def test_a_real_language_model_streams_through_a_function(
    llama: str, sandbox: Sandbox
) -> None:
    source = """
    import json

    @serve
    async def handler(request):
        chunks = await Session("tiny").run(
            request.query["q"], stream=True, mode="openaicompatible", max_tokens=40, seed=1
        )

        async def events():
            async for chunk in chunks:
                yield f"data: {json.dumps(chunk)}\\n\\n"

        return Response.stream(events(), headers={"content-type": "text/event-stream"})
    """
    grants = Grants({"AI_INFERENCE_API_HOST": llama})
    answer = await sandbox.respond(function(source), get("?q=Why"), grants=grants)
    events = (await answer.text()).split("\n\n")

    assert answer.headers["content-type"] == "text/event-stream"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events if event]
    assert len(chunks) > 20
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
