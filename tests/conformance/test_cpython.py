"""The conformance cases on CPython: the native host, real weights, real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from edgelet import Session, use_host
from edgelet.models import DEFAULT_MODEL, PRECISIONS, Precision
from edgelet.wordpiece import WordPiece
from edgelet_host.native import NativeHost
from tests.conformance.cases import Case, load_cases, load_rows
from tests.conformance.judge import Outcome, judge, judge_requests
from tests.conformance.python_run import run_case
from tests.conformance.reference import REQUIRED, nearness, reference_texts
from tests.conftest import NoteVectors
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

    with ScriptedServer(case.script()) as server:
        for name, value in case.environment(server.url).items():
            monkeypatch.setenv(name, value)
        outcome = Outcome.from_json(await run_case(case.row()))
        ended = time.monotonic()
        if case.expect.get("disconnected"):
            assert await server.client_left() - ended < 0.1
        judge_requests(case, server.requests)

    judge(case, outcome)


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


@pytest.mark.parametrize("precision", PRECISIONS)
async def test_vectors_come_as_near_to_native_fp32_as_the_readme_says(
    precision: Precision, native_host: NativeHost, note_vectors: NoteVectors
) -> None:
    texts = reference_texts()
    vectors = await Session(DEFAULT_MODEL, precision=precision).run(texts)

    note_vectors(vectors, precision)
    found = nearness(vectors, texts)
    assert found.mean >= REQUIRED[precision].mean
    assert found.least >= REQUIRED[precision].least
