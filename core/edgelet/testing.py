"""A host for tests: no model, no network, no waiting.

`FakeHost` answers every effect from memory, so that code built on `Session` can be tested anywhere:

>>> import asyncio
>>> from edgelet import Session
>>> from edgelet.testing import FakeHost
>>> with FakeHost(reply="Hello there") as host:
...     answer = asyncio.run(Session("mistral").generate("Hi"))
>>> answer.text, host.requests[0].url
('Hello there', 'http://fake.invalid/api/generate')
"""

from __future__ import annotations

import json
import math
import random
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self
from zlib import crc32

from edgelet.effects import (
    HttpRequest,
    OpenModel,
    ResponseHead,
    RunModel,
    Send,
    TransportFailed,
)
from edgelet.errors import ModelError
from edgelet.host import Host, use_host
from edgelet.inference_host import HOST_VARIABLE
from edgelet.models import ModelCard, OpenedModel

_TOKENIZER_JSON = b'{"model": {"type": "FakeWords"}}'
_VOCABULARY = 30_000


@dataclass(frozen=True, slots=True)
class FakeResponse:
    """One scripted HTTP response: `chunks` arrive one a wait; an exception among them is raised."""

    chunks: Sequence[bytes | Exception] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _OpenResponse:
    chunks: deque[bytes | Exception]


class FakeHost(Host):
    """A host that answers from memory. Use it as a context manager, or give it to `use_host`.

    `reply` is what every language model says, or a function of the request's body that decides; a
    stream brings it word by word. `responses`, if given, are the raw HTTP responses in their order
    instead; an exception among them fails the connection. `env` is what `Env` finds.

    Embeddings are the normalised sum of one fixed random vector a word: no meaning, but texts that
    share words are near each other. `lanes` is how many batches run at once.

    What was asked is kept in `requests`, `opened` (model names), `batches` (token counts of each
    run) and `closed` (how many responses were closed).
    """

    def __init__(
        self,
        *,
        reply: str | Callable[[dict[str, Any]], str] = "",
        responses: Iterable[FakeResponse | Exception] | None = None,
        env: Mapping[str, str] | None = None,
        dimensions: int = 8,
        max_tokens: int = 512,
        lanes: int = 1,
    ) -> None:
        self.requests: list[HttpRequest] = []
        self.opened: list[str] = []
        self.batches: list[list[int]] = []
        self.closed = 0
        self._reply = reply
        self._responses = None if responses is None else deque(responses)
        self._env = {HOST_VARIABLE: "http://fake.invalid"} if env is None else dict(env)
        self._dimensions = dimensions
        self._max_tokens = max_tokens
        self._lanes = lanes
        self._in_use = ExitStack()

    def __enter__(self) -> Self:
        self._in_use.enter_context(use_host(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._in_use.close()

    def env(self, name: str) -> str | None:
        """Look into `env`."""
        return self._env.get(name)

    async def open_model(self, effect: OpenModel) -> OpenedModel:
        """Every model opens, except one whose name holds `missing`."""
        if "missing" in effect.model:
            raise ModelError(f"there is no model {effect.model!r}")
        self.opened.append(effect.model)
        card = ModelCard(
            model=effect.model,
            precision=effect.precision or "fp32",
            dimensions=self._dimensions,
            max_tokens=self._max_tokens,
            positions=self._max_tokens,
            pooling="mean",
        )
        return OpenedModel(effect.model, card, _TOKENIZER_JSON, self._lanes, _word_ids)

    async def run_model(self, effect: RunModel) -> array[float]:
        """Sum one random vector a word; tokens 1 and 2 open and close a text."""
        lengths = effect.lengths.tolist()
        self.batches.append(lengths)
        pooled = effect.output.startswith("sentence")
        unit = not effect.output.endswith("_raw")
        values = array("f")
        start = 0
        for length in lengths:
            rows = [self._row(token) for token in effect.token_ids[start : start + length]]
            start += length
            if pooled:
                rows = [[sum(column) / length for column in zip(*rows, strict=True)]]
            else:
                rows += [[0.0] * self._dimensions] * (max(lengths) - length)
            for row in rows:
                values.extend(_scaled(row) if unit else row)
        return values

    async def send(self, effect: Send) -> ResponseHead:
        """Record the request and answer by the script, or with `reply`."""
        self.requests.append(effect.request)
        if self._responses is None:
            response = self._answer(effect.request)
        else:
            if not self._responses:
                raise TransportFailed("connect", "the fake host has no response left")
            scripted = self._responses.popleft()
            if isinstance(scripted, Exception):
                raise scripted
            response = scripted
        opened = _OpenResponse(deque(response.chunks))
        return ResponseHead(opened, response.status, response.headers)

    async def receive(self, response: _OpenResponse) -> list[bytes]:
        """The next scripted chunk."""
        if not response.chunks:
            return []
        chunk = response.chunks.popleft()
        if isinstance(chunk, Exception):
            raise chunk
        return [chunk]

    async def close(self, response: _OpenResponse) -> None:
        """Count it."""
        del response
        self.closed += 1

    def _answer(self, request: HttpRequest) -> FakeResponse:
        body = json.loads(request.body)
        reply = self._reply if isinstance(self._reply, str) else self._reply(body)
        words = [word + " " for word in reply.split(" ")]
        words[-1] = words[-1][:-1]
        if not body["stream"]:
            words = [reply]
        if request.url.endswith("/v1/chat/completions"):
            return _openai(words, stream=body["stream"])
        return _ollama(words, chat=request.url.endswith("/api/chat"))

    def _row(self, token: int) -> list[float]:
        generator = random.Random(token)  # noqa: S311 (a fixed vector a word, not a secret)
        return [generator.gauss(0.0, 1.0) for _ in range(self._dimensions)]


def _word_ids(text: str) -> list[int]:
    return [1, *(3 + crc32(word.lower().encode()) % _VOCABULARY for word in text.split()), 2]


def _scaled(row: list[float]) -> list[float]:
    length = math.sqrt(sum(value * value for value in row)) or 1.0
    return [value / length for value in row]


def _ollama(words: list[str], *, chat: bool) -> FakeResponse:
    lines = [
        {"message": {"role": "assistant", "content": word}} if chat else {"response": word}
        for word in words
    ]
    chunks = [
        json.dumps({**line, "done": place == len(lines) - 1}).encode() + b"\n"
        for place, line in enumerate(lines)
    ]
    return FakeResponse(chunks, headers={"content-type": "application/x-ndjson"})


def _openai(words: list[str], *, stream: bool) -> FakeResponse:
    if not stream:
        message = {"role": "assistant", "content": words[0]}
        answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        return FakeResponse(
            [json.dumps(answer).encode()], headers={"content-type": "application/json"}
        )
    deltas: list[dict[str, Any]] = [
        {"delta": {"content": word}, "finish_reason": None} for word in words
    ]
    chunks = [
        b"data: " + json.dumps({"choices": [{"index": 0, **delta}]}).encode() + b"\n\n"
        for delta in [*deltas, {"delta": {}, "finish_reason": "stop"}]
    ]
    return FakeResponse(
        [*chunks, b"data: [DONE]\n\n"], headers={"content-type": "text/event-stream"}
    )
