"""The conformance cases inside the sandbox: a real function, asked by a real request."""

from __future__ import annotations

import json
import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import pytest_asyncio

from edgelet import Session, use_host
from edgelet.models import DEFAULT_MODEL, PRECISIONS, Precision
from edgelet_host.native import NativeHost
from edgelet_host.sandbox import Function, Grants, Sandbox
from edgelet_host.sandbox.function import Module
from tests.conformance import python_run
from tests.conformance.cases import Case, load_cases, load_rows
from tests.conformance.judge import Outcome, judge, judge_requests
from tests.conformance.reference import reference_texts
from tests.conftest import NoteVectors
from tests.sandbox.running import AT_LEISURE, function, post, running
from tests.servers.scripted_server import ScriptedServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

_RUNNER = Path(python_run.__file__).read_text("utf-8")
_MAIN = """
from edgelet import Response, serve
from python_run import run_case

@serve
async def handler(request):
    return Response.json(await run_case(await request.json()))
"""
RUN_CASE = Function(
    "conformance",
    (Module("main", "main.py", _MAIN), Module("python_run", "python_run.py", _RUNNER)),
)
TOKEN_IDS = function(
    """
    from edgelet.effects import OpenModel
    from edgelet.host import current_host
    from edgelet.wordpiece import WordPiece

    @serve
    async def handler(request):
        opened = await current_host().open_model(OpenModel("all-MiniLM-L6-v2", None))
        assert isinstance(opened.tokenizer, WordPiece)
        return Response.json([opened.tokenizer.encode(text, 64) for text in await request.json()])
    """
)
EMBED = function(
    """
    @serve
    async def handler(request):
        asked = await request.json()
        session = Session("all-MiniLM-L6-v2", precision=request.query["precision"])
        answers = [await session.embed(texts) for texts in asked]
        return Response(b"".join(answer.values.tobytes() for answer in answers))
    """
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def native_host(model_folder: object) -> NativeHost:
    return NativeHost()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(native_host: NativeHost) -> AsyncIterator[Sandbox]:
    async with running(host=native_host) as sandbox:
        yield sandbox


@pytest.mark.parametrize("case", load_cases("compatibility"), ids=lambda case: case.case)
async def test_compatibility(case: Case, sandbox: Sandbox) -> None:
    with ScriptedServer(case.script()) as server:
        grants = Grants(env=case.environment(server.url), allow_hosts=_hosts_of_the_session(case))
        answer = await sandbox.respond(RUN_CASE, post(json.dumps(case.row())), grants=grants)
        outcome = Outcome.from_json(await answer.json())
        ended = time.monotonic()
        if case.expect.get("disconnected"):
            assert await server.client_left() - ended < 0.1
        judge_requests(case, server.requests)

    judge(case, outcome)


async def test_token_ids_are_those_of_the_rust_tokenizer(sandbox: Sandbox) -> None:
    rows = load_rows("token_ids")

    texts = json.dumps([row["text"] for row in rows])
    answer = await sandbox.respond(TOKEN_IDS, post(texts), limits=AT_LEISURE)

    for row, encoded in zip(rows, await answer.json(), strict=True):
        assert encoded == [row["ids"], row["cut"]], ascii(row["text"])


async def test_vectors_are_those_of_sentence_transformers(sandbox: Sandbox) -> None:
    rows = load_rows("vectors")

    texts = json.dumps([[row["text"] for row in rows]])
    answer = await sandbox.respond(EMBED, post(texts, "?precision=fp32"), limits=AT_LEISURE)

    vectors = np.frombuffer(await answer.bytes(), np.float32).reshape(len(rows), 384)
    for row, vector in zip(rows, vectors, strict=True):
        assert vector @ np.array(row["vector"]) > 0.99999


@pytest.mark.parametrize("together", [True, False], ids=["one call", "single calls"])
@pytest.mark.parametrize("precision", PRECISIONS)
async def test_vectors_are_the_native_ones_bit_for_bit(
    precision: Precision,
    together: bool,
    sandbox: Sandbox,
    native_host: NativeHost,
    note_vectors: NoteVectors,
) -> None:
    texts = reference_texts() if together else reference_texts()[::6]
    calls = [texts] if together else [[text] for text in texts]

    query = f"?precision={precision}"
    answer = await sandbox.respond(EMBED, post(json.dumps(calls), query), limits=AT_LEISURE)
    found = await answer.bytes()

    with use_host(native_host):
        session = Session(DEFAULT_MODEL, precision=precision)
        values = [(await session.embed(call)).values for call in calls]
    expected = b"".join(each.tobytes() for each in values)
    assert len(array("f", found)) == len(texts) * 384
    if together:
        note_vectors(np.frombuffer(found, np.float32).reshape(-1, 384).tolist(), precision)
    assert found == expected


def _hosts_of_the_session(case: Case) -> tuple[str, ...]:
    """What has to be allowed beside the host of the environment: one that the session names."""
    host = case.session.get("host")
    return () if host is None else (urlsplit(host).netloc,)
