"""A thousand calls leave nothing behind, and `dispose` gives back what there was."""

from __future__ import annotations

from tests.js.hosts import JsProcess

MODEL = "all-MiniLM-L6-v2"
MEGABYTE = 1_000_000


def test_a_thousand_calls_leave_nothing_behind(process: JsProcess) -> None:
    process.call("embedOften", MODEL, 200)
    before, memory_before = process.call("diagnostics"), process.call("memory")

    process.call("embedOften", MODEL, 1000)

    assert process.call("diagnostics") == before
    assert process.call("memory") - memory_before < 40 * MEGABYTE


def test_a_runtime_that_was_disposed_of_starts_anew(process: JsProcess) -> None:
    before = process.call("tryToEmbed", MODEL, ["Hello"])
    for _ in range(3):
        process.call("dispose")
        assert process.call("tryToEmbed", MODEL, ["Hello"]) == before
