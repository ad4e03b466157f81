"""Core's effects, as imports of the component."""

from __future__ import annotations

import asyncio
import json
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from componentize_py_types import Err

from edgelet.effects import OpenModel, ResponseHead, RunModel, Send, TransportFailed
from edgelet.errors import ConnectionFailed, ModelError
from edgelet.host import Host
from edgelet.models import ModelCard, OpenedModel
from edgelet_guest.loop import TicketLoop

_NO_TOKENIZER_OF_CORE = b"{}"
"""A `tokenizer.json` that core does not cover, so that the host's is asked."""

_ROOM = 4096
"""Bytes that an answer takes besides up to two of UTF-8, one of text and one of bytes for each."""


@dataclass(slots=True)
class GuestHost(Host):
    """Performs effects through `effects` of `world.wit`.

    `tokenizers` are the `tokenizer.json` files that the component holds, by their sha256. A model
    with another one is tokenized by the host, which takes a crossing a text.
    """

    effects: Any
    loop: TicketLoop
    tokenizers: dict[str, bytes]

    def env(self, name: str) -> str | None:
        """What the function was granted."""
        return os.environ.get(name)

    async def open_model(self, effect: OpenModel) -> OpenedModel:
        """See `world.wit`."""
        ticket = self.effects.open_model(sendable(effect.model), effect.precision)
        facts = json.loads(await self._answer(ticket))
        tokenizer_json = self.tokenizers.get(facts["tokenizer"], _NO_TOKENIZER_OF_CORE)
        handle = facts["handle"]
        return OpenedModel(
            handle,
            ModelCard(**facts["card"]),
            tokenizer_json,
            facts["lanes"],
            self._encoder(handle),
        )

    async def run_model(self, effect: RunModel) -> array[float]:
        """See `world.wit`."""
        values: array[float] = array("f")
        ticket = self.effects.run_model(
            effect.handle,
            text_of(effect.token_ids.tobytes()),
            text_of(effect.lengths.tobytes()),
            effect.output,
            effect.alone,
        )
        values.frombytes(bytes_of(await self._answer(ticket)))
        return values

    async def send(self, effect: Send) -> ResponseHead:
        """See `world.wit`."""
        request = effect.request
        ticket = self.effects.send(
            request.method,
            sendable(request.url),
            json.dumps(list(request.headers.items())),
            text_of(request.body),
            effect.connect_within,
        )
        facts = json.loads(await self._answer(ticket))
        return ResponseHead(facts["response"], facts["status"], facts["headers"])

    async def receive(self, response: int) -> list[bytes]:
        """See `world.wit`."""
        data = bytes_of(await self._answer(self.effects.receive(response)))
        return [data] if data else []

    async def close(self, response: int) -> None:
        """See `world.wit`."""
        self.effects.close(response)

    async def read_request(self) -> bytes:
        """The next bytes of the request's body, none at the end. Raises `ConnectionFailed`."""
        try:
            return bytes_of(await self._answer(self.effects.read_request()))
        except TransportFailed as failed:
            raise ConnectionFailed(f"the request's body broke off ({failed.reason})") from None

    async def _answer(self, ticket: int) -> str:
        try:
            length = await self.loop.answered(ticket)
        except asyncio.CancelledError:
            self.effects.cancel(ticket)
            raise
        return self._take(ticket, length)

    def _take(self, ticket: int, length: int) -> str:
        bytes(_ROOM + 4 * length)  # or MemoryError: the border itself cannot say it
        try:
            return cast(str, self.effects.take(ticket))
        except Err as failed:
            raise _failure(failed.value.kind, failed.value.reason) from None

    def _encoder(self, handle: int) -> Callable[[str], Sequence[int]]:
        def encode(text: str) -> Sequence[int]:
            ticket = self.effects.encode(handle, sendable(text))
            length = self.loop.block(ticket)
            ids: array[int] = array("i")
            ids.frombytes(bytes_of(self._take(ticket, length)))
            return ids

        return encode


def text_of(data: bytes) -> str:
    """Bytes as `world.wit` writes them."""
    return data.decode("latin-1")


def bytes_of(text: str) -> bytes:
    """What `text_of` was made of."""
    return text.encode("latin-1")


def sendable(text: str) -> str:
    """Text without lone surrogates, which the component model cannot carry: they are escaped."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _failure(kind: str, reason: str) -> Exception:
    if kind == "model":
        return ModelError(reason)
    return TransportFailed(cast(Literal["connect", "connect timeout", "exchange"], kind), reason)
