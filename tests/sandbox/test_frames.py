"""Frames: read whole, byte by byte, and with more behind them; nothing else is taken for one."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgelet_host.sandbox.frames import (
    MOST_BYTES,
    BadFrame,
    Channel,
    ChannelClosed,
    Frame,
    packed,
    read_frame,
)
from tests.decoders.cutting import single_bytes

Read = Callable[[Iterable[bytes]], list[Frame]]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FRAMES = st.lists(
    st.builds(Frame, st.dictionaries(st.text(), JSON, max_size=4), st.binary(max_size=300)),
    max_size=5,
)


@contextmanager
def channel() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def by_the_worker(pieces: Iterable[bytes]) -> list[Frame]:
    """All frames, and then the end, as a worker reads them."""
    frames: list[Frame] = []
    with channel() as (reading, sender):
        for piece in pieces:
            sender.sendall(piece)
            while (frame := reading.receive(0)) is not None:
                frames.append(frame)
        sender.close()
        with pytest.raises(ChannelClosed):
            reading.receive(1)
    return frames


def by_the_server(pieces: Iterable[bytes]) -> list[Frame]:
    """The same, as the server reads them."""

    async def read() -> list[Frame]:
        reader = asyncio.StreamReader()
        frames: list[Frame] = []

        async def take() -> None:
            while True:
                frames.append(await read_frame(reader))

        taking = asyncio.create_task(take())
        for piece in pieces:
            reader.feed_data(piece)
            await asyncio.sleep(0)
        reader.feed_eof()
        with pytest.raises(asyncio.IncompleteReadError):
            await taking
        return frames

    return asyncio.run(read())


BOTH = pytest.mark.parametrize("read", [by_the_worker, by_the_server])


@BOTH
@given(frames=FRAMES, data=st.data())
@settings(deadline=None, max_examples=60)
def test_frames_arrive_however_they_are_cut(read: Read, frames: list[Frame], data: Any) -> None:
    stream = b"".join(packed(*frame) for frame in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert read([stream]) == frames
    assert read([piece for piece in pieces if piece]) == frames
    assert read(single_bytes(stream)) == frames


@BOTH
@given(frame=st.builds(Frame, st.dictionaries(st.text(), JSON, max_size=2), st.binary(max_size=9)))
@settings(deadline=None, max_examples=30)
def test_a_frame_that_is_cut_short_is_none(read: Read, frame: Frame) -> None:
    stream = packed(*frame)
    for end in {0, 1, 7, 8, len(stream) - 1}:
        assert read([stream + stream[:end]] if end else [stream]) == [frame]


def malformed() -> dict[str, bytes]:
    def framed(head: bytes, data: bytes = b"") -> bytes:
        return struct.pack(">II", len(head), len(data)) + head + data

    return {
        "no JSON": framed(b"{"),
        "an empty head": framed(b""),
        "a list": framed(b"[]"),
        "a number": framed(b"1"),
        "null": framed(b"null"),
        "no UTF-8": framed(b'{"a": "\xff\xfe"}'),
        "deeper than Python goes": framed(b'{"a":' + b"[" * 200_000),
        "a number too long": framed(b'{"a":' + b"1" * 5000 + b"}"),
        "a head too long": struct.pack(">II", MOST_BYTES + 1, 0),
        "data too long": struct.pack(">II", 0, MOST_BYTES + 1),
        "both together too long": struct.pack(">II", MOST_BYTES // 2 + 1, MOST_BYTES // 2),
        "as long as lengths go": b"\xff" * 8,
    }


@BOTH
@pytest.mark.parametrize("stream", malformed().values(), ids=malformed())
def test_what_is_no_frame_is_refused(read: Read, stream: bytes) -> None:
    good = packed({"is": "chunk"}, b"x")
    with pytest.raises(BadFrame):
        read([good, stream])


@BOTH
@given(stream=st.binary(max_size=200))
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_frames_or_refused(read: Read, stream: bytes) -> None:
    try:
        frames = read([stream])
    except BadFrame:
        return
    assert all(isinstance(frame.facts, dict) for frame in frames)


@given(frames=FRAMES)
@settings(deadline=None, max_examples=30)
def test_what_is_held_is_sent_at_once_and_in_order(frames: list[Frame]) -> None:
    with channel() as (sending, receiver):
        for frame in frames:
            sending.hold(packed(*frame))
        sending.flush(lambda: False)
        sent = receiver.recv(100_000) if frames else b""

    assert sent == b"".join(packed(*frame) for frame in frames)


def test_a_large_frame_is_sent_as_the_other_end_reads() -> None:
    frame = packed({"is": "chunk"}, bytes(range(256)) * 40_000)
    with channel() as (sending, receiver):
        received = bytearray()

        def read() -> None:
            while len(received) < len(frame):
                received.extend(receiver.recv(65536))

        reading = threading.Thread(target=read)
        reading.start()
        sending.hold(frame)
        sending.flush(lambda: True)
        reading.join()

    assert received == frame


def test_a_flush_that_is_given_up_goes_on_where_it_was() -> None:
    frame = packed({"is": "chunk"}, bytes(range(256)) * 10_000)
    with channel() as (sending, receiver):
        sending.hold(frame)
        sending.flush(lambda: False)  # nobody reads
        receiver.setblocking(False)
        received = bytearray()
        while len(received) < len(frame):
            try:
                received += receiver.recv(1_000_000)
            except BlockingIOError:
                sending.flush(lambda: False)

    assert received == frame


def test_what_arrives_while_a_flush_waits_is_kept() -> None:
    answers = iter([True, True, False])
    with channel() as (sending, receiver):
        receiver.sendall(packed({"do": "cancel"}))
        sending.hold(packed({"is": "chunk"}, bytes(3_000_000)))
        sending.flush(lambda: next(answers))

        assert sending.receive(0) == Frame({"do": "cancel"})


def test_waiting_ends_on_time() -> None:
    with channel() as (reading, _):
        assert reading.receive(0.01) is None
        assert reading.receive(-1) is None


def test_an_end_that_is_gone_is_told() -> None:
    with channel() as (ours, theirs):
        theirs.close()
        with pytest.raises(ChannelClosed):
            ours.receive(None)
        ours.hold(packed({}))
        with pytest.raises(ChannelClosed):
            ours.flush(lambda: True)


def test_facts_are_written_as_compact_json() -> None:
    assert json.loads(packed({"é": [1]})[8:]) == {"é": [1]}
    assert packed({}, b"")[8:] == b"{}"
