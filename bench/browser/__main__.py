"""Embedding in the browser: edgelet beside transformers.js, in one Chromium, on the same weights.

    ./build.sh bench browser [--quick] [--json FILE]

Both libraries load their files from one server on the loopback interface and embed the same texts.
Turns alternate and medians are shown, so that a machine whose speed drifts harms all alike. What
each variant is stands in `variants.py`; how each figure is taken in `measure.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from bench.browser import measure
from bench.browser.chromium import launch
from bench.browser.measure import FULL, QUICK, Amounts, Figures
from bench.browser.peer import PEER, install_peer, peer_models
from bench.browser.server import Site, serving
from bench.browser.variants import COMPARISONS, VARIANTS
from numpy.typing import NDArray
from playwright.sync_api import Playwright, sync_playwright
from rich.console import Console
from rich.table import Table

from edgelet import Session
from edgelet.models import DEFAULT_MODEL
from edgelet_host.store import ModelStore
from edgelet_host.store.exporting import export_artefact

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "bench-browser"
"""Kept between runs: the models in both layouts, and compressed files."""

WIDTH = 170
"""Columns of the tables where they do not go to a terminal."""


def site(packages: Path) -> Site:
    """What both libraries load: their code, their engines, and the same model in both layouts."""
    store = ModelStore()
    models = WORK / "models"
    for precision in ("int8", "fp32"):
        export_artefact(store.artefact(DEFAULT_MODEL, precision), models)
    hub = peer_models(WORK / "hub")
    engine = packages / PEER / "node_modules" / "onnxruntime-web"
    engine = engine if engine.exists() else packages / "onnxruntime-web"
    folders = {
        "/edgelet/": ROOT / "js-shim" / "dist",
        "/transformers/": packages / PEER / "dist",
        "/onnxruntime/": engine / "dist",
        "/models/edgelet/": models,
        "/models/hub/": hub,
        "/adapters/": HERE / "adapters",
    }
    return Site(folders, WORK / "brotli")


def native_vectors(texts: list[str]) -> NDArray[np.float32]:
    """The reference: fp32 on this machine's own onnxruntime."""
    embeddings = asyncio.run(Session(DEFAULT_MODEL, precision="fp32").embed(texts))
    return np.asarray(embeddings.values).reshape(len(texts), embeddings.dimensions)


def measure_all(
    playwright: Playwright, shown: Site, amounts: Amounts, reference: NDArray[np.float32]
) -> dict[str, Figures]:
    """All figures of all variants; `reference` has the right vectors of the sample."""
    kind = playwright.chromium
    console = Console(stderr=True)
    figures: dict[str, Figures] = {variant.name: {} for variant in VARIANTS}

    def add(found: Mapping[str, Figures]) -> None:
        for name, values in found.items():
            figures[name].update(values)

    with serving(shown, isolated=False) as origin:
        with console.status("comparing vectors…"):
            add(measure.rehearse(kind, origin, VARIANTS, reference))
        with console.status("measuring starts…"):
            add(measure.starts(kind, origin, shown, VARIANTS, amounts))
        with console.status("measuring speed, one thread each…"):
            add(measure.speeds(kind, origin, VARIANTS, amounts))
    with serving(shown, isolated=True) as origin, console.status("measuring memory…"):
        add(measure.memory(kind, origin, VARIANTS))
    return figures


def table(figures: Mapping[str, Figures]) -> Table:
    """A row a figure, a column a variant."""
    shown = Table(title=f"{DEFAULT_MODEL}, {os.cpu_count()} cores", title_justify="left")
    shown.add_column("")
    for name in figures:
        shown.add_column(name, justify="right")
    for row in _names(figures.values()):
        shown.add_row(row, *(_number(values.get(row)) for values in figures.values()))
    return shown


def ratios(figures: Mapping[str, Figures]) -> Table:
    """Every figure of one variant divided by that of another."""
    shown = Table(title="ratios", title_justify="left")
    shown.add_column("")
    for one, other in COMPARISONS:
        shown.add_column(f"{one}\n/ {other}", justify="right")
    for row in _names(figures.values()):
        quotients = (_quotient(figures[one], figures[other], row) for one, other in COMPARISONS)
        shown.add_row(row, *(_number(quotient) for quotient in quotients))
    return shown


def report(versions: Mapping[str, str], figures: Mapping[str, Figures]) -> dict[str, Any]:
    """All of it as JSON has it."""
    quotients = {
        f"{one} / {other}": {
            name: quotient
            for name in _names(figures.values())
            if (quotient := _quotient(figures[one], figures[other], name)) is not None
        }
        for one, other in COMPARISONS
    }
    return {"versions": versions, "figures": figures, "ratios": quotients}


def _names(all_figures: Iterable[Figures]) -> list[str]:
    return list(dict.fromkeys(name for values in all_figures for name in values))


def _quotient(one: Figures, other: Figures, name: str) -> float | None:
    if not other.get(name) or name not in one:
        return None
    return one[name] / other[name]


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.4f}"


def main() -> None:
    """Measure, print tables, and write JSON if a file was named."""
    assert __doc__
    parser = argparse.ArgumentParser(prog="bench browser", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round, few texts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args()
    packages = install_peer()
    peer = json.loads((packages / PEER / "package.json").read_text("utf-8"))["version"]
    shown = site(packages)
    # Playwright runs an event loop of its own in this thread, so this comes before it.
    reference = native_vectors(measure.SAMPLE)
    with sync_playwright() as playwright:
        with launch(playwright.chromium) as browser:
            chromium = browser.version
        figures = measure_all(playwright, shown, QUICK if given.quick else FULL, reference)
    versions = {
        "edgelet": version("edgelet"),
        "transformers.js": peer,
        "chromium": chromium,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table(figures))
    console.print(ratios(figures))
    console.print(", ".join(f"{name} {value}" for name, value in versions.items()))
    if given.json:
        given.json.write_text(json.dumps(report(versions, figures), indent=1) + "\n")


main()
