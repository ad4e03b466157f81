"""The envelope of a request: where it goes, what it carries, and what no error repeats."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest

from edgelet import (
    ConnectionFailed,
    EdgeletError,
    InferenceHostError,
    OptionError,
    Session,
)
from edgelet.effects import TransportFailed
from edgelet.testing import FakeHost, FakeResponse
from tests.core.slow_host import SESSION

SECRET = "sk-SECRETKEY"


async def test_a_redirect_says_where_to() -> None:
    response = FakeResponse(status=308, headers={"location": "https://other/"})
    with (
        FakeHost(responses=[response]),
        pytest.raises(InferenceHostError, match="redirects to https://other/; give that host in"),
    ):
        await SESSION.run("Why?")


async def test_a_prefix_that_ends_in_v1_is_not_doubled() -> None:
    session = Session("m", host="https://api.example/openai/v1/")
    with FakeHost(reply="a") as host:
        await session.run("Why?", mode="openaicompatible")

    assert host.requests[0].url == "https://api.example/openai/v1/chat/completions"


async def test_lone_surrogates_travel_escaped() -> None:
    with FakeHost(reply="a") as host:
        await SESSION.run("snow ☃ \ud800")
        await SESSION.run("snow ☃")

    assert json.loads(host.requests[0].body)["prompt"] == "snow ☃ \ud800"
    assert b"\\ud800" in host.requests[0].body
    assert "☃".encode() in host.requests[1].body


async def test_the_callers_headers_win() -> None:
    session = Session("m", headers={"Authorization": "Basic x"}, api_key="sk-1234")
    with FakeHost(reply="a") as host:
        await session.run("Why?")

    assert host.requests[0].headers["authorization"] == "Basic x"


async def test_a_key_in_the_servers_words_is_blotted_out() -> None:
    refusal = FakeResponse([b'{"error": "bad key sk-1234"}'], status=401)
    with FakeHost(responses=[refusal]), pytest.raises(InferenceHostError) as caught:
        await Session("m", api_key="sk-1234").run("Why?")

    assert "sk-1234" not in str(caught.value) + caught.value.body
    assert "bad key ***" in str(caught.value)


async def test_other_errors_pass_the_blotting_unchanged() -> None:
    refusal = FakeResponse([b'{"error": "no"}'], status=401)
    with FakeHost(responses=[refusal]), pytest.raises(InferenceHostError, match="401: no"):
        await Session("m", api_key="sk-1234").run("Why?")
    with FakeHost(responses=[TransportFailed("connect", "no")]), pytest.raises(ConnectionFailed):
        await Session("m", api_key="sk-1234").run("Why?")


@pytest.mark.parametrize(
    ("response", "options"),
    [
        (FakeResponse([b'{"error": "bad key sk-SECRETKEY"}'], status=401), {}),
        (FakeResponse([b"x" * 1993 + b" sk-SECRETKEY"], status=401), {}),
        (FakeResponse([b'{"error": "bad key sk-SECRETKEY"}']), {}),
        (FakeResponse([b"your key sk-SECRETKEY is no good\n"]), {}),
        (FakeResponse([b'["sk-SECRETKEY"]\n']), {}),
        (FakeResponse([b"x" * 70 + b" sk-SECRETKEY\n"]), {}),
        (FakeResponse([b'{"error": "bad key sk-SECRETKEY"}'], status=503), {"retries": 1}),
    ],
)
@pytest.mark.parametrize(
    "session",
    [
        Session("m", host="http://h", api_key=SECRET),
        Session("m", host="http://h", headers={"Authorization": f"Bearer {SECRET}"}),
    ],
)
async def test_no_secret_appears_in_an_error_a_log_or_a_traceback(
    session: Session,
    response: FakeResponse,
    options: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with FakeHost(responses=[response] * 2), pytest.raises(EdgeletError) as caught:
        await session.run("Why?", **options)

    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert SECRET[:8] not in shown + getattr(caught.value, "body", "")


async def test_the_variables_key_goes_to_the_variables_host_alone() -> None:
    env = {"AI_INFERENCE_API_HOST": "http://trusted", "AI_INFERENCE_API_KEY": SECRET}
    with FakeHost(reply="a", env=env) as host:
        await Session("m").run("Why?")
        await Session("m", host="http://other").run("Why?")

    trusted, other = (request.headers.get("authorization") for request in host.requests)
    assert (trusted, other) == (f"Bearer {SECRET}", None)


@pytest.mark.parametrize(
    "url",
    ["http://user:SECRETPW@host:port/", "htp://user:SECRETPW@h", "http://h/?key=SECRETPW "],
)
def test_a_refused_url_is_not_repeated_where_it_may_hold_a_secret(url: str) -> None:
    with pytest.raises(OptionError) as caught:
        Session("m", host=url)

    assert "SECRETPW" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"host": 5},
        {"host": "http://h/?"},
        {"host": "http://h#"},
        {"api_key": 5},
        {"headers": ["a"]},
        {"headers": {"x": 1}},
        {"headers": {5: "x"}},
        {"headers": {"a b": "x"}},
        {"headers": {"x": " padded "}},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"transfer-encoding": "chunked"}},
    ],
)
def test_what_could_not_be_sent_is_refused_when_the_session_is_made(
    arguments: dict[str, Any],
) -> None:
    with pytest.raises(OptionError):
        Session("m", **arguments)
