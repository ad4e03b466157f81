"""Finds the passages that are nearest to a query by what they mean, not by their words."""

from operator import mul

from edgelet import OptionError, Request, Response, Session, serve

PASSAGES = [
    "Bees dance to show their hive where the flowers are.",
    "Plants turn sunlight, water and carbon dioxide into sugar.",
    "Salmon return to the river of their birth to lay their eggs.",
    "The moon's pull raises the tides twice a day.",
    "Lightning heats the air around it to five times the temperature of the sun's surface.",
    "Bread rises because yeast makes bubbles of gas in the dough.",
    "Salt lowers the freezing point of water, which keeps winter roads clear of ice.",
    "A violin's strings are tuned a fifth apart.",
    "The printing press made books cheap enough for ordinary people.",
    "Vaccines teach the immune system to know a disease before it meets it.",
    "Rising prices make the same wage buy less each year.",
    "The first railways ran at the speed of a galloping horse.",
]

# The model that Supabase has is gte-small. Name it here to find the same passages that it finds.
model = Session("all-MiniLM-L6-v2")


@serve
async def handler(request: Request) -> Response:
    """Answer with the three passages that are nearest to `query`, and how near they are."""
    query = await given(request, "query")
    if not query:
        message = 'give a text as ?query=… or as JSON: {"query": "…"}'
        return Response.json({"error": message}, status=400)

    # Every request starts afresh and keeps nothing, so one batch embeds the query and the passages.
    # Keep the vectors of more passages than these in a database.
    wanted, *vectors = await model.embed([query, *PASSAGES])
    # Vectors have the length 1: their product is the cosine of the angle between them.
    scores = [sum(map(mul, wanted, vector)) for vector in vectors]
    best = sorted(zip(scores, PASSAGES, strict=True), reverse=True)[:3]
    return Response.json([{"score": score, "text": text} for score, text in best])


async def given(request: Request, name: str) -> str | None:
    """The text of that name, from the query or from a body of JSON; None when there is none."""
    if name in request.query:
        return request.query[name]
    try:
        value = (await request.json())[name]
    except (OptionError, LookupError, TypeError):  # no JSON, or none with that name
        return None
    return value if isinstance(value, str) else None
