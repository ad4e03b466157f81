"""A conversation with a language model, which remembers what was said.

What was said travels with the client: edge functions keep nothing between requests. Each answer
ends with an event `conversation`; send its data along with the next question.

curl "http://localhost:54321/functions/v1/chat" --no-buffer -H "Authorization: $ANON_KEY" \
  --json '{"prompt": "I am Ada. Who are you?", "conversation": []}'
"""

import json
from collections.abc import AsyncIterator

from edgelet import OptionError, Request, Response, Session, serve

model = Session("mistral")
SYSTEM = {"role": "system", "content": "You are friendly, and answer in one or two sentences."}
MOST_MESSAGES = 40


@serve
async def handler(request: Request) -> Response:
    """Answer with server-sent events: the model's words, then the conversation so far."""
    try:
        asked = await request.json()
        conversation = [message_of(each) for each in asked.get("conversation", [])]
        conversation.append(message_of({"role": "user", "content": asked["prompt"]}))
    except (OptionError, LookupError, TypeError, AttributeError):
        message = 'send {"prompt": "…", "conversation": [{"role": …, "content": …}]}'
        return Response.json({"error": message}, status=400)

    messages = [SYSTEM, *conversation[-MOST_MESSAGES:]]
    words = await model.generate(messages, stream=True)

    async def events() -> AsyncIterator[str]:
        said = ""
        async for chunk in words:
            said += chunk.text
            yield f"data: {json.dumps({'text': chunk.text})}\n\n"
        conversation.append({"role": "assistant", "content": said})
        yield f"event: conversation\ndata: {json.dumps(conversation[-MOST_MESSAGES:])}\n\n"

    return Response.stream(events(), headers={"content-type": "text/event-stream"})


def message_of(value: dict[str, str]) -> dict[str, str]:
    """A message of a conversation. Raises `TypeError` for anything else."""
    role, content = value["role"], value["content"]
    if role not in ("user", "assistant") or not isinstance(content, str):
        raise TypeError("no message")
    return {"role": role, "content": content}
