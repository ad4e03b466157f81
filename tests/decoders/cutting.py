"""Feeding a decoder the same bytes in every way in which a network may cut them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from edgelet.decoders.lines import LineDecoder
from edgelet.errors import ProtocolError

Make = Callable[[], LineDecoder[Any]]
Outcome = tuple[list[Any], str | None]
"""The items of a stream, and the message of the error that ended it, if one did."""


def decode_in_every_way(make: Make, stream: bytes) -> Outcome:
    """Decode whole, byte by byte, in two parts at every place, and at random; all must agree."""
    whole = decode(make, [stream])
    assert decode(make, single_bytes(stream)) == whole, "byte by byte"
    for cut in range(0, len(stream) + 1, max(1, len(stream) // 200)):
        assert decode(make, [stream[:cut], stream[cut:]]) == whole, f"cut at {cut}"
    rng = random.Random(len(stream))
    for _ in range(10):
        chunks = random_cuts(stream, rng)
        assert decode(make, chunks) == whole, chunks
    return whole


def decode(make: Make, chunks: Iterable[bytes]) -> Outcome:
    """Decode a stream to its end or its error. Any exception but `ProtocolError` goes through."""
    decoder = make()
    items: list[Any] = []
    try:
        for chunk in chunks:
            items += decoder.feed(chunk)
        items += decoder.finish()
    except ProtocolError as error:
        return items, str(error)
    return items, None


def feed_repeatedly(decoder: LineDecoder[Any], data: bytes, times: int) -> None:
    for _ in range(times):
        decoder.feed(data)


def single_bytes(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]


def random_cuts(stream: bytes, rng: random.Random) -> list[bytes]:
    cuts = sorted(rng.randrange(len(stream) + 1) for _ in range(rng.randrange(1, 6)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
