"""Runs a function some times while the component is built, on imports that answer from memory.

CPython specialises bytecode, fills caches and imports late as it runs; what is warm in the snapshot
need not be warmed by every request.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator
from itertools import count
from typing import Any, Protocol

from edgelet_guest.host import text_of
from edgelet_guest.modules import MAIN

_ROUNDS = 40
_DIMENSIONS = 384

EMBEDS_TOO = """
import asyncio
import json

from edgelet import Request, Response, Session, fetch, serve

model = Session("all-MiniLM-L6-v2")
language_model = Session("mistral")

@serve
async def handler(request):
    print("warm")
    asked = await request.json()
    vector = await model.run(asked["text"], mean_pool=True, normalize=True)
    vectors = await asyncio.gather(model.run([asked["text"], "a second one"]), model.embed(["x"]))
    if request.query["answer"] == "json":
        return Response.json({"vector": vector, "n": len(vectors)}, headers={"x-warm": "1"})
    chunks = await language_model.run("Hi", stream=True)

    async def lines():
        async for chunk in chunks:
            yield f"data: {json.dumps(chunk)}\\n\\n"

    return Response.stream(lines(), headers={"content-type": "text/event-stream"})
"""

ASKS_LANGUAGE_MODELS = """
import json

from edgelet import Request, Response, Session, fetch, serve

language_model = Session("mistral")

@serve
async def handler(request):
    print("warm")
    asked = await request.json()
    chunks = await language_model.run(asked["text"], stream=True)
    if request.query["answer"] == "json":
        return Response.json([chunk async for chunk in chunks], headers={"x-warm": "1"})

    async def lines():
        async for chunk in chunks:
            yield f"data: {json.dumps(chunk)}\\n\\n"

    return Response.stream(lines(), headers={"content-type": "text/event-stream"})
"""

_ENV = json.dumps({"AI_INFERENCE_API_HOST": "http://127.0.0.1:11434"})


class Exports(Protocol):
    """The exports of `world.wit`."""

    def compile(self, file: str, source: str) -> str: ...
    def load(self, env: str) -> None: ...
    def handle(self, request: str) -> None: ...


class FakeImports:
    """The imports of `world.wit`, from memory: every effect is answered at once."""

    def __init__(self, tokenizer_json: bytes) -> None:
        self.digest = hashlib.sha256(tokenizer_json).hexdigest()
        self.main = self.written = ""
        self._answers: dict[int, str] = {}
        self._numbers = count(1)
        self._body: Iterator[str] = iter(())
        self.console = self.effects = self.files = self.modules = self.response = self

    def open_model(self, model: str, precision: str | None) -> int:
        card = {
            "model": model, "precision": "fp32", "dimensions": _DIMENSIONS, "max_tokens": 256,
            "positions": 512, "pooling": "mean",
        }  # fmt: skip
        facts = {"handle": 1, "card": card, "lanes": 2, "tokenizer": self.digest}
        return self._answered(json.dumps(facts))

    def run_model(self, _: int, __: str, lengths: str, ___: str, ____: bool) -> int:
        texts = len(lengths) // 4
        return self._answered(text_of(array("f", [0.05] * _DIMENSIONS * texts).tobytes()))

    def send(self, *_: Any) -> int:
        chunks = [json.dumps({"response": f"word {n}", "done": n == 9}) + "\n" for n in range(10)]
        self._body = iter([*chunks, ""])
        headers = {"content-type": "application/x-ndjson"}
        return self._answered(json.dumps({"response": 1, "status": 200, "headers": headers}))

    def receive(self, _: int) -> int:
        return self._answered(next(self._body))

    def wait(self, _: float | None) -> str:
        return ",".join(f"{ticket}:{len(answer)}" for ticket, answer in self._answers.items())

    def take(self, ticket: int) -> str:
        return self._answers.pop(ticket)

    def code(self, module: str) -> str | None:
        return self.main if module == MAIN else None

    def is_package(self, _: str) -> bool:
        return False

    def source(self, _: str) -> str:
        return self.written

    def pause(self, _: float) -> None: ...
    def close(self, _: int) -> None: ...
    def cancel(self, _: int) -> None: ...
    def head(self, _: int, __: str) -> None: ...
    def write(self, *_: str) -> None: ...

    def _answered(self, answer: str) -> int:
        ticket = next(self._numbers)
        self._answers[ticket] = answer
        return ticket


def warm(guest: Exports, imports: FakeImports, function: str) -> None:
    """Compile, load and call a function that does what functions do."""
    imports.written, imports.main = function, guest.compile("main.py", function)
    guest.load(_ENV)
    request = {
        "method": "POST",
        "headers": [["content-type", "application/json"], ["accept", "*/*"]],
        "body": json.dumps({"text": "Some words, to be embedded; naïve ones among them."}),
    }
    for number in range(_ROUNDS):
        url = f"http://localhost/functions/v1/warm?answer={'json' if number % 2 else 'stream'}"
        guest.handle(json.dumps({**request, "url": url}))
