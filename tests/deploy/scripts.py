"""What a scripted inference host says, and when."""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

from tests.servers.answers import ollama_generate
from tests.servers.connection import Request
from tests.servers.steps import Body, Head, Stall, WaitFor

NDJSON = Head(headers={"content-type": "application/x-ndjson"})

go_on = threading.Event()
"""What the scripts wait for."""


def lines(*values: Any) -> list[Body]:
    return [Body(json.dumps(value).encode() + b"\n") for value in values]


def says_a_word_then_waits(request: Request) -> Any:
    first, *others = ollama_generate("Because ", "of Rayleigh.", model=request.json()["model"])
    return [NDJSON, *lines(first), WaitFor(go_on), *lines(*others)]


def says_a_word_and_no_more(_: Request) -> Any:
    first, *_others = ollama_generate("Because ", "of Rayleigh.")
    return [NDJSON, *lines(first), Stall()]


def says_a_word_when_told(_: Request) -> Any:
    return [WaitFor(go_on), NDJSON, *lines({"response": "late", "done": False}), Stall()]


def never_ends(_: Request) -> Any:
    word = json.dumps({"model": "mistral", "response": "word ", "done": False}).encode() + b"\n"
    return itertools.chain([NDJSON], itertools.repeat(Body(word, piece=len(word), pause=0.05)))
