"""The functions that are measured, in both languages, and the project that has them.

`hello` greets whom it is told, as the template of `supabase functions new` does; `embed` answers
with the vector of a query.
"""

from __future__ import annotations

import json
from pathlib import Path

MODEL = "all-MiniLM-L6-v2"
QUERY = "How do I reset my password?"

ASKED = {
    "hello": json.dumps({"name": "Ada"}).encode(),
    "embed": json.dumps({"input": QUERY}).encode(),
}
"""What each is asked."""

HELLO_PY = """
from edgelet import Request, Response, serve

@serve
async def handler(request: Request) -> Response:
    name = (await request.json())["name"]
    return Response.json({"message": f"Hello {name}!"})
"""

HELLO_JS = """
Deno.serve(async (req) => {
  const { name } = await req.json();
  return Response.json({ message: `Hello ${name}!` });
});
"""

EMBED_PY = f"""
from edgelet import Request, Response, Session, serve

model = Session("{MODEL}")

@serve
async def handler(request: Request) -> Response:
    text = (await request.json())["input"]
    return Response.json(await model.run(text, mean_pool=True, normalize=True))
"""

EMBED_JS = f"""
const model = new Supabase.ai.Session("{MODEL}");

Deno.serve(async (req) => {{
  const {{ input }} = await req.json();
  return Response.json(await model.run(input, {{ mean_pool: true, normalize: true }}));
}});
"""

WAIT_PY = """
import asyncio

from edgelet import Request, Response, serve

@serve
async def handler(request: Request) -> Response:
    async def chunks():
        yield "waiting"
        await asyncio.sleep(60)

    return Response.stream(chunks())
"""

SOURCES = {
    "hello-py": HELLO_PY,
    "hello-js": HELLO_JS,
    "embed-py": EMBED_PY,
    "embed-js": EMBED_JS,
    "wait-py": WAIT_PY,
}


def write_project(folder: Path, copies: int = 0) -> None:
    """Write the functions, and of those that are asked so many copies, `<name>-<number>`."""
    (folder / "edgelet.toml").write_text("")
    for name, source in SOURCES.items():
        write_function(folder, name, source)
        if name != "wait-py":
            for number in range(copies):
                write_function(folder, f"{name}-{number}", source)


def write_function(folder: Path, name: str, source: str) -> None:
    """Write one function."""
    file = function_file(folder, name)
    file.parent.mkdir(parents=True)
    file.write_text(source)


def function_file(folder: Path, name: str) -> Path:
    """Where a function is; its name says in which language."""
    return folder / "functions" / name / ("main.py" if "-py" in name else "index.ts")


def changed(source: str, number: int) -> str:
    """The function `hello` that says something else."""
    return source.replace("Hello ", f"Hello {number} ")
