"""The measurements, each of all variants in turn: a machine whose speed drifts harms all alike."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from bench.browser.chromium import fresh_profile, launch, page_process_memory
from bench.browser.server import Site
from bench.browser.variants import Variant
from bench.texts import texts
from numpy.typing import NDArray
from playwright.sync_api import BrowserType, Page

PATIENCE = 180_000
"""Milliseconds that a page may take for one step before the benchmark gives up."""

Figures = dict[str, float]
"""What was measured of one variant, by the name of the figure."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured. `kinds` are texts a list: so many of each of `SETS`."""

    rounds: int
    starts: int
    singles: int
    kinds: tuple[tuple[str, int], ...]


SETS = {"short": 2000, "passages": 1000, "mixed": 1000}
"""The sets of `bench embed`. A browser takes minutes for what a server does in seconds, so that of
some the first texts must do, the same for all."""

FULL = Amounts(
    rounds=3, starts=5, singles=200, kinds=(("short", 2000), ("passages", 200), ("mixed", 100))
)
QUICK = Amounts(
    rounds=1, starts=1, singles=20, kinds=(("short", 100), ("passages", 16), ("mixed", 8))
)


def address(origin: str, variant: Variant, *, heaps: bool = False, **options: Any) -> str:
    """The URL of a variant's page."""
    given = quote(json.dumps({**variant.options, **options}))
    return f"{origin}/adapters/{variant.library}.html?options={given}{'&heaps' if heaps else ''}"


def opened(page: Page, url: str) -> float:
    """Open a page; milliseconds from navigation to its first vector."""
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    return float(page.evaluate("bench.ready"))


SAMPLE = texts("short", 40) + texts("passages", 20)
"""The texts whose vectors are compared."""


def rehearse(
    kind: BrowserType, origin: str, variants: Iterable[Variant], expected: NDArray[np.float32]
) -> dict[str, Figures]:
    """Load every page once, so that the server is warm, and compare its vectors of `SAMPLE`.

    `expected` has the right ones: float32, `[texts, dimensions]`.
    """
    figures = {}
    for variant in variants:
        with launch(kind) as browser:
            page = browser.new_page()
            opened(page, address(origin, variant))
            vectors = np.array(page.evaluate("(texts) => bench.vectors(texts)", SAMPLE), np.float32)
        cosines = (vectors * expected).sum(1)
        cosines /= np.linalg.norm(vectors, axis=1) * np.linalg.norm(expected, axis=1)
        figures[variant.name] = {
            "cosine to fp32, mean": float(cosines.mean()),
            "cosine to fp32, least": float(cosines.min()),
        }
    return figures


def starts(
    kind: BrowserType, origin: str, site: Site, variants: Sequence[Variant], amounts: Amounts
) -> dict[str, Figures]:
    """Navigation to first vector with empty caches, then in the same browser again; the bytes."""
    seen: dict[str, list[Figures]] = {variant.name: [] for variant in variants}
    for variant in _turns(variants, amounts.starts):
        with fresh_profile(kind) as context:
            url = address(origin, variant)
            first, again = context.pages[0], context.new_page()
            site.take()
            cold = opened(first, url)
            sent = site.take()
            blocked = float(first.evaluate("bench.longestTask()"))
            first.close()
            warm = opened(again, url)
            sent_again = site.take()
        seen[variant.name].append(
            {
                "cold start, ms": cold,
                "warm start, ms": warm,
                "code, MB": sent.code / 1e6,
                "model, MB": sent.model / 1e6,
                "warm transfer, MB": (sent_again.code + sent_again.model) / 1e6,
                "longest task of the page while loading, ms": blocked,
            }
        )
    return {name: _medians(rounds) for name, rounds in seen.items()}


def speeds(
    kind: BrowserType, origin: str, variants: Sequence[Variant], amounts: Amounts
) -> dict[str, Figures]:
    """Latency of one short text, in alternating calls, and texts a second of lists."""
    singles: dict[str, list[float]] = {variant.name: [] for variant in variants}
    rates: dict[str, list[Figures]] = {variant.name: [] for variant in variants}
    with ExitStack() as stack:
        pages = {}
        for variant in variants:
            page = stack.enter_context(launch(kind)).new_page()
            opened(page, address(origin, variant))
            pages[variant.name] = page
        for page in pages.values():  # engines compile their hot code while they are young
            page.evaluate("(texts) => bench.timeMany(texts)", texts("short", 16, seed=3))
            page.evaluate("bench.longestTask()")
        for text in texts("short", amounts.singles, seed=2):
            for variant in _turns(variants, 1):
                singles[variant.name].append(
                    pages[variant.name].evaluate("(text) => bench.timeOne(text)", text)
                )
        for variant in _turns(variants, amounts.rounds):
            rates[variant.name].append(_rates(pages[variant.name], amounts))
    return {
        variant.name: {
            "one short text, p50 ms": statistics.median(singles[variant.name]),
            "one short text, p10 ms": float(np.percentile(singles[variant.name], 10)),
            "one short text, p99 ms": float(np.percentile(singles[variant.name], 99)),
            **_medians(rates[variant.name]),
        }
        for variant in variants
    }


def memory(kind: BrowserType, origin: str, variants: Iterable[Variant]) -> dict[str, Figures]:
    """What a page holds when it has embedded short texts and passages, on one thread.

    `origin` must be cross-origin isolated.
    """
    figures = {}
    for variant in variants:
        with launch(kind) as browser:
            page = browser.new_page()
            opened(page, address(origin, variant, heaps=True, threads=1))
            for kind_of_text, count in (("short", 64), ("passages", 16)):
                page.evaluate("(texts) => bench.timeMany(texts)", texts(kind_of_text, count))
            heaps = page.evaluate("bench.heaps()")
            page_memory = page.evaluate("bench.memory()")
            process = page_process_memory(browser)
        figures[variant.name] = {
            "page memory, MB": page_memory / 1e6,
            "wasm heaps, MB": sum(heaps) / 1e6,
        }
        if process:
            figures[variant.name]["process, private MB"] = process[0] / 1e6
            figures[variant.name]["process, peak MB"] = process[1] / 1e6
    return figures


def _rates(page: Page, amounts: Amounts) -> Figures:
    figures = {}
    for kind, count in amounts.kinds:
        milliseconds = page.evaluate("(texts) => bench.timeMany(texts)", texts(kind, count))
        figures[_name(kind, count)] = count / milliseconds * 1e3
    figures["longest task of the page while embedding, ms"] = page.evaluate("bench.longestTask()")
    return figures


def _name(kind: str, count: int) -> str:
    whole = SETS[kind]
    return f"{kind}{'' if count == whole else f' (first {count} of {whole:,})'}, texts/s"


def _turns(variants: Sequence[Variant], rounds: int) -> Iterable[Variant]:
    """Every variant in every round, thorough or not in the first; the order turns around."""
    for number in range(rounds):
        chosen = [variant for variant in variants if variant.thorough or number == 0]
        yield from chosen if number % 2 == 0 else reversed(chosen)


def _medians(rounds: Sequence[Figures]) -> Figures:
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
