"""Streams a language model's answer, as the second function in Supabase's guide does.

AI_INFERENCE_API_HOST=http://127.0.0.1:11434 \
  edgelet functions invoke examples/functions/chat --get prompt="Why is the sky blue?" --stream
"""

import json
from collections.abc import AsyncIterator

from edgelet import Request, Response, Session, serve

model = Session("mistral")


@serve
async def handler(request: Request) -> Response:
    """Answer with the chunks of the model's answer, as server-sent events."""
    chunks = await model.generate(request.query["prompt"], stream=True)

    async def events() -> AsyncIterator[str]:
        async for chunk in chunks:
            yield f"data: {json.dumps({'text': chunk.text})}\n\n"

    return Response.stream(events(), headers={"content-type": "text/event-stream"})
