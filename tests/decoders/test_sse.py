"""`SSEDecoder` against the WHATWG standard and against what inference hosts really send."""

from __future__ import annotations

import json

import pytest

from edgelet.decoders import ServerSentEvent, SSEDecoder
from edgelet.errors import ProtocolError
from tests.decoders.cutting import decode_in_every_way, feed_repeatedly

ENDED_INSIDE = "the stream ended inside an event; the inference host broke off, ask it again"


def message(data: str, event: str = "message", error: str = "") -> ServerSentEvent:
    return ServerSentEvent(data=data, event=event, error=error)


# The examples of the standard, section 9.2.6, and each of its rules.
STANDARD = {
    "joins data lines with a line feed": (
        b"data: YHOO\ndata: +2\ndata: 10\n\n",
        [message("YHOO\n+2\n10")],
    ),
    "ignores comments, and id and unknown fields": (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\nretry: 5\nx: y\n\n",
        [message("first event"), message("second event")],
    ),
    "removes one space after the colon, not two": (
        b"data:test\n\ndata: test\n\ndata:  third\n\n",
        [message("test"), message("test"), message(" third")],
    ),
    "reads a line without a colon as a field without a value": (
        b"data\ndata\n\ndata: x\ndata\n\n",
        [message("\n"), message("x\n")],
    ),
    "names the event by its last event field": (
        b"event: a\nevent: add\ndata: 1\n\ndata: 2\n\nevent\ndata: 3\n\n",
        [message("1", "add"), message("2"), message("3")],
    ),
    "forgets the name of a block without data": (
        b"event: ping\n\ndata: 1\n\n",
        [message("1")],
    ),
    "does not know a field by another case or with a space": (
        b"Data: x\n\n data: x\n\ndata : x\n\n",
        [],
    ),
    "keeps colons in the value": (b"data: a: b\n\n", [message("a: b")]),
    "ends lines at CRLF": (
        b"data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n",
        [message("a\nb"), message("c")],
    ),
    "ends lines at CR": (b"data: a\rdata: b\r\rdata: c\r\r", [message("a\nb"), message("c")]),
    "ends lines at all three mixed": (
        b"data: a\rdata: b\ndata: c\r\n\ndata: d\n\r\n",
        [message("a\nb\nc"), message("d")],
    ),
    "skips any number of blank lines": (
        b"\n\r\n\r\ndata: a\n\n\n\n\ndata: b\n\n\n",
        [message("a"), message("b")],
    ),
    "drops one byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [message("a")]),
    "drops only one byte order mark": (
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        [message("b")],
    ),
    "keeps a byte order mark inside": (b"data: \xef\xbb\xbf\n\n", [message("\ufeff")]),
    "decodes UTF-8 of every length": (
        "data: aé中🦊\n\n".encode(),
        [message("aé中🦊")],
    ),
    "replaces what is not UTF-8, as TextDecoder does": (
        b"data: \xff|\xc0\x80|\xe4\xb8|\xf0\x9f\xa6|\xed\xa0\x80|\xe4\n\n",
        [message("\ufffd|\ufffd\ufffd|\ufffd|\ufffd|\ufffd\ufffd\ufffd|\ufffd")],
    ),
    "does not break lines at other separators": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n\n".encode(),
        [message("a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg")],
    ),
    "keeps NUL": (b"data: a\0b\n\n", [message("a\0b")]),
    "is empty for an empty stream": (b"", []),
}  # fmt: skip

# What real servers send.
SERVERS = {
    "OpenAI": (
        b'data: {"choices":[]}\n\ndata: [DONE]\n\n',
        [message('{"choices":[]}'), message("[DONE]")],
    ),
    "keep-alive comments of OpenRouter": (
        b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {}\n\n:\n\n",
        [message("{}")],
    ),
    "a ping without data, and data without a space": (
        b'event: ping\n\ndata:{"a":1}\n\n',
        [message('{"a":1}')],
    ),
    "an event with empty data is a keep-alive": (
        b"data:\n\ndata: \n\ndata\n\nevent: ping\ndata:\n\ndata: x\n\n",
        [message("x")],
    ),
    "the error field of llamafile": (
        b'data: {}\n\nerror: {"code":500}\n\n',
        [message("{}"), message("", error='{"code":500}')],
    ),
    "an error of several lines beside data": (
        b"error: a\nerror: b\ndata: c\n\n",
        [message("c", error="a\nb")],
    ),
    "an empty error is none": (b"error:\n\ndata: x\n\n", [message("x")]),
    "a named event": (b"event: error\ndata: {}\n\n", [message("{}", "error")]),
    "data before and after a block of two lines": (
        b"data: a\n\ndata: b\ndata: c\n\ndata: d\n\n",
        [message("a"), message("b\nc"), message("d")],
    ),
    "a forgotten last blank line after JSON": (b'data: {"a":1}\n', [message('{"a":1}')]),
    "a forgotten last newline after JSON": (b'data: {"a":1}', [message('{"a":1}')]),
    "a forgotten last newline after JSON over two lines": (
        b'data: {"a":\r\ndata: 1}\r\n',
        [message('{"a":\n1}')],
    ),
    "a forgotten last newline after [DONE]": (
        b"data: {}\n\ndata: [DONE]",
        [message("{}"), message("[DONE]")],
    ),
    "a forgotten last newline after an error": (
        b"error: out of memory",
        [message("", error="out of memory")],
    ),
    "a last comment without newline": (b"data: {}\n\n: bye", [message("{}")]),
    "a last empty comment without newline": (b"data: {}\n\n:", [message("{}")]),
    "a last ping without newline": (b"data: {}\n\nevent: ping", [message("{}")]),
    "a last keep-alive without blank line": (b"data: {}\n\ndata:\n", [message("{}")]),
}

CUT = {
    "in the data": b'data: {"a":',
    "in the data, after a line break": b'data: {"a":\n',
    "in a second line": b'data: {"a":\ndata: ',
    "in a word": b"data: [DON",
    "in the field name": b"dat",
    "after the field name": b"data",
    "after the colon": b"data:",
    "after the space": b"data: ",
    "before the text of an error": b"error: ",
    "in a byte order mark": b"\xef\xbb",
    "in text that is not JSON": b"data: hello",
}


@pytest.mark.parametrize(("stream", "events"), STANDARD.values(), ids=STANDARD)
def test_the_standard_is_kept(stream: bytes, events: list[ServerSentEvent]) -> None:
    assert decode_in_every_way(SSEDecoder, stream) == (events, None)


@pytest.mark.parametrize(("stream", "events"), SERVERS.values(), ids=SERVERS)
def test_what_servers_send_is_read(stream: bytes, events: list[ServerSentEvent]) -> None:
    assert decode_in_every_way(SSEDecoder, stream) == (events, None)


@pytest.mark.parametrize("stream", CUT.values(), ids=CUT)
def test_a_stream_cut_inside_an_event_is_an_error_after_what_came_before(stream: bytes) -> None:
    assert decode_in_every_way(SSEDecoder, stream) == ([], ENDED_INSIDE)
    if not stream.startswith(b"\xef"):
        before = b"data: {}\n\n"
        assert decode_in_every_way(SSEDecoder, before + stream) == ([message("{}")], ENDED_INSIDE)


def test_every_cut_of_an_event_is_an_error_until_its_data_is_whole() -> None:
    data = json.dumps({"text": "aé🦊", "n": [1, 2]}, ensure_ascii=False)
    line = f"data: {data}".encode()
    for length in range(1, len(line)):
        assert decode_in_every_way(SSEDecoder, line[:length]) == ([], ENDED_INSIDE)
    for end in ("", "\n", "\r", "\r\n", "\n\n"):
        assert decode_in_every_way(SSEDecoder, line + end.encode()) == ([message(data)], None)


def test_an_event_that_ends_with_a_cr_is_given_out_before_the_next_byte_comes() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\r\n\r") == [message("a")]
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\ndata: b\r\r") == [message("b")]
    assert decoder.feed(b"\n") == []
    assert decoder.finish() == []


def test_an_event_is_given_out_with_the_chunk_that_completes_it() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: a\n\ndata: b\n") == [message("a")]
    assert decoder.feed(b"\ndata: c\n\n") == [message("b"), message("c")]
    assert decoder.feed(b"data: d\n\n") == [message("d")]


@pytest.mark.parametrize("block", [b"data: %s\n\n", b"data: %s\r\n\r\n", b"data: x\ndata: %s\n\n"])
def test_the_limit_counts_the_bytes_of_one_event(block: bytes) -> None:
    size = len(block.replace(b"\r", b"")) - len(b"%s\n")
    fits = block % (b"y" * (100 - size))
    over = block % (b"y" * (101 - size))
    events, error = decode_in_every_way(lambda: SSEDecoder(limit=100), fits * 5)
    assert (len(events), error) == (5, None)
    events, error = decode_in_every_way(lambda: SSEDecoder(limit=100), fits + over + fits)
    assert len(events) == 1
    assert error is not None
    assert "longer than 100 bytes" in error


def test_events_between_comments_never_reach_the_limit_together() -> None:
    stream = b": keep-alive\n\ndata: x\n\n: keep-alive\n" * 50
    events, error = decode_in_every_way(lambda: SSEDecoder(limit=30), stream)
    assert (len(events), error) == (50, None)


@pytest.mark.parametrize("endless", [b"data: ", b": ", b"x"])
def test_an_endless_line_is_an_error_at_the_limit_and_no_more_memory(endless: bytes) -> None:
    decoder = SSEDecoder()
    decoder.feed(endless)
    with pytest.raises(ProtocolError, match="longer than 8388608 bytes"):
        feed_repeatedly(decoder, b"x" * 65536, times=64 * 16)
    assert len(decoder._partial) <= 8 * 1024 * 1024 + 65536


@pytest.mark.parametrize("endless", [b"data\n", b"event: x\n", b"id: 7\n"])
def test_an_endless_block_of_short_lines_is_an_error_at_the_limit(endless: bytes) -> None:
    decoder = SSEDecoder(limit=100_000)
    with pytest.raises(ProtocolError, match="longer than 100000 bytes"):
        feed_repeatedly(decoder, endless * 100, times=1000)


def test_events_that_were_complete_before_an_error_are_given_out_first() -> None:
    decoder = SSEDecoder(limit=10)
    assert decoder.feed(b"data: a\n\ndata: longer than that\n\n") == [message("a")]
    with pytest.raises(ProtocolError, match=r"^one event of the stream is longer than 10 bytes"):
        decoder.feed(b"")


def test_after_an_error_every_call_says_what_happened_and_what_to_do() -> None:
    decoder = SSEDecoder(limit=10)
    with pytest.raises(ProtocolError, match=r"^one event"):
        decoder.feed(b"data: longer than that")
    again = (
        r"^this stream cannot be read further: one event of the stream is longer than 10 bytes; "
        r".* send the request again and read its answer with a new decoder$"
    )
    with pytest.raises(ProtocolError, match=again):
        decoder.feed(b"\n\ndata: b\n\n")
    for _ in range(2):
        with pytest.raises(ProtocolError, match=again):
            decoder.finish()


def test_a_decoder_reads_one_stream() -> None:
    decoder = SSEDecoder()
    assert decoder.finish() == []
    with pytest.raises(ProtocolError, match="the stream has ended; send the request again"):
        decoder.feed(b"data: a\n\n")
