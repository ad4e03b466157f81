"""The second function of Supabase's guide, in Python: streams a language model's answer.

curl --get "http://localhost:54321/functions/v1/ollama-test-py" --no-buffer \
  --data-urlencode "prompt=Why is the sky blue?" -H "Authorization: $ANON_KEY"
"""

from collections.abc import AsyncIterator

from edgelet import Request, Response, Session, serve

session = Session("mistral")


@serve
async def handler(request: Request) -> Response:
    """Answer with the model's answer, as it is made."""
    output = await session.run(request.query.get("prompt", ""), stream=True)

    async def pieces() -> AsyncIterator[str]:
        async for chunk in output:
            yield chunk.get("response", "")

    return Response.stream(pieces(), headers={"content-type": "text/event-stream"})
