"""The promise of every decoder: any bytes, cut anywhere, give the same items or `ProtocolError`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgelet.decoders import NDJSONDecoder, ServerSentEvent, SSEDecoder
from tests.decoders.cutting import Make, decode, random_cuts, single_bytes

if TYPE_CHECKING:
    import random

DECODERS = [SSEDecoder, NDJSONDecoder]

# Pieces that matter to one decoder or the other, so that random streams reach the inner states.
PIECES = st.sampled_from(
    [
        *(b"data", b"data: ", b"data:", b"event: x", b"error: e", b": c", b"[DONE]", b" ", b"\0"),
        *(
            b"\n",
            b"\n\n",
            b"\r",
            b"\r\n",
            b"\xef\xbb\xbf",
            b"\xef",
            b"\xf0\x9f",
            "é🦊\u2028".encode(),
        ),
        *(b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b"1", b"null", b'{"a":1}', b"NaN"),
    ]
)
STREAMS = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=40).map(b"".join))
RANDOMS = st.randoms(use_true_random=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@pytest.mark.parametrize("limit", [12, 1 << 20])
@pytest.mark.parametrize("decoder", DECODERS)
@given(stream=STREAMS, rng=RANDOMS)
def test_cutting_never_changes_what_a_stream_means(
    decoder: type[SSEDecoder | NDJSONDecoder], limit: int, stream: bytes, rng: random.Random
) -> None:
    def make() -> SSEDecoder | NDJSONDecoder:
        return decoder(limit)

    whole = decode(make, [stream])
    assert decode(make, random_cuts(stream, rng)) == whole
    assert decode(make, single_bytes(stream)) == whole


@given(values=st.lists(JSON, max_size=5), rng=RANDOMS)
def test_json_values_written_in_any_style_come_back(values: list[Any], rng: random.Random) -> None:
    def write(value: Any) -> str:
        indent = rng.choice([None, 0, 2])
        text = json.dumps(value, indent=indent, ensure_ascii=rng.choice([False, True]))
        return text + rng.choice(["\n", "\r\n", "\n\n", " \n"])

    stream = "".join(map(write, values)).encode()
    assert decode(NDJSONDecoder, random_cuts(stream, rng)) == (values, None)


EVENTS = st.builds(
    ServerSentEvent,
    data=st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), min_size=1),
    event=st.sampled_from(["message", "error", "é"]),
    error=st.sampled_from(["", "out of memory"]),
)


@given(events=st.lists(EVENTS), newline=st.sampled_from(["\n", "\r\n", "\r"]), rng=RANDOMS)
def test_events_written_with_any_line_ending_come_back(
    events: list[ServerSentEvent], newline: str, rng: random.Random
) -> None:
    stream = "".join(write_event(event, newline) for event in events).encode()
    assert decode(SSEDecoder, random_cuts(stream, rng)) == (events, None)


def write_event(event: ServerSentEvent, newline: str) -> str:
    lines = [f"data: {line}" for line in event.data.split("\n")]
    if event.event != "message":
        lines.insert(0, f"event:{event.event}")
    if event.error:
        lines.append(f"error: {event.error}")
    return newline.join([*lines, "", ""])


class CountingBuffer(bytearray):
    """A buffer that counts how many of its bytes are read or copied."""

    read = 0

    def __bytes__(self) -> bytes:
        self.read += len(self)
        return bytes(memoryview(self))

    def __contains__(self, what: Any) -> bool:
        self.read += len(self)
        return super().__contains__(what)

    def __add__(self, more: Any) -> bytearray:
        self.read += len(self)
        return super().__add__(more)

    def find(self, *args: Any) -> int:
        self.read += len(self)
        return super().find(*args)

    def split(self, *args: Any) -> list[bytearray]:
        self.read += len(self)
        return super().split(*args)


@pytest.mark.parametrize(
    ("make", "begin", "end"),
    [
        (SSEDecoder, b'data: "', b'"\n\n'),
        (NDJSONDecoder, b'"', b'"\n'),
        (NDJSONDecoder, b'[\n"', b'"\n]\n'),
    ],
)
def test_a_line_in_slivers_is_searched_once_and_joined_once(
    make: Make, begin: bytes, end: bytes
) -> None:
    slivers = 20_000
    decoder = make()
    decoder._partial = buffer = CountingBuffer()
    decoder.feed(begin)
    for _ in range(slivers):
        assert decoder.feed(b"x") == []
    assert len(decoder.feed(end)) == 1
    assert decoder._partial is buffer
    assert slivers <= buffer.read <= 2 * slivers


@pytest.mark.parametrize("make", DECODERS)
def test_eight_megabytes_in_small_chunks_are_read(make: Make) -> None:
    decoder = make()
    decoder.feed(b'data: "' if make is SSEDecoder else b'"')
    for _ in range(8 * 1024 - 1):
        decoder.feed(b"x" * 1024)
    [item] = decoder.feed(b'"\n\n')
    assert len(item.data if make is SSEDecoder else item) > 8_000_000


def test_brackets_without_end_are_looked_at_once() -> None:
    lines = 100_000
    decoder = NDJSONDecoder()
    assert decoder.feed(b"[\n" * lines) == []
    assert decoder._depth == lines
    assert len(decoder._value_lines) == lines
