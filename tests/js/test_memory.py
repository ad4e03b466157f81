"""Thousands of calls leave nothing behind, and `dispose` gives back what there was."""

from __future__ import annotations

from statistics import median

from tests.js.hosts import JsProcess

MODEL = "all-MiniLM-L6-v2"
MEGABYTE = 1_000_000


def test_thousands_of_calls_leave_nothing_behind(process: JsProcess) -> None:
    process.call("embedOften", MODEL, 200)
    before = process.call("diagnostics")

    grown = [memory_grown(process, 500) for _ in range(3)]

    assert process.call("diagnostics") == before
    # What is left behind grows nearly each time; what an engine of JavaScript keeps ready does not.
    assert median(grown) < 20 * MEGABYTE


def memory_grown(process: JsProcess, calls: int) -> int:
    """Bytes by which the process grows in so many calls."""
    before: int = process.call("memory")
    process.call("embedOften", MODEL, calls)
    after: int = process.call("memory")
    return after - before


def test_a_runtime_that_was_disposed_of_starts_anew(process: JsProcess) -> None:
    before = process.call("tryToEmbed", MODEL, ["Hello"])
    for _ in range(3):
        process.call("dispose")
        assert process.call("tryToEmbed", MODEL, ["Hello"]) == before
