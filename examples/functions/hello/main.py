"""Says hello.

edgelet functions invoke examples/functions/hello --get name=Ada
"""

from edgelet import Request, Response, serve


@serve
def handler(request: Request) -> Response:
    """Answer with a greeting as JSON."""
    name = request.query.get("name", "world")
    return Response.json({"message": f"Hello {name}!"})
