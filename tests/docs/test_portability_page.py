"""The page of hosts says what its JSON says, and leaves out neither a host nor a case."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.__main__ import expectations, held, wrong
from tests.conformance.cases import load_cases, load_rows
from tests.conformance.hosts import HOSTS, MatrixHost
from tests.docs.write_portability import PAGE, RESULTS, page

RESULT: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
HOST = MatrixHost("known", "Known", "js", lambda: "1.0")


def test_the_page_is_what_the_results_say() -> None:
    assert PAGE.read_text("utf-8") == page(RESULT)


def test_every_host_has_a_row_and_says_why_when_it_did_not_run() -> None:
    assert [host["name"] for host in RESULT["hosts"]] == [host.name for host in HOSTS]
    for host in RESULT["hosts"]:
        assert host["version"] if "cases" in host else host["not_run"]


def test_every_shared_case_has_a_row_for_every_host_that_ran() -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    for name in [case.case for case in load_cases("compatibility")]:
        assert any(line.startswith(f"| {name} |") for line in lines)
    for known, host in zip(HOSTS, RESULT["hosts"], strict=True):
        if "cases" in host:
            assert tuple(host["cases"]) == known.cases()
    assert f"{len(load_rows('token_ids'))} texts equal" in PAGE.read_text("utf-8")


def test_nothing_in_the_results_is_unexpected() -> None:
    assert wrong(RESULT["hosts"]) == []


def test_expectations_are_about_hosts_and_cases_that_exist() -> None:
    known = {host.name: host.cases() for host in HOSTS}
    for host, cases in expectations().items():
        assert set(cases) <= set(known[host])
        assert all(cases.values())


@pytest.mark.parametrize(
    ("row", "known", "outcome", "is_wrong"),
    [
        ({"outcome": "passed"}, None, "pass", False),
        ({"outcome": "passed"}, "a reason", "unexpected pass", True),
        ({"outcome": "failed", "reason": "it broke"}, None, "fails", True),
        ({"outcome": "failed", "reason": "it broke"}, "a reason", "gap", False),
        ({"outcome": "skipped", "reason": "not here"}, None, "not run", False),
        (None, None, "fails", True),
        (None, "a reason", "not asked", False),
    ],
)
def test_what_nobody_expected_is_wrong(
    row: dict[str, str] | None, known: str | None, outcome: str, is_wrong: bool
) -> None:
    case, *others = HOST.cases()
    rows = [{"case": other, "outcome": "passed"} for other in others]
    rows += [] if row is None else [{"case": case, **row}]

    found = held(HOST, rows, {} if known is None else {case: known})

    assert found["cases"][case]["outcome"] == outcome
    assert [line.startswith(f"Known: {case}: {outcome}") for line in wrong([found])] == (
        [True] * is_wrong
    )


@pytest.mark.parametrize(
    ("version", "rows", "reason"),
    [
        ("", [], "not found here"),
        ("1.0", [{"case": "one string", "outcome": "skipped", "reason": "absent"}], "absent"),
    ],
)
def test_a_host_that_is_missing_never_passes(
    version: str, rows: list[dict[str, str]], reason: str
) -> None:
    found = held(replace(HOST, version=lambda: version), rows, {})

    assert found == {"name": "known", "title": "Known", "version": None, "not_run": reason}


def test_a_host_that_is_there_but_was_asked_nothing_is_wrong() -> None:
    assert len(wrong([held(HOST, [], {})])) == len(HOST.cases())
