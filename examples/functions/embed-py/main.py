"""The first function of Supabase's guide, in Python.

curl --get "http://localhost:54321/functions/v1/embed-py" \
  --data-urlencode "input=Hello world" -H "Authorization: $ANON_KEY"
"""

from edgelet import Request, Response, Session, serve

model = Session("gte-small")


@serve
async def handler(request: Request) -> Response:
    """Answer with the vector of the query parameter `input`."""
    output = await model.run(request.query["input"], mean_pool=True, normalize=True)
    return Response.json(output)
