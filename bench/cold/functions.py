"""The function that is measured, in both languages.

It answers a greeting at once (`/hello`), streams what a language model says (`/ask`), and embeds a
short text (`/embed`) or one that is longer than the model reads (`/long`). What it prints tells how
far it has come: `@loaded`, `@asked`, `@embedded`.
"""

from __future__ import annotations

from pathlib import Path

MODEL = "all-MiniLM-L6-v2"
QUERY = "How do I reset my password?"
LONG = 100
"""How often `/long` repeats it."""

LANGUAGES = {"py": "Python", "js": "JavaScript"}

PYTHON = f"""
from edgelet import Request, Response, Session, serve

embedder, writer = Session("{MODEL}"), Session("mistral")
print("@loaded")


async def pieces(chunks):
    async for chunk in chunks:
        yield chunk.get("response", "")


@serve
async def handler(request: Request) -> Response:
    path = request.path.rpartition("/")[2]
    if path == "hello":
        return Response("Hello")
    print("@asked")
    if path == "ask":
        return Response.stream(pieces(await writer.run("Why?", stream=True)))
    text = "{QUERY}" * ({LONG} if path == "long" else 1)
    vector = await embedder.run(text, mean_pool=True, normalize=True)
    print("@embedded")
    return Response.json(vector)
"""

JAVASCRIPT = f"""
const embedder = new Supabase.ai.Session("{MODEL}"), writer = new Supabase.ai.Session("mistral");
console.log("@loaded");

const streamed = (chunks) => {{
  const coming = chunks[Symbol.asyncIterator](), encoder = new TextEncoder();
  return new ReadableStream({{
    async pull(controller) {{
      const {{ value, done }} = await coming.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value.response ?? ""));
    }},
  }});
}};

Deno.serve(async (request) => {{
  const path = new URL(request.url).pathname.split("/").at(-1);
  if (path === "hello") return new Response("Hello");
  console.log("@asked");
  if (path === "ask") return new Response(streamed(await writer.run("Why?", {{ stream: true }})));
  const text = "{QUERY}".repeat(path === "long" ? {LONG} : 1);
  const vector = await embedder.run(text, {{ mean_pool: true, normalize: true }});
  console.log("@embedded");
  return Response.json(vector);
}});
"""


def write_project(folder: Path) -> None:
    """Write the function in both languages: `cold-py` and `cold-js`."""
    files = {"functions/cold-py/main.py": PYTHON, "functions/cold-js/index.js": JAVASCRIPT}
    for name, text in {**files, "edgelet.toml": ""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
