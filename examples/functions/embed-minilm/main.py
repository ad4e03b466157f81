"""Embeds a text with the model that needs no hub: all-MiniLM-L6-v2.

edgelet functions invoke examples/functions/embed-minilm --get input="Hello world"
"""

from edgelet import Request, Response, Session, serve

model = Session("all-MiniLM-L6-v2")


@serve
async def handler(request: Request) -> Response:
    """Answer with the vector of the query parameter `input`."""
    if "input" not in request.query:
        return Response.json({"error": "give a text as ?input=…"}, status=400)
    vector = await model.run(request.query["input"], mean_pool=True, normalize=True)
    return Response.json(vector)
