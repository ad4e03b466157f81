"""The conformance cases on CPython: the native host, real weights, real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from array import array
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import edgelet
from edgelet import AbortController, EdgeletError, Session, use_host
from edgelet.wordpiece import WordPiece
from edgelet_host.native import NativeHost
from tests.conformance.cases import Case, load_cases, load_rows, script_of
from tests.servers.scripted_server import ScriptedServer


@pytest.fixture(scope="module")
def native_host(model_folder: object) -> Iterator[NativeHost]:
    # Limits of some tenths of a second are not to count the import of an HTTP client.
    import_module("httpx2")
    with use_host(NativeHost()) as host:
        assert isinstance(host, NativeHost)
        yield host


@pytest.mark.parametrize("case", load_cases("compatibility"), ids=lambda case: case.case)
async def test_compatibility(
    case: Case, native_host: NativeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert case.label.startswith(("same", "fixed, because "))
    monkeypatch.delenv("AI_INFERENCE_API_HOST", raising=False)
    for name, value in case.env.items():
        monkeypatch.setenv(name, value)

    with ScriptedServer(script_of(case.server) if case.server else []) as server:
        if not case.no_host:
            monkeypatch.setenv("AI_INFERENCE_API_HOST", server.url + case.prefix)
        result, chunks, error = await _run(case)
        ended = time.monotonic()
        if case.expect.get("disconnected"):
            assert await server.client_left() - ended < 0.1
        _check_request(case, server)

    _check_error(case, error)
    if "chunks" in case.expect:
        assert chunks == case.expect["chunks"]
    if "answer" in case.expect:
        assert result == case.expect["answer"]
    if "embedding" in case.expect:
        _check_embedding(case.expect["embedding"], result)


async def test_token_ids_are_those_of_the_rust_tokenizer(minilm_source: Path) -> None:
    tokenizer = WordPiece.from_json((minilm_source / "tokenizer.json").read_bytes())
    assert tokenizer is not None

    for row in load_rows("token_ids"):
        assert tokenizer.encode(row["text"], 64) == (row["ids"], row["cut"]), ascii(row["text"])


async def test_vectors_are_those_of_sentence_transformers(native_host: NativeHost) -> None:
    rows = load_rows("vectors")

    vectors = await Session("all-MiniLM-L6-v2", precision="fp32").run([row["text"] for row in rows])

    for row, vector in zip(rows, vectors, strict=True):
        assert sum(a * b for a, b in zip(vector, row["vector"], strict=True)) > 0.99999


async def _run(case: Case) -> tuple[Any, list[Any], EdgeletError | None]:
    """The result, the chunks if it is a stream, and the error that ended it."""
    chunks: list[Any] = []
    options = dict(case.options)
    async with _signal(case.abort_after) as signal:
        if signal is not None:
            options["signal"] = signal
        try:
            result = await Session(case.model, **case.session).run(case.prompt, **options)  # type: ignore[misc]
            if isinstance(result, edgelet.Stream):
                async with result as stream:
                    async for chunk in stream:
                        chunks.append(chunk)  # noqa: PERF401 (chunks before an error are kept)
        except EdgeletError as error:
            return None, chunks, error
    return result, chunks, None


@contextlib.asynccontextmanager
async def _signal(seconds: float | None) -> AsyncIterator[edgelet.AbortSignal | None]:
    if seconds is None:
        yield None
        return
    controller = AbortController()
    timer = asyncio.get_running_loop().call_later(seconds, controller.abort)
    yield controller.signal
    timer.cancel()


def _check_request(case: Case, server: ScriptedServer) -> None:
    expected = case.expect.get("request", {})
    if case.server is None:
        assert server.requests == []
        return
    assert len(server.requests) == 1
    request = server.requests[0]
    assert request.method == expected.get("method", "POST")
    assert request.path == expected.get("path", request.path)
    for name, value in expected.get("headers", {}).items():
        assert request.headers[name] == value
    if "body" in expected:
        assert request.json() == expected["body"]


def _check_error(case: Case, error: EdgeletError | None) -> None:
    expected = case.expect.get("error")
    if expected is None:
        assert error is None
        return
    assert type(error).__name__ == expected["type"]
    assert expected.get("message", "") in str(error)
    assert getattr(error, "status", None) == expected.get("status", getattr(error, "status", None))


def _check_embedding(expected: dict[str, Any], result: Any) -> None:
    assert _shape(result) == expected["shape"]
    if not expected["shape"][0]:
        return
    rows = [result] if isinstance(result, array) else result
    for row in rows:
        assert isinstance(row, array)
        length = math.sqrt(sum(value * value for value in row))
        assert (abs(length - 1) < 1e-5) is expected["unit"]


def _shape(result: Any) -> list[int]:
    if isinstance(result, array):
        return [len(result)]
    return [len(result), *(_shape(result[0]) if result else [])]
