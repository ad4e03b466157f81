"""Searches a small corpus by meaning.

curl --get "http://localhost:54321/functions/v1/search" \
  --data-urlencode "query=how do plants eat?" -H "Authorization: $ANON_KEY"
"""

from operator import mul
from pathlib import Path

from edgelet import Request, Response, Session, serve

model = Session("all-MiniLM-L6-v2")
corpus = Path("corpus.txt").read_text("utf-8").splitlines()  # named in edgelet.toml


@serve
async def handler(request: Request) -> Response:
    """Answer with the three passages that are nearest to `query`, nearest first."""
    query = request.query.get("query", "")
    if not query.strip():
        return Response.json({"error": "give a text as ?query=…"}, status=400)
    wanted, *vectors = await model.run([query, *corpus])
    scores = [sum(map(mul, wanted, vector)) for vector in vectors]  # cosines, of unit vectors
    best = sorted(zip(scores, corpus, strict=True), reverse=True)[:3]
    return Response.json([{"score": round(score, 4), "text": text} for score, text in best])
