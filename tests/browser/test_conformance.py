"""The conformance cases in a page and in a Web Worker of it: real Chromium, real weights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgelet.models import DEFAULT_MODEL
from tests.browser.tab import Tab
from tests.conformance.cases import Case, load_cases, load_rows
from tests.conformance.judge import hold_to_case, judge_token_ids
from tests.servers.scripted_server import ScriptedServer


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer([], cors=True) as server:
        yield server


@pytest.mark.parametrize("case", load_cases("compatibility"), ids=lambda case: case.case)
def test_compatibility(case: Case, shared_tab: Tab, server: ScriptedServer) -> None:
    hold_to_case(case, server, lambda env: shared_tab.call("runCase", case.row(), env))


def test_token_ids_are_those_of_the_rust_tokenizer(shared_tab: Tab) -> None:
    rows = load_rows("token_ids")

    answer = shared_tab.call("tokenIds", DEFAULT_MODEL, [row["text"] for row in rows])

    for row, ids in zip(rows, answer, strict=True):
        judge_token_ids(row, ids)
