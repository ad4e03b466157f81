"""`Headers`: the fetch standard's meaning, in Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgelet import Headers, OptionError

TOKENS = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1)
VALUES = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\0\r\n"))
PAIRS = st.lists(st.tuples(TOKENS, VALUES))


@given(PAIRS)
def test_headers_give_back_every_field_for_a_transport(pairs: list[tuple[str, str]]) -> None:
    headers = Headers(pairs)

    assert headers.raw() == [(name.lower(), value.strip("\t ")) for name, value in pairs]
    assert Headers(headers) == Headers(headers.raw()) == headers
    assert Headers.received(pairs) == headers


@given(PAIRS)
def test_headers_are_a_mapping_of_combined_values(pairs: list[tuple[str, str]]) -> None:
    headers = Headers(pairs)

    assert list(headers) == headers.keys() == sorted({name.lower() for name, _ in pairs})
    assert len(headers) == len(headers.keys())
    for name in headers:
        together = ", ".join(value for each, value in headers.raw() if each == name)
        assert headers[name] == headers.get(name.upper()) == together
    assert dict(headers) == {name: headers[name] for name in headers}


def test_a_name_is_found_in_any_case() -> None:
    headers = Headers({"Content-Type": "text/html"})

    assert headers["content-TYPE"] == "text/html"
    assert "CONTENT-type" in headers
    assert headers.has("content-type")
    assert 5 not in headers
    assert headers.get("etag") is None
    assert headers.get("etag", "none") == "none"
    with pytest.raises(KeyError, match="etag"):
        headers["etag"]


def test_setting_replaces_every_value_in_the_place_of_the_first() -> None:
    headers = Headers([("a", "1"), ("b", "2"), ("A", "3")])
    headers.set("A", "4")
    headers["c"] = "5"

    assert headers.raw() == [("a", "4"), ("b", "2"), ("c", "5")]


def test_deleting_takes_out_every_value() -> None:
    headers = Headers([("a", "1"), ("b", "2"), ("A", "3")])
    headers.delete("a")
    headers.delete("missing")
    del headers["B"]

    assert headers.items() == []
    with pytest.raises(KeyError, match="b"):
        del headers["b"]


def test_cookies_are_never_joined() -> None:
    headers = Headers([("set-cookie", "a=1"), ("x", "1"), ("Set-Cookie", "b=2"), ("x", "2")])

    assert headers.get_set_cookie() == ["a=1", "b=2"]
    assert headers.items() == [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x", "1, 2")]
    assert headers.values() == ["a=1", "b=2", "1, 2"]


@pytest.mark.parametrize("name", ["", "a b", "é", "a:", "a\n", 5, None])
def test_a_name_that_is_no_token_is_refused(name: Any) -> None:
    with pytest.raises(OptionError, match="is not a header name"):
        Headers({name: "x"})
    with pytest.raises(OptionError, match="is not a header name"):
        Headers().delete(name)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("secret\0", "one line without NUL"),
        ("secret\r\nx: y", "one line without NUL"),
        ("secret\u0100", r"above U\+00FF"),
        (5, "must be text, got int"),
    ],
)
def test_a_value_that_http_cannot_carry_is_refused_and_not_repeated(value: Any, words: str) -> None:
    with pytest.raises(OptionError, match=f"header x-key .*{words}") as refused:
        Headers({"x-key": value})
    assert "secret" not in str(refused.value)
    with pytest.raises(OptionError, match=words):
        Headers().set("x-key", value)


@pytest.mark.parametrize("init", ["ab", b"ab", 5, ["ab"], [("a", "b", "c")]])
def test_headers_are_made_of_pairs_alone(init: Any) -> None:
    with pytest.raises(OptionError, match=r"header.* must be a .*pair"):
        Headers(init)


def test_headers_from_a_network_are_repaired_so_that_they_can_be_passed_on() -> None:
    headers = Headers.received([(":path", "/"), ("X-Note", " a\r\nb\0 "), ("x-name", "☃")])

    assert headers.raw() == [("x-note", "a  b"), ("x-name", "â\x98\x83")]
    assert Headers(headers) == headers


def test_headers_show_their_names_alone() -> None:
    assert (
        repr(Headers({"Authorization": "Bearer secret", "a": "b"})) == "<Headers a, authorization>"
    )
    assert Headers() != {}
