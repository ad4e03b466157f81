"""`Request` and `Response`: the fetch standard's meaning, in Python."""

from __future__ import annotations

import json
from array import array
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgelet import Headers, OptionError, Request, Response, Session
from edgelet.testing import FakeHost
from tests.core.bodies import arriving, post

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
