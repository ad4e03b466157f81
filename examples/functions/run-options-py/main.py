"""The options of `run`, each of them, in Python.

curl --get "http://localhost:54321/functions/v1/run-options-py" \
  --data-urlencode "prompt=Why is the sky blue?" -d mode=openaicompatible -d timeout=30 \
  -H "Authorization: $ANON_KEY"
"""

from edgelet import Request, Response, Session, serve


@serve
async def handler(request: Request) -> Response:
    """Answer with what the model gives."""
    params = request.query

    # An embedding model: what the vectors are made of.
    if "input" in params:
        model = Session(params.get("model", "gte-small"))
        output = await model.run(
            params["input"],
            mean_pool=params.get("mean_pool") != "false",  # one vector, not one a token
            normalize=params.get("normalize") != "false",  # of length 1
        )
        return Response.json(output)

    # A language model: what the inference host speaks, and for how long it may.
    session = Session(params.get("model", "mistral"))
    prompt = params.get("prompt", "")
    is_openai = params.get("mode") == "openaicompatible"
    output = await session.run(
        {"messages": [{"role": "user", "content": prompt}]} if is_openai else prompt,
        mode="openaicompatible" if is_openai else "ollama",
        stream=False,
        timeout=float(params.get("timeout", 60)),  # seconds
    )
    return Response.json(output)
