"""What one instance may ask of the native host, and the checks on it.

An instance names models, responses and requests by numbers of its own: it can only name what it was
given.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from array import array
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import lru_cache
from itertools import count
from typing import Any, get_args

from edgelet.effects import HttpRequest, OpenModel, Output, RunModel, Send, TransportFailed
from edgelet.errors import EdgeletError, ModelError
from edgelet.fetching import NOT_THE_CALLERS
from edgelet.models import PRECISIONS, OpenedModel
from edgelet_host.native import NativeHost
from edgelet_host.sandbox.grants import Grants
from edgelet_host.sandbox.header_pairs import header_pairs

_MOST_TOKENS = 4096
"""Tokens of one batch, or of one text if a model takes longer ones; core makes batches of 512."""
_MOST_TEXT_TOKENS = 1_000_000
_MOST_LANES = 8
"""Batches of one instance that wait for the engine at once; the others wait for their turn here."""
_MOST_RESPONSES = 64
_PIECE = 256 * 1024
"""Bytes of a request's body that an instance is given at once."""

KnownModels = dict[tuple[str, str | None], OpenedModel]
"""Models that a function has opened, by name and precision."""

Answer = tuple[dict[str, Any], bytes]
"""Facts and bytes of an `answer` frame."""


class Refused(Exception):
    """The instance asked for what core never asks. `kind` is that of `failure` in `world.wit`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Capabilities:
    """Answers the effects of one instance, for one request."""

    def __init__(
        self, host: NativeHost, grants: Grants, body: AsyncIterator[bytes], known: KnownModels
    ) -> None:
        self._host = host
        self._grants = grants
        self._body = body
        self._unread = memoryview(b"")
        self._known = known
        self._models: dict[int, OpenedModel] = {}
        self._responses: dict[int, Any] = {}
        self._numbers = count(1)
        self._lanes = asyncio.Semaphore(_MOST_LANES)
        self._encoding = asyncio.Lock()

    def foreseen(self) -> list[tuple[str, str | None, str]]:
        """Models that the function has opened before, and the answers if it opens them again."""
        return [
            (model, precision, self._opened(opened))
            for (model, precision), opened in self._known.items()
            if self._grants.may_use(model)
        ]

    async def answer(self, facts: dict[str, Any], data: bytes) -> Answer:
        """The answer to an effect of `world.wit`. What fails is an answer, too."""
        try:
            match facts["effect"]:
                case "open-model":
                    return await self._open_model(facts["model"], facts["precision"])
                case "run-model":
                    return {}, await self._run_model(facts, data)
                case "encode":
                    return {}, await self._encode(facts["handle"], facts["text"])
                case "send":
                    return await self._send(facts, data)
                case "receive":
                    return {}, await self._receive(facts["response"])
                case "read-request":
                    return {}, await self._read_request()
            raise Refused("model", f"there is no effect {facts['effect']!r}")
        except ModelError as error:
            return {"failed": "model", "reason": str(error)}, b""
        except TransportFailed as error:
            return {"failed": error.phase, "reason": error.reason}, b""
        except Refused as error:
            return {"failed": error.kind, "reason": str(error)}, b""
        except EdgeletError as error:
            return {"failed": "exchange", "reason": str(error)}, b""

    async def close_response(self, number: int) -> None:
        """Answer `Close`."""
        response = self._responses.pop(number, None)
        if response is not None:
            await self._host.close(response)

    async def close(self) -> None:
        """Close whatever the instance has left open."""
        for number in list(self._responses):
            with contextlib.suppress(Exception):
                await self.close_response(number)

    async def _open_model(self, model: str, precision: str | None) -> Answer:
        if not self._grants.may_use(model):
            raise Refused(
                "model",
                f"this function may not use the model {model!r}; name it in allow_models",
            )
        if precision is not None and precision not in PRECISIONS:
            raise Refused("model", f"there is no precision {precision!r}")
        opened = await self._host.open_model(OpenModel(model, precision))
        self._known[model, precision] = opened
        return {"text": True}, self._opened(opened).encode()

    def _opened(self, opened: OpenedModel) -> str:
        """The answer to `open-model`."""
        number = next(self._numbers)
        self._models[number] = opened
        facts = {
            "handle": number,
            "card": asdict(opened.card),
            "lanes": opened.lanes * 2,  # while one batch crosses the border another runs
            "tokenizer": _digest(opened.tokenizer_json),
        }
        return json.dumps(facts)

    async def _run_model(self, facts: dict[str, Any], data: bytes) -> bytes:
        opened = self._model(facts["handle"])
        token_ids, lengths = _integers(data), _integers(facts["lengths"].encode("latin-1"))
        output: Output = facts["output"]
        if output not in get_args(Output):
            raise Refused("model", f"there is no output {output!r}")
        longest = min(opened.card.positions, opened.card.max_tokens)
        if sum(lengths) != len(token_ids):
            raise Refused("model", "the lengths of a batch do not match its token ids")
        if len(token_ids) > max(_MOST_TOKENS, longest):
            raise Refused("model", f"a batch may have {_MOST_TOKENS} tokens at most")
        if not lengths or min(lengths) < 1 or max(lengths) > longest or min(token_ids) < 0:
            raise Refused("model", f"a batch needs texts of 1 to {longest} tokens")
        effect = RunModel(opened.handle, token_ids, lengths, output, bool(facts["alone"]))
        async with self._lanes:
            try:
                return bytes(await self._host.run_model(effect))
            except ModelError:  # whose words name folders of the server's
                raise Refused("model", f"{opened.card.model} cannot run this batch") from None

    async def _encode(self, handle: int, text: str) -> bytes:
        tokenizer = self._model(handle).tokenizer
        async with self._encoding:
            ids, _ = await asyncio.to_thread(tokenizer.encode, text, _MOST_TEXT_TOKENS)
        return array("i", ids).tobytes()

    async def _send(self, facts: dict[str, Any], data: bytes) -> Answer:
        if len(self._responses) >= _MOST_RESPONSES:
            raise Refused("connect", f"{_MOST_RESPONSES} responses are open already")
        headers = _sendable(facts["headers"])
        request = HttpRequest(str(facts["method"]), str(facts["url"]), headers, data)
        address = await self._grants.network.address(request.url)
        head = await self._host.send(Send(request, facts["connect_within"]), address)
        number = next(self._numbers)
        self._responses[number] = head.response
        answer = {"response": number, "status": head.status, "headers": dict(head.headers)}
        return {"text": True}, json.dumps(answer).encode()

    async def _receive(self, number: int) -> bytes:
        response = self._responses.get(number)
        if response is None:
            raise Refused("exchange", "this response is closed")
        return b"".join(await self._host.receive(response))

    async def _read_request(self) -> bytes:
        """The next piece of the request's body, which may come in larger ones."""
        while not self._unread:
            try:
                piece = await anext(self._body, None)
            except Exception as error:  # whatever made the body
                raise Refused("exchange", str(error) or type(error).__name__) from error
            if piece is None:
                return b""
            self._unread = memoryview(piece)
        data, self._unread = self._unread[:_PIECE], self._unread[_PIECE:]
        return bytes(data)

    def _model(self, number: int) -> OpenedModel:
        opened = self._models.get(number)
        if opened is None:
            raise Refused("model", "this model is not open")
        return opened


def _sendable(text: str) -> dict[str, str]:
    """Headers as core sends them; what frames the message is not the function's to say."""
    pairs = header_pairs(text)
    if pairs is None:
        raise Refused("connect", "these are no headers")
    return {name: value for name, value in pairs if name.lower() not in NOT_THE_CALLERS}


def _integers(data: bytes) -> array[int]:
    integers = array("i")
    integers.frombytes(data[: len(data) // integers.itemsize * integers.itemsize])
    return integers


@lru_cache(maxsize=8)
def _digest(tokenizer_json: bytes) -> str:
    return hashlib.sha256(tokenizer_json).hexdigest()
