"""A plugin of pytest that tells which host passed which case: `-p tests.conformance.matrix`.

It watches the tests that run the shared cases on every host, leaves out the others of their
modules, and writes what came of each to the file that `--portability` names. It judges nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_WORDS = 300
_TESTS = {
    "test_token_ids_are_those_of_the_rust_tokenizer": "token ids",
    "test_vectors_are_those_of_sentence_transformers": "vectors of sentence-transformers",
    "test_vectors_come_as_near_to_native_fp32_as_the_readme_says": "vectors {precision}",
    "test_vectors_are_the_native_ones_bit_for_bit": "vectors {precision}",
    "test_webassembly_comes_as_near_to_native_fp32_as_the_readme_says": "vectors {precision}",
    "test_onnxruntime_node_comes_as_near_to_native_fp32_as_the_readme_says": (
        "vectors {precision}, onnxruntime-node"
    ),
}
_CELL = pytest.StashKey[tuple[str, str]]()
_RANK = ("passed", "skipped", "failed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--portability", type=Path, help="write the outcome of each case to this file")


def pytest_configure(config: pytest.Config) -> None:
    file: Path | None = config.getoption("--portability")
    if file is not None:
        config.pluginmanager.register(_Recorder(file))


class _Recorder:
    """Keeps, for each host and case, the worst that came of it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._cells: dict[tuple[str, str], dict[str, Any]] = {}

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        kept, left = [], []
        for item in items:
            cell = _cell(item)
            if cell is None:
                left.append(item)
            else:
                item.stash[_CELL] = cell
                kept.append(item)
        items[:] = kept
        config.hook.pytest_deselected(items=left)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        report: pytest.TestReport = yield
        self._record(item.stash[_CELL], report)
        return report

    def pytest_sessionfinish(self) -> None:
        rows = [
            {"host": host, "case": case, **found} for (host, case), found in self._cells.items()
        ]
        self._file.write_text(json.dumps(rows), "utf-8")

    def _record(self, cell: tuple[str, str], report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        known = self._cells.setdefault(cell, {"outcome": "passed"})
        if _RANK.index(report.outcome) > _RANK.index(known["outcome"]):
            known.update(outcome=report.outcome, reason=_reason(report))
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == "vectors":
                known["vectors"] = _worst(known.get("vectors"), value)


def _cell(item: pytest.Item) -> tuple[str, str] | None:
    """The name of the host and of the case that a test is about; nothing for other tests."""
    if not isinstance(item, pytest.Function):
        return None
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if "case" in parameters:
        case = parameters["case"].case
    elif item.originalname in _TESTS:
        precision = parameters.get("precision", "int8")
        case = _TESTS[item.originalname].format(precision=precision)
    else:
        return None
    return _host(item.path.relative_to(ROOT).as_posix(), parameters), case


def _host(module: str, parameters: dict[str, Any]) -> str:
    match module:
        case "tests/conformance/test_cpython.py":
            return f"cpython-{sys.version_info.major}.{sys.version_info.minor}"
        case "tests/sandbox/test_conformance.py":
            return "sandbox"
        case "tests/browser/test_firefox.py":
            return "firefox"
        case "tests/js/workerd/test_workerd.py":
            return f"workerd-{parameters['worker'].date}"
        case _ if "shared_tab" in parameters:
            return "chromium-worker" if parameters["shared_tab"] else "chromium-page"
        case _:
            name: str = parameters["host"].name
            return name


def _reason(report: pytest.TestReport) -> str:
    """The first line of what a test says about itself, without the folder it was found in."""
    match report.longrepr:
        case (_, _, str(message)):
            text = message.removeprefix("Skipped: ")
        case representation:
            crash = getattr(representation, "reprcrash", None)
            text = str(representation) if crash is None else crash.message
    lines = text.replace(str(ROOT), "…").strip().splitlines() or [""]
    return lines[0][:_WORDS]


def _worst(one: dict[str, float] | None, other: dict[str, float]) -> dict[str, float]:
    if one is None:
        return other
    return {
        "max_delta": max(one["max_delta"], other["max_delta"]),
        "least_cosine": min(one["least_cosine"], other["least_cosine"]),
    }
