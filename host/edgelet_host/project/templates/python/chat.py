"""Streams a language model's answer.

The model runs on an inference host such as Ollama. Say once where that is:

    edgelet secrets set AI_INFERENCE_API_HOST=http://127.0.0.1:11434
"""

import json
from collections.abc import AsyncIterator

from edgelet import OptionError, Request, Response, Session, serve

model = Session("mistral")


@serve
async def handler(request: Request) -> Response:
    """Answer `prompt` with server-sent events, one for each piece of the answer."""
    prompt = await given(request, "prompt")
    if not prompt:
        message = 'give a question as ?prompt=… or as JSON: {"prompt": "…"}'
        return Response.json({"error": message}, status=400)
    chunks = await model.generate(prompt, stream=True)

    async def events() -> AsyncIterator[str]:
        async for chunk in chunks:
            yield f"data: {json.dumps({'text': chunk.text})}\n\n"

    return Response.stream(events(), headers={"content-type": "text/event-stream"})


async def given(request: Request, name: str) -> str | None:
    """The text of that name, from the query or from a body of JSON; None when there is none."""
    if name in request.query:
        return request.query[name]
    try:
        value = (await request.json())[name]
    except (OptionError, LookupError, TypeError):  # no JSON, or none with that name
        return None
    return value if isinstance(value, str) else None
