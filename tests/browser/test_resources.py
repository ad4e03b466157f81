"""The page stays responsive, a thousand calls leave nothing behind, and memory comes back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from edgelet.models import DEFAULT_MODEL
from tests.browser.tab import Tab
from tests.conformance.reference import reference_texts

MEGABYTE = 1_000_000
BOTH = pytest.mark.parametrize("worker", [False, True], ids=["page", "worker"])

LONG_TASK_MS = 50  # https://w3c.github.io/longtasks/


def memory(tab: Tab) -> int:
    """Bytes of the page with its workers, WebAssembly included, as Chromium measures them."""
    # Measuring collects once, and what V8 holds in caches outlives that.
    devtools = tab.page.context.new_cdp_session(tab.page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.detach()
    measured = "performance.measureUserAgentSpecificMemory().then(({ bytes }) => bytes)"
    return int(tab.page.evaluate(measured))


def longest_task(browser: Browser, tab: Tab, work: Callable[[], object]) -> float:
    """Milliseconds of processor time, which other programs do not lengthen, of a page's thread."""
    browser.start_tracing(page=tab.page, categories=["toplevel", "blink.user_timing"])
    work()
    tab.page.evaluate("performance.mark('the thread of the page')")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    # Chromium's own surface is made of pages, too; they have long tasks of their own.
    mark = next(event for event in events if event["name"] == "the thread of the page")
    thread = mark["pid"], mark["tid"]
    tasks = [event for event in events if (event["pid"], event["tid"]) == thread]
    return max(task["tdur"] for task in tasks if "tdur" in task) / 1000


def test_the_page_never_freezes_while_a_worker_loads_and_embeds(browser: Browser, tab: Tab) -> None:
    def longest(worker: bool) -> float:
        def work() -> None:
            tab.open(worker=worker).call("embed", DEFAULT_MODEL, reference_texts()[:60])

        return longest_task(browser, tab, work)

    assert longest(worker=True) < LONG_TASK_MS < longest(worker=False)


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
    # Chromium asks a worker that is just ending for its memory, and waits a minute for the answer.
    tab.page.wait_for_timeout(500)

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
