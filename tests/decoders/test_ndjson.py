"""`NDJSONDecoder` against every way in which servers write JSON values one after another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgelet.decoders import NDJSONDecoder
from edgelet.errors import ProtocolError
from tests.decoders.cutting import decode, decode_in_every_way, feed_repeatedly, single_bytes

ENDED_INSIDE = "the stream ended inside a JSON value; the inference host broke off, ask it again"

NESTED = {
    "model": 'a"b\\{[',
    "message": {"content": "}]\u2028é🦊", "calls": [{}, []]},
    "done": True,
}
PRETTY = json.dumps(NESTED, indent=2, ensure_ascii=False)

STREAMS: dict[str, tuple[str | bytes, list[Any]]] = {
    "a value a line": ('{"a":1}\n{"b":"x"}\n', [{"a": 1}, {"b": "x"}]),
    "no last newline": ('{"a":1}\n{"b":2}', [{"a": 1}, {"b": 2}]),
    "blank lines": ('\n{"a":1}\n\n  \n\t\n{"b":2}\n\n', [{"a": 1}, {"b": 2}]),
    "CRLF": ('{"a":1}\r\n\r\n{"b":2}\r\n', [{"a": 1}, {"b": 2}]),
    "a byte order mark": ('\ufeff{"a":1}\n', [{"a": 1}]),
    "separators that are none": (
        '{"a":"x\u2028y\u2029z\u0085w"}\n',
        [{"a": "x\u2028y\u2029z\u0085w"}],
    ),
    "UTF-8 of every length": ('"aé中🦊"\n', ["aé中🦊"]),
    "bytes that are not UTF-8": (
        b'"\xff|\xe4\xb8|\xed\xa0\x80"\n',
        ["\ufffd|\ufffd|\ufffd\ufffd\ufffd"],
    ),
    "every kind of value": (
        'null\ntrue\nfalse\n-1.5e3\n"s"\n[]\n{}\n7',
        [None, True, False, -1500.0, "s", [], {}, 7],
    ),
    "brackets, quotes and backslashes in strings": (
        '{"a":"{[\\"\\\\"}\n["]}\\\\"]\n',
        [{"a": '{["\\'}, ["]}\\"]],
    ),
    "spaces around": ('  {"a": 1}\t\n', [{"a": 1}]),
    "pretty-printed": (PRETTY, [NESTED]),
    "pretty-printed with CRLF": (PRETTY.replace("\n", "\r\n") + "\r\n", [NESTED]),
    "pretty-printed values one after another": (f"{PRETTY}\n{PRETTY}\n", [NESTED, NESTED]),
    "pretty-printed with blank lines inside": ('[\n\n1,\n\n"a"\n\n]\n', [[1, "a"]]),
    "compact after pretty-printed and back": (
        f'{{"a":1}}\n{PRETTY}\n{{"b":2}}\n{PRETTY}',
        [{"a": 1}, NESTED, {"b": 2}, NESTED],
    ),
    "values on one line": (
        '{"a":1}{"b":2} [3]\n"x""y" 1 2\n',
        [{"a": 1}, {"b": 2}, [3], "x", "y", 1, 2],
    ),
    "a value that begins where another ends": (
        '{"a":\n1}{"b":\n2}{"c":3}[\n]\n',
        [{"a": 1}, {"b": 2}, {"c": 3}, []],
    ),
    "a value only opened on its first line": ("{\n}\n[\n[\n]\n]\n", [{}, [[]]]),
    "an empty stream": ("", []),
    "only white space": (" \r\n\n", []),
}  # fmt: skip

NOT_JSON: dict[str, tuple[str | bytes, str]] = {
    "HTML": ("<html>\n", "<html>"),
    "HTML without newline": ("<html>", "<html>"),
    "a bare word": ("oops\n", "oops"),
    "a comma between values": (', {"b":2}\n', ', {"b":2}'),
    "a closing bracket": ("]\n", "]"),
    "closed but wrong": ('{"a":}\n', '{"a":}'),
    "closed with the wrong bracket": ("[1}\n", "[1}"),
    "closed but wrong over lines": ('{\n"a":\n}\n', '{\\n"a":\\n}'),
    "a trailing comma": ("[1,]\n", "[1,]"),
    "NaN": ('{"a":NaN}\n', '{"a":NaN}'),
    "Infinity": ("Infinity\n", "Infinity"),
    "minus Infinity over lines": ("[\n-Infinity\n]\n", "[\\n-Infinity\\n]"),
    "a line break in a string": ('{"a":"x\ny"}\n', '{"a":"x'),
    "a line break in a string of a later line": ('{"a":\n"x\ny"}\n', '{"a":\\n"x'),
    "a line break after a backslash": ('"x\\\n', '"x\\\\'),
    "a control character in a string": ('"\x01"\n', '"\\x01"'),
    "a wrong escape": ('"\\x"\n', '"\\\\x"'),
    "a byte order mark inside": (b'\xef\xbb\xbf\xef\xbb\xbf{"b":2}\n', '\\ufeff{"b":2}'),
    "an incomplete byte order mark": (b"\xef\xbb", "\ufffd"),
    "a lone lone surrogate's bytes": (b"\xed\xa0\x80\n", "\ufffd\ufffd\ufffd"),
}

CUT = {
    "in an object": '{"a":',
    "in a string": '{"a":"x',
    "in a bare string": '"x',
    "after a backslash": '{"a":"x\\',
    "between the lines of a value": '{\n"a":1,\n',
    "before the closing bracket": '{\n"a":1\n',
    "in a string of a later line": '[\n"x',
}


def as_bytes(stream: str | bytes) -> bytes:
    return stream if isinstance(stream, bytes) else stream.encode()


@pytest.mark.parametrize(("stream", "values"), STREAMS.values(), ids=STREAMS)
def test_values_are_read_however_they_are_written(stream: str | bytes, values: list[Any]) -> None:
    assert decode_in_every_way(NDJSONDecoder, as_bytes(stream)) == (values, None)


@pytest.mark.parametrize(("stream", "shown"), NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_an_error_that_shows_it(stream: str | bytes, shown: str) -> None:
    error = f"expected JSON, got '{shown}'"
    assert decode_in_every_way(NDJSONDecoder, as_bytes(stream)) == ([], error)
    if not as_bytes(stream).startswith(b"\xef"):
        after = b'{"a":1}\n' + as_bytes(stream) + b'{"never":"read"}\n'
        items, late = decode_in_every_way(NDJSONDecoder, after)
        assert items == [{"a": 1}]
        assert late is not None
        assert late.startswith(error.removesuffix("'"))


@pytest.mark.parametrize("stream", CUT.values(), ids=CUT)
def test_a_stream_cut_inside_a_value_is_an_error_after_what_came_before(stream: str) -> None:
    assert decode_in_every_way(NDJSONDecoder, stream.encode()) == ([], ENDED_INSIDE)
    after = f"[1]\n[2]{stream}".encode()
    decoder = NDJSONDecoder()
    assert decoder.feed(b"[1]\n") == [[1]]
    items, error = decode_in_every_way(NDJSONDecoder, after)
    assert items in ([[1]], [[1], [2]])
    assert error == ENDED_INSIDE


def test_every_cut_of_a_pretty_printed_value_is_an_error() -> None:
    stream = PRETTY.encode()
    for length in range(1, len(stream)):
        cut = stream[:length]
        assert decode(NDJSONDecoder, [cut]) == ([], ENDED_INSIDE)
        assert decode(NDJSONDecoder, single_bytes(cut)) == ([], ENDED_INSIDE)


def test_a_value_is_given_out_with_the_newline_that_completes_it() -> None:
    decoder = NDJSONDecoder()
    assert decoder.feed(b'{"a":1}\n{"b":') == [{"a": 1}]
    assert decoder.feed(b"2}") == []
    assert decoder.feed(b'\n{\n"c":3\n}\n') == [{"b": 2}, {"c": 3}]


def test_an_error_shows_at_most_eighty_characters() -> None:
    _, error = decode_in_every_way(NDJSONDecoder, b"x" * 500 + b"\n")
    assert error == f"expected JSON, got '{'x' * 79}…'"


def test_nesting_too_deep_is_an_error() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for stream in (deep, deep + b"\n", deep.replace(b"[", b"[\n", 1)):
        decoder = NDJSONDecoder()
        with pytest.raises(ProtocolError, match=r"^expected JSON, got '\["):
            decoder.feed(stream) or decoder.finish()


def test_an_integer_of_too_many_digits_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="expected JSON, got '1111"):
        NDJSONDecoder().feed(b"1" * 5000 + b"\n")


@pytest.mark.parametrize("value", [b'"%s"', b'[\n"%s"\n]', b'[\n\n\n["%s"]]'])
def test_the_limit_counts_the_bytes_of_one_value(value: bytes) -> None:
    size = len(value) - len(b"%s")
    fits = value % (b"y" * (100 - size)) + b"\n"
    over = value % (b"y" * (101 - size)) + b"\n"
    values, error = decode_in_every_way(lambda: NDJSONDecoder(limit=100), fits * 5)
    assert (len(values), error) == (5, None)
    values, error = decode_in_every_way(lambda: NDJSONDecoder(limit=100), fits + over + fits)
    assert len(values) == 1
    assert error is not None
    assert "longer than 100 bytes" in error


def test_an_endless_line_is_an_error_at_the_limit_and_no_more_memory() -> None:
    decoder = NDJSONDecoder()
    decoder.feed(b'"')
    with pytest.raises(ProtocolError, match="longer than 8388608 bytes"):
        feed_repeatedly(decoder, b"x" * 65536, times=64 * 16)
    assert len(decoder._partial) <= 8 * 1024 * 1024 + 65536


def test_an_endless_value_of_short_lines_is_an_error_at_the_limit() -> None:
    decoder = NDJSONDecoder(limit=100_000)
    decoder.feed(b"[\n")
    with pytest.raises(ProtocolError, match="longer than 100000 bytes"):
        feed_repeatedly(decoder, b"1,\n" * 100, times=1000)


def test_values_that_were_complete_before_an_error_are_given_out_first() -> None:
    decoder = NDJSONDecoder()
    assert decoder.feed(b'{"a":1}\n[2]oops\n{"b":2}\n') == [{"a": 1}, [2]]
    with pytest.raises(ProtocolError, match=r"^expected JSON, got 'oops'$"):
        decoder.finish()


def test_after_an_error_every_call_says_what_happened_and_what_to_do() -> None:
    decoder = NDJSONDecoder()
    with pytest.raises(ProtocolError, match=r"^expected JSON, got 'oops'$"):
        decoder.feed(b"oops\n")
    again = (
        r"^this stream cannot be read further: expected JSON, got 'oops'; "
        r"send the request again and read its answer with a new decoder$"
    )
    with pytest.raises(ProtocolError, match=again):
        decoder.feed(b'{"b":2}\n')
    for _ in range(2):
        with pytest.raises(ProtocolError, match=again):
            decoder.finish()


def test_a_failure_at_the_end_is_remembered_too() -> None:
    decoder = NDJSONDecoder()
    decoder.feed(b"{")
    with pytest.raises(ProtocolError, match=r"^the stream ended inside a JSON value"):
        decoder.finish()
    with pytest.raises(ProtocolError, match=r"^this stream cannot be read further"):
        decoder.finish()
