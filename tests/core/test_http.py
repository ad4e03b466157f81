"""`Headers`, `Query`, `Request` and `Response`: the fetch standard's meaning, in Python."""

from __future__ import annotations

import asyncio
import gc
import json
from array import array
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgelet import EdgeletError, Headers, OptionError, Query, Request, Response, Session
from edgelet.testing import FakeHost

TOKENS = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1)
VALUES = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\0\r\n"))
PAIRS = st.lists(st.tuples(TOKENS, VALUES))
CHUNKS = st.lists(st.one_of(st.binary(), st.text(st.characters(codec="utf-8"))))


async def arriving(*chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


def post(body: Any = None, **arguments: Any) -> Request:
    return Request("http://localhost/", method="POST", body=body, **arguments)


# Headers


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


# Query


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
    )
)
def test_a_query_has_what_urllib_wrote(pairs: list[tuple[str, str]]) -> None:
    query = Query(urlencode(pairs))

    assert query.items_all() == pairs
    for name, value in query.items():
        assert value == query.get_all(name)[0]
    assert list(query) == list(dict(pairs))
    assert len(query) == len(dict(pairs))


@given(st.text())
@example("a=%ff&a&&=x&b=%zz;c=d")
def test_any_query_is_read_as_urllib_reads_it(text: str) -> None:
    query = Query(text)

    read = parse_qs(text, keep_blank_values=True, errors="replace")
    assert {name: query.get_all(name) for name in query} == read


def test_a_query_is_a_mapping_of_first_values() -> None:
    query = Request("http://localhost/?tag=a&tag=b&q=caf%C3%A9+noir&flag#tag=c").query

    assert dict(query) == {"tag": "a", "q": "café noir", "flag": ""}
    assert query.get("page", "1") == "1"
    assert query.get_all("page") == []
    assert repr(query) == "<Query tag, q, flag>"
    assert len(Query()) == 0


# Request


def test_a_request_knows_its_parts() -> None:
    request = Request("https://localhost:8000/a%20b/c?x=1#y", headers={"Accept": "text/html"})

    assert (request.method, request.path, request.query["x"]) == ("GET", "/a%20b/c", "1")
    assert request.url == "https://localhost:8000/a%20b/c?x=1#y"
    assert request.headers["accept"] == "text/html"
    assert request.query is request.query
    assert repr(request) == "<Request GET /a%20b/c>"
    assert Request("http://localhost?x").path == "/"


@pytest.mark.parametrize(
    ("url", "encoded"),
    [
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("HTTP://bücher.example/é?q=ü", "HTTP://bücher.example/%C3%A9?q=%C3%BC"),
        (" http://localhost/a b?c d ", "http://localhost/a%20b?c%20d"),
        ("http://localhost/%41\\'\"\ud800", "http://localhost/%41%5C'%22%EF%BF%BD"),
    ],
)
def test_a_url_is_encoded_where_need_be(url: str, encoded: str) -> None:
    assert Request(url).url == encoded


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "/hello",
            "localhost:8000",
            "ftp://localhost/",
            "http:///x",
            "http:localhost",
            5,
            None,
        ),
        *("http://[::1/", "http://localhost:x/", "http://localhost:99999/", "http://a:b:1/"),
        *("http://a\\b/", "http://a b/", "http://a%41/", "http://a^b/", "http://a\ud800/"),
    ],
)
def test_a_url_that_names_no_server_of_http_is_refused(url: Any) -> None:
    with pytest.raises(OptionError, match="expected a URL of http or https"):
        Request(url)


def test_a_refused_url_shows_no_secret() -> None:
    for url in ("http://user:secret@localhost/", "ftp://localhost/?secret", "htt\np://x?secret"):
        with pytest.raises(OptionError) as refused:
            Request(url)
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "method"),
    [("post", "POST"), ("Delete", "DELETE"), ("patch", "patch"), ("PROPFIND", "PROPFIND")],
)
def test_the_usual_methods_may_be_in_any_case(given: str, method: str) -> None:
    assert Request("http://localhost/", method=given).method == method


@pytest.mark.parametrize("method", ["", "GE T", "é", "connect", "TRACE", "Track", 5])
def test_a_method_that_must_not_be_sent_is_refused(method: Any) -> None:
    with pytest.raises(OptionError, match="method"):
        Request("http://localhost/", method=method)


@pytest.mark.parametrize("method", ["GET", "head"])
def test_a_method_without_body_has_none(method: str) -> None:
    with pytest.raises(OptionError, match=f"a {method.upper()} request has no body"):
        Request("http://localhost/", method=method, body="")


async def test_what_a_server_received_is_never_refused() -> None:
    pairs: Any = [["Host", "x"], [":a", "b"]]  # as they come out of JSON
    request = Request.received("odd:?a=b", "trace", pairs, b"body")

    assert (request.method, request.path, request.query["a"]) == ("trace", "/", "b")
    assert request.headers.raw() == [("host", "x")]
    assert await request.bytes() == b"body"


# Reading a body


@given(CHUNKS)
async def test_however_a_body_is_cut_it_reads_the_same(chunks: list[Any]) -> None:
    whole = b"".join(chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks)

    assert await post(arriving(*chunks)).bytes() == whole
    assert await Response.stream(chunks).bytes() == whole
    assert await Response(whole).bytes() == whole
    async for chunk in Response.stream(arriving(*chunks)).body:
        assert type(chunk) is bytes
        assert chunk


async def test_bytes_of_every_kind_are_copied() -> None:
    changing = bytearray(b"abc")
    response = Response(changing)
    changing[0] = 0

    assert await response.bytes() == b"abc"
    assert await Response(memoryview(b"abc")).bytes() == b"abc"
    assert await Response.stream([bytearray(b"a"), memoryview(b"b")]).bytes() == b"ab"


async def test_text_is_utf_8_whatever_arrives() -> None:
    assert await Response(b"\xef\xbb\xbfcaf\xc3\xa9 \xff").text() == "café \ufffd"
    assert await Response("a\ud800b").text() == "a\ufffdb"
    assert await Response.stream(arriving(b"\xc3", b"\xa9")).text() == "é"


async def test_json_is_read_from_requests_and_responses() -> None:
    assert await post('\ufeff{"a": [1, null]}').json() == {"a": [1, None]}
    assert await Response(b"5").json() == 5


@pytest.mark.parametrize("body", ["", "{", "NaN", "[-Infinity]", "[" * 100_000, "1" * 5000])
async def test_what_is_no_json_is_refused(body: str) -> None:
    with pytest.raises(OptionError, match="the body is not JSON: "):
        await post(body).json()


@pytest.mark.parametrize("body", [b"abc", "abc", b""])
async def test_a_body_is_read_once(body: Any) -> None:
    for message in (post(body), Response(body)):
        assert not message.body_used
        await message.text()
        assert message.body_used
        for again in (message.bytes, message.text, message.json):
            with pytest.raises(EdgeletError, match="this body has been read already"):
                await again()


async def test_a_body_that_was_begun_cannot_be_begun_again() -> None:
    response = Response.stream(arriving(b"a", b"b", b"c"))
    body, other = response.body, response.body
    assert not response.body_used
    assert await anext(body) == b"a"
    assert response.body_used
    with pytest.raises(EdgeletError, match="read already"):
        await anext(other)
    await other.aclose()
    assert [chunk async for chunk in body] == [b"b", b"c"]
    assert [chunk async for chunk in body] == []


async def test_no_body_is_empty_and_never_used() -> None:
    for message in (Request("http://localhost/"), Response(), Response(status=204)):
        for _ in range(2):
            assert await message.text() == ""
        assert [chunk async for chunk in message.body] == []
        await message.aclose()
        assert not message.body_used


async def test_a_host_sees_whether_a_body_is_whole() -> None:
    response = Response("Hello")
    assert (response.whole, response.body_used) == (b"Hello", False)
    await response.text()
    assert response.whole is None
    assert Response().whole == b""
    assert Response(arriving("Hello")).whole is None


@pytest.mark.parametrize("chunk", [5, None, ["a"]])
async def test_a_chunk_that_is_neither_text_nor_bytes_is_refused_by_name(chunk: Any) -> None:
    with pytest.raises(OptionError, match=f"must be text or bytes, got {type(chunk).__name__}"):
        await Response.stream(arriving(b"a", chunk)).bytes()


@pytest.mark.parametrize("body", [5, {"a": 1}, ["a"], iter("a")])
def test_a_body_that_is_none_is_refused(body: Any) -> None:
    with pytest.raises(OptionError, match=rf"got {type(body).__name__}; Response\.json\(\)"):
        Response(body)


async def test_what_the_chunks_raise_arrives_where_they_are_read() -> None:
    async def failing() -> AsyncIterator[str]:
        yield "a"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        await Response(failing()).text()


class Chunks:
    """Endless chunks that know whether they were closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> Chunks:
        return self

    async def __anext__(self) -> bytes:
        return b"a"

    async def aclose(self) -> None:
        self.closed += 1


async def test_closing_a_message_closes_what_makes_its_body() -> None:
    unread, begun, iterated = Chunks(), Chunks(), Chunks()
    await Response(unread).aclose()
    assert unread.closed == 1

    response = Response(begun)
    body = response.body
    await anext(body)
    await response.aclose()
    await response.aclose()
    assert begun.closed == 1
    assert [chunk async for chunk in body] == []

    response = Response(iterated)
    await response.body.aclose()
    assert iterated.closed == 1
    with pytest.raises(EdgeletError, match="read already"):
        await response.bytes()


async def test_an_iterable_that_cannot_be_closed_is_dropped() -> None:
    class Bare:
        def __aiter__(self) -> AsyncIterator[str]:
            return arriving("a", "b")

    await Response(Bare()).aclose()
    response = Response(Bare())
    async for _ in response.body:
        break
    await response.aclose()
    assert response.body_used


async def test_leaving_a_loop_lets_go_of_what_makes_the_body() -> None:
    left: list[str] = []

    def made() -> Iterator[str]:
        try:
            yield from "abc"
        finally:
            left.append("left")

    response = Response.stream(made())
    async for _ in response.body:
        break
    gc.collect()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert left == ["left"]


# Response


async def test_a_text_says_its_type_unless_the_headers_do() -> None:
    assert Response("a").headers["content-type"] == "text/plain;charset=UTF-8"
    assert post("a").headers["content-type"] == "text/plain;charset=UTF-8"
    assert Response("a", headers={"Content-Type": "text/html"}).headers.raw() == [
        ("content-type", "text/html")
    ]
    for silent in (Response(b"a"), Response(), Response.stream(["a"]), Response(arriving("a"))):
        assert silent.headers.raw() == []


def test_headers_are_copied() -> None:
    headers = Headers({"a": "b"})
    response = Response(headers=headers)
    response.headers["a"] = "c"

    assert headers["a"] == "b"


@pytest.mark.parametrize("status", [199, 600, 101, 103, True, "200", 200.0, None])
def test_a_status_that_no_response_has_is_refused(status: Any) -> None:
    with pytest.raises(OptionError, match="status must be a whole number from 200 to 599"):
        Response(status=status)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_body_has_none(status: int) -> None:
    assert Response(status=status).status == status
    with pytest.raises(OptionError, match=f"a response with status {status} has no body"):
        Response("", status=status)


def test_a_response_is_ok_from_200_to_299() -> None:
    assert [Response(status=each).ok for each in (200, 299, 300, 404)] == [True, True, False, False]
    assert Response(status=HTTPStatus.NOT_FOUND).status == 404
    assert repr(Response(status=HTTPStatus.NOT_FOUND)) == "<Response 404>"


async def test_a_response_from_a_network_is_never_refused() -> None:
    response = Response.received(999, {"X-Odd": "☃"}, b"body")

    assert (response.status, response.ok, await response.text()) == (999, False, "body")
    assert Response.received(204, {}, b"body").status == 204


async def test_a_value_is_written_as_compact_json() -> None:
    response = Response.json({"é": [1, 0.5, None, True]}, status=201, headers={"x": "y"})

    assert await response.bytes() == '{"é":[1,0.5,null,true]}'.encode()
    assert response.status == 201
    assert response.headers.items() == [("content-type", "application/json"), ("x", "y")]
    own = Response.json(1, headers={"content-type": "application/problem+json"})
    assert own.headers["content-type"] == "application/problem+json"


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(), st.lists))
async def test_json_that_was_written_is_read_back(value: Any) -> None:
    data = await Response.json(value).bytes()

    assert json.loads(data) == value
    assert await Response.json(value).json() == value


async def test_a_lone_surrogate_is_written_escaped_as_in_javascript() -> None:
    assert await Response.json("é\ud800").text() == r'"\u00e9\ud800"'


async def test_vectors_are_written_as_lists_wherever_they_are() -> None:
    vector = array("f", [0.5, -1.0])
    with FakeHost():
        embeddings = await Session("all-MiniLM-L6-v2").embed(["a", "b"])

    assert await Response.json(vector).text() == "[0.5,-1.0]"
    assert await Response.json({"rows": [vector, (vector,)]}).json() == {
        "rows": [[0.5, -1.0], [[0.5, -1.0]]]
    }
    assert await Response.json(embeddings).json() == [row.tolist() for row in embeddings]


@pytest.mark.parametrize("value", [float("nan"), array("f", [float("inf")]), {1}, b"a", [object()]])
def test_a_value_that_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(OptionError, match="the value cannot be written as JSON: "):
        Response.json(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(OptionError, match="cannot be written as JSON"):
        Response.json(endless)


@pytest.mark.parametrize("chunks", ["abc", b"abc", bytearray(b"abc"), 5, None])
def test_a_stream_needs_an_iterable_of_chunks(chunks: Any) -> None:
    with pytest.raises(OptionError, match=r"takes an iterable .* got \w+; give a whole body to"):
        Response.stream(chunks)


def test_a_stream_has_status_and_headers() -> None:
    response = Response.stream(arriving("a"), status=500, headers={"content-type": "text/x"})

    assert (response.status, response.headers["content-type"]) == (500, "text/x")


def test_a_redirect_sends_elsewhere() -> None:
    response = Response.redirect("https://example.com/é", 308)

    assert (response.status, response.headers["location"]) == (308, "https://example.com/%C3%A9")
    assert Response.redirect("/login").status == 302


@pytest.mark.parametrize(
    ("url", "status"), [("/", 200), ("/", 304), ("/", "302"), ("/\n", 302), (5, 302)]
)
def test_a_redirect_that_leads_nowhere_is_refused(url: Any, status: Any) -> None:
    with pytest.raises(OptionError, match="redirect"):
        Response.redirect(url, status)
