"""The conformance cases in Node, Deno and Bun: the packed package, real weights, real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgelet.models import DEFAULT_MODEL
from tests.conformance.cases import Case, load_cases, load_rows
from tests.conformance.judge import hold_to_case, judge_token_ids
from tests.js.hosts import JsProcess
from tests.servers.scripted_server import ScriptedServer


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer([]) as server:
        yield server


@pytest.mark.parametrize("case", load_cases("compatibility"), ids=lambda case: case.case)
def test_compatibility(case: Case, process: JsProcess, server: ScriptedServer) -> None:
    hold_to_case(case, server, lambda env: process.call("runCase", case.row(), env))


def test_token_ids_are_those_of_the_rust_tokenizer(process: JsProcess) -> None:
    rows = load_rows("token_ids")

    answer = process.call("tokenIds", DEFAULT_MODEL, [row["text"] for row in rows])

    for row, ids in zip(rows, answer, strict=True):
        judge_token_ids(row, ids)


def test_token_counts_are_those_of_the_rust_tokenizer(process: JsProcess) -> None:
    rows = load_rows("token_ids")

    answer = process.call(
        "embed", DEFAULT_MODEL, [row["text"] for row in rows], {}, {"max_tokens": 64}
    )

    assert answer["token_counts"] == [len(row["ids"]) for row in rows]
    assert answer["truncated"] == [index for index, row in enumerate(rows) if row["cut"]]
