"""A Cloudflare Worker has the same Session: real workerd, the oldest and the newest kind."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from edgelet.models import DEFAULT_MODEL, Precision
from tests.conformance.cases import Case, load_cases, load_rows
from tests.conformance.judge import hold_to_case, judge_token_ids
from tests.conformance.reference import REQUIRED, nearness
from tests.conftest import NoteVectors
from tests.js.test_documents import examples, for_workers
from tests.js.workerd.workerd import NEWEST, Worker, bundle_worker, serve_worker
from tests.servers.answers import json_answer, ndjson, ollama_generate
from tests.servers.scripted_server import ScriptedServer
from tests.servers.steps import Sleep


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer([]) as server:
        yield server


@pytest.mark.parametrize("case", load_cases("compatibility"), ids=lambda case: case.case)
def test_compatibility(case: Case, worker: Worker, server: ScriptedServer) -> None:
    hold_to_case(case, server, lambda env: worker.call("runCase", case.row(), env))


def test_token_ids_are_those_of_the_rust_tokenizer(worker: Worker) -> None:
    rows = load_rows("token_ids")

    answer = worker.call("tokenIds", DEFAULT_MODEL, [row["text"] for row in rows])

    for row, ids in zip(rows, answer, strict=True):
        judge_token_ids(row, ids)


@pytest.mark.parametrize("precision", ["q8", "int8"])
def test_vectors_come_as_near_to_native_fp32_as_the_readme_says(
    worker: Worker, precision: Precision, some_texts: list[str], note_vectors: NoteVectors
) -> None:
    answer = worker.call("embed", DEFAULT_MODEL, some_texts, {"precision": precision})

    note_vectors(answer["vectors"], precision)
    found = nearness(answer["vectors"], some_texts)

    assert answer["card"]["precision"] == precision
    assert found.mean >= REQUIRED[precision].mean
    assert found.least >= REQUIRED[precision].least


def test_the_globals_are_what_they_were_once_python_has_started(fresh_worker: Worker) -> None:
    before = fresh_worker.get("/globals").json()

    assert len(fresh_worker.get("/vector", text="Hello world").json()) == 384

    assert fresh_worker.get("/globals").json() == before


def test_requests_that_come_while_it_starts_are_all_answered(fresh_worker: Worker) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fresh_worker.get("/vector", text="Hello"), range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


def test_a_client_that_leaves_during_the_start_takes_nobody_with_it(fresh_worker: Worker) -> None:
    with pytest.raises(httpx2.TimeoutException):
        httpx2.get(f"{fresh_worker.url}/vector", params={"text": "Hello"}, timeout=0.05)

    assert len(fresh_worker.get("/vector", text="Hello").json()) == 384


def test_a_client_that_leaves_closes_the_connection_to_the_inference_host(
    complete: Path, models: Path
) -> None:
    # To workerd a client that says goodbye may still listen; it must write to learn that it left.
    head, word = ndjson(ollama_generate("Hel", "lo")[0])
    with ScriptedServer([head, *[word, Sleep(0.02)] * 1000]) as server:
        host = {"AI_INFERENCE_API_HOST": server.url}
        with serve_worker(complete, models, NEWEST, host) as worker:
            url = f"{worker.url}/stream?prompt=Hi"
            with httpx2.stream("GET", url, timeout=60) as response:
                assert next(response.iter_text()).startswith("Hel")
            server.wait_until_client_left()


def test_a_language_model_needs_neither_engine_nor_models(project: Path, models: Path) -> None:
    script = bundle_worker("language_model", project)
    with ScriptedServer(json_answer({"response": "Hello", "done": True})) as server:
        host = {"AI_INFERENCE_API_HOST": server.url}
        with serve_worker(script, models, variables=host) as worker:
            answer = worker.get("/mistral", prompt="Hi").json()
            lacking = worker.get(f"/{DEFAULT_MODEL}", prompt="Hi").json()

    assert answer["response"] == "Hello"
    assert lacking["name"] == "ModelError"
    assert "modules.engineWasm" in lacking["message"]


def test_the_worker_of_the_documents_embeds(project: Path, models: Path) -> None:
    [example] = [each for each in examples("js") if for_workers(each)]
    (project / "documented.mjs").write_text(example.code)
    with serve_worker(bundle_worker("documented", project), models) as worker:
        assert len(worker.get("/", input="Hello world").json()) == 384


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/unconfigured", 'import them from "edgelet/assets/python/"'),
        ("/text", "modules.stdlib must be a module of kind ArrayBuffer, got string"),
        ("/no-core", "modules.core must be a module of kind ArrayBuffer, got undefined"),
        ("/models", "models must be an absolute URL or a function"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(mistaken: Worker, path: str, words: str) -> None:
    told = mistaken.get(path).json()

    assert told["name"] == "OptionError"
    assert words in told["message"]


@pytest.fixture(scope="module")
def mistaken(project: Path, models: Path) -> Iterator[Worker]:
    with serve_worker(bundle_worker("misconfigured", project), models) as worker:
        yield worker
