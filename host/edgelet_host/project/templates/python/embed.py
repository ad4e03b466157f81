"""Embeds a text: answers with its vector, whose 384 numbers say what the text is about."""

from edgelet import OptionError, Request, Response, Session, serve

# The model that Supabase has is gte-small. Name it here for vectors that are to be compared with
# those that were made there.
model = Session("all-MiniLM-L6-v2")


@serve
async def handler(request: Request) -> Response:
    """Answer with the vector of `input`."""
    text = await given(request, "input")
    if not text:
        message = 'give a text as ?input=… or as JSON: {"input": "…"}'
        return Response.json({"error": message}, status=400)
    return Response.json(await model.run(text, mean_pool=True, normalize=True))


async def given(request: Request, name: str) -> str | None:
    """The text of that name, from the query or from a body of JSON; None when there is none."""
    if name in request.query:
        return request.query[name]
    try:
        value = (await request.json())[name]
    except (OptionError, LookupError, TypeError):  # no JSON, or none with that name
        return None
    return value if isinstance(value, str) else None
