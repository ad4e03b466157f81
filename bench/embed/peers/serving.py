"""The loop of every process that is measured: a JSON object a line in, and one a line out.

A process loads its model, embeds one text, says that it is ready, and waits. Each object that comes
names a verb in `do` and that verb's arguments; what the verb gives goes back.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Options = Mapping[str, Any]
Embed = Callable[[list[str]], NDArray[np.float32]]
TimeEach = Callable[[list[str]], list[float]]
Verbs = dict[str, Callable[..., Any]]

FIRST = "Hello world"
BATCH = 32
"""Texts of a batch, for all who do not choose themselves."""
MAX_TOKENS = 512


def serve(load: Callable[[Options], Verbs]) -> None:
    """Answer until the input ends. What libraries print goes to the error output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    verbs = load(json.loads(sys.argv[1]))
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = verbs[asked.pop("do")](**asked)
        print(json.dumps(answer), file=answers, flush=True)


def embedding(options: Options, embed: Embed, time_each: TimeEach | None = None) -> Verbs:
    """The verbs of all who embed; `time_each` gives the seconds of texts embedded one by one."""
    embed([FIRST])

    def many(kind: str, count: int) -> dict[str, float]:
        texts = some(options, kind, 0, count)
        return {"seconds": seconds(embed, texts)}

    def singles(kind: str, start: int, count: int) -> dict[str, list[float]]:
        texts = some(options, kind, start, count)
        each = time_each(texts) if time_each else [seconds(embed, [text]) for text in texts]
        return {"seconds": each}

    def vectors(kind: str, file: str) -> dict[str, float]:
        texts = some(options, kind)
        np.ascontiguousarray(embed(texts), np.float32).tofile(file)
        return {"texts": len(texts)}

    return {"many": many, "singles": singles, "vectors": vectors}


def seconds(call: Callable[..., object], *arguments: Any) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - started


def some(options: Options, kind: str, start: int = 0, count: int | None = None) -> list[str]:
    """Texts of a set."""
    whole = _whole(f"{options['texts']}/{kind}.json")
    return whole[start : None if count is None else start + count]


@cache
def _whole(file: str) -> list[str]:
    texts: list[str] = json.loads(Path(file).read_text("utf-8"))
    return texts
