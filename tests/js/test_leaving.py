"""A stream that is left closes its connection at once, and a call that failed leaves nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.js.hosts import JsHost, JsProcess, start_host
from tests.servers.answers import ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer, refusing_url
from tests.servers.steps import Stall

UNENDING = [*ndjson(*ollama_generate("Hel", "lo")[:2]), Stall()]


@pytest.mark.parametrize("by", ["break", "abort"])
def test_leaving_a_stream_closes_its_connection(process: JsProcess, by: str) -> None:
    with ScriptedServer(UNENDING) as server:
        leave = {"after": 1, "by": by}
        answer = process.call("stream", "mistral", "Hi", {"host": server.url}, {}, leave)
        ended = time.monotonic()

        assert answer["chunks"][0]["text"] == "Hel"
        assert answer.get("error", {}).get("name") == ("AbortError" if by == "abort" else None)
        assert server.wait_until_client_left() - ended < 0.1


def test_nothing_stays_open_behind_calls_that_fail(process: JsProcess) -> None:
    process.call("tryToEmbed", "all-MiniLM-L6-v2", ["warm"])
    before = process.call("diagnostics")

    with refusing_url() as url:
        failed = process.call("generate", "mistral", "Hi", {"host": url}, {})
    assert failed["error"]["name"] == "ConnectionFailed"
    assert url in failed["error"]["message"]
    assert process.call("tryToEmbed", "all-MiniLM-L6-v2", [1])["error"]["name"] == "OptionError"

    assert process.call("diagnostics") == before


def test_a_stream_whose_runtime_is_disposed_of_says_so(process: JsProcess) -> None:
    with ScriptedServer(UNENDING) as server:
        answer = process.call("streamAcrossDispose", "mistral", "Hi", {"host": server.url})

        assert answer["text"] == "Hel"
        assert "disposed of" in answer["error"]["message"]
        server.wait_until_client_left()


def test_a_call_whose_runtime_is_disposed_of_says_so_and_closes_its_connection(
    process: JsProcess,
) -> None:
    with ScriptedServer([Stall()]) as server:
        process.call("begin", "mistral", "Hi", {"host": server.url})
        server.wait_for_request(60)
        process.call("dispose")
        answer = process.call("ended")

        assert "disposed of" in answer["error"]["message"]
        server.wait_until_client_left()


def test_a_stream_that_is_dropped_unread_is_closed(
    host: JsHost, project: Path, models: Path
) -> None:
    if host.name != "node":
        pytest.skip("only Node collects garbage when it is told to")
    collecting = replace(host, command=lambda *places: [*host.command(*places), "--expose-gc"])
    with (
        ScriptedServer(UNENDING) as server,
        start_host(collecting, project, models) as process,
    ):
        process.call("dropStream", "mistral", "Hi", {"host": server.url})
        server.wait_until_client_left()
