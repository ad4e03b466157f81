"""Says hello to whoever the query names, or a body of JSON: {"name": "Ada"}."""

from edgelet import OptionError, Request, Response, serve


@serve
async def handler(request: Request) -> Response:
    """Answer with a greeting."""
    name = await given(request, "name") or "world"
    return Response.json({"message": f"Hello {name}!"})


async def given(request: Request, name: str) -> str | None:
    """The text of that name, from the query or from a body of JSON; None when there is none."""
    if name in request.query:
        return request.query[name]
    try:
        value = (await request.json())[name]
    except (OptionError, LookupError, TypeError):  # no JSON, or none with that name
        return None
    return value if isinstance(value, str) else None
