"""The page stays responsive, a thousand calls leave nothing behind, and memory comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext

from edgelet.models import DEFAULT_MODEL
from tests.browser.tab import Tab
from tests.conformance.reference import reference_texts

MEGABYTE = 1_000_000
BOTH = pytest.mark.parametrize("worker", [False, True], ids=["page", "worker"])

_WATCH_LONG_TASKS = """
globalThis.longTasks = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longTasks.push(duration);
}).observe({ type: "longtask" });
"""


def memory(tab: Tab) -> int:
    """Bytes of the page with its workers, WebAssembly included, as Chromium measures them."""
    # Measuring collects once, and what V8 holds in caches outlives that.
    devtools = tab.page.context.new_cdp_session(tab.page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.detach()
    measured = "performance.measureUserAgentSpecificMemory().then(({ bytes }) => bytes)"
    return int(tab.page.evaluate(measured))


def test_the_page_never_freezes_while_a_worker_loads_and_embeds(
    tab: Tab, context: BrowserContext
) -> None:
    context.add_init_script(_WATCH_LONG_TASKS)

    tab.open().call("embed", DEFAULT_MODEL, reference_texts()[:60])

    long_tasks: list[float] = tab.page.evaluate("longTasks")
    assert long_tasks == []


@BOTH
def test_a_thousand_calls_leave_nothing_behind(tab: Tab, worker: bool) -> None:
    tab.open(worker=worker).call("embedOften", DEFAULT_MODEL, 100)
    before, memory_before = tab.call("diagnostics"), memory(tab)

    tab.call("embedOften", DEFAULT_MODEL, 1000)

    assert tab.call("diagnostics") == before
    assert memory(tab) - memory_before < 5 * MEGABYTE


def test_dispose_of_a_worker_gives_its_memory_back(tab: Tab) -> None:
    empty = memory(tab.open())
    tab.call("embedOften", DEFAULT_MODEL, 1)
    used = memory(tab) - empty
    assert used > 40 * MEGABYTE

    tab.call("dispose")

    assert memory(tab) - empty < 0.2 * used


def test_to_start_and_dispose_over_and_over_takes_no_more_memory_of_the_page(tab: Tab) -> None:
    tab.open(worker=False)
    kept = 0
    for times in range(6):
        tab.call("embedOften", DEFAULT_MODEL, 1)
        tab.call("dispose")
        if times == 1:  # from here on nothing is added: the engine stays, and one Python at most
            kept = memory(tab)

    assert memory(tab) - kept < 5 * MEGABYTE
