"""edgelet, by its public interface alone."""

from __future__ import annotations

import asyncio
import time

import numpy as np
from numpy.typing import NDArray

from edgelet import Session
from serving import MAX_TOKENS, Options, Verbs, embedding, seconds, serve, some


def load(options: Options) -> Verbs:
    """A session in one precision."""
    session = Session(options["model"], precision=options["precision"])
    runner = asyncio.Runner()

    def embed(texts: list[str]) -> NDArray[np.float32]:
        found = runner.run(session.embed(texts, max_tokens=MAX_TOKENS))
        return np.asarray(found.values).reshape(-1, found.dimensions)

    def together(kind: str, count: int, callers: int) -> dict[str, float]:
        """So many loops at once, each with its share of the texts, one text a call."""
        texts = some(options, kind, 0, count)
        return {"seconds": seconds(runner.run, _gathered(session, texts, callers))}

    def bytes_of(kind: str, count: int) -> dict[str, float]:
        """The time, and how large the result is."""
        texts = some(options, kind, 0, count)
        sizes = []
        took = seconds(lambda: sizes.append(embed(texts).nbytes))
        return {"seconds": took, "bytes": sizes[0]}

    def time_each(texts: list[str]) -> list[float]:
        return runner.run(_each(session, texts))

    return {**embedding(options, embed, time_each), "together": together, "bytes_of": bytes_of}


async def _each(session: Session, texts: list[str]) -> list[float]:
    times = []
    for text in texts:
        started = time.perf_counter()
        await session.run(text, max_tokens=MAX_TOKENS)
        times.append(time.perf_counter() - started)
    return times


async def _gathered(session: Session, texts: list[str], callers: int) -> None:
    async def caller(own: list[str]) -> None:
        for text in own:
            await session.run(text, max_tokens=MAX_TOKENS)

    await asyncio.gather(*(caller(texts[number::callers]) for number in range(callers)))


serve(load)
