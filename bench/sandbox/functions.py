"""The functions that are measured."""

from __future__ import annotations

from edgelet_host.sandbox import Function

NOOP = Function.of_source(
    """
from edgelet import Response, serve

@serve
async def handler(request):
    return Response("ok")
""",
    "noop",
)

EMBED = Function.of_source(
    """
from edgelet import Response, Session, serve

model = Session("all-MiniLM-L6-v2")

@serve
async def handler(request):
    vectors = await model.run(await request.json())
    return Response(b"".join(vector.tobytes() for vector in vectors))
""",
    "embed",
)

STREAM = Function.of_source(
    """
from edgelet import Response, serve

@serve
async def handler(request):
    async def chunks():
        for number in range(int(request.query["chunks"])):
            yield f"chunk {number}\\n"

    return Response.stream(chunks())
""",
    "stream",
)

WAIT = Function.of_source(
    """
import asyncio

from edgelet import Response, serve

@serve
async def handler(request):
    async def chunks():
        yield "waiting"
        await asyncio.sleep(60)

    return Response.stream(chunks())
""",
    "wait",
)


def changed(number: int) -> Function:
    """`NOOP` after a change of its code."""
    module = NOOP.modules[0]
    return Function.of_source(f"{module.source}\n# {number}\n", "changed")
