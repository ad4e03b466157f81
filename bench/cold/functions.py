"""The function that is measured, in both languages and in a Worker.

It answers a greeting at once (`/hello`), streams what a language model says (`/ask`), and embeds a
text (`/embed`). What it prints tells how far it has come: `@loaded`, `@asked`, `@embedded`.
"""

from __future__ import annotations

from pathlib import Path

MODEL = "all-MiniLM-L6-v2"
QUERY = "How do I reset my password?"

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
    print("@asked")
    if request.path == "/hello":
        return Response("Hello")
    if request.path == "/ask":
        return Response.stream(pieces(await writer.run("Why?", stream=True)))
    vector = await embedder.run("{QUERY}", mean_pool=True, normalize=True)
    print("@embedded")
    return Response.json(vector)
"""

_JAVASCRIPT = f"""
const pieces = async function* (chunks) {{
  for await (const chunk of chunks) yield new TextEncoder().encode(chunk.response ?? "");
}};

async function handler(request) {{
  console.log("@asked");
  const {{ pathname }} = new URL(request.url);
  if (pathname === "/hello") return new Response("Hello");
  if (pathname === "/ask") {{
    return new Response(ReadableStream.from(pieces(await writer.run("Why?", {{ stream: true }}))));
  }}
  const vector = await embedder.run("{QUERY}", {{ mean_pool: true, normalize: true }});
  console.log("@embedded");
  return Response.json(vector);
}}
"""

JAVASCRIPT = f"""
const embedder = new Supabase.ai.Session("{MODEL}"), writer = new Supabase.ai.Session("mistral");
console.log("@loaded");
{_JAVASCRIPT}
Deno.serve(handler);
"""

_WORKER = f"""
import {{ env }} from "cloudflare:workers";
import engineWasm from "edgelet/assets/onnxruntime/ort-wasm-simd-threaded.wasm";
import {{ configure, Session }} from "edgelet/worker";
import python from "./python.mjs";
%s
configure({{
  modules: {{ ...python, engineWasm, %s }},
  models: (path) => env.MODELS.fetch(`https://models.local/${{path}}`),
}});
const embedder = new Session("{MODEL}"), writer = new Session("mistral");
const console = {{ log() {{}} }}; // here it would be among the errors
{_JAVASCRIPT}
export default {{ fetch: handler }};
"""

WORKERS = {
    "cold": _WORKER % ('import snapshot from "edgelet/assets/python/snapshot.bin.gz";', "snapshot"),
    "cold-without": _WORKER % ("", ""),
}
"""The Worker that starts from the snapshot, and the one that does without."""


def write_project(folder: Path) -> None:
    """Write the function in both languages: `cold-py` and `cold-js`."""
    files = {"functions/cold-py/main.py": PYTHON, "functions/cold-js/index.js": JAVASCRIPT}
    for name, text in {**files, "edgelet.toml": ""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
