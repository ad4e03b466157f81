"""Embedding: edgelet beside plain onnxruntime + tokenizers, on the same weights, in one run.

    ./build.sh bench embed [--quick] [--json]

*Plain* is what a careful user writes: the Rust tokenizer, batches of 32 in the order they came,
padded, on one session with all cores; the graph is the same, so what differs is edgelet itself.
Rounds are interleaved and medians are shown, so that a machine whose speed drifts harms all alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from bench.texts import texts
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer

from edgelet import Session
from edgelet.models import DEFAULT_MODEL, Precision
from edgelet_host.store import ModelStore

MAX_TOKENS = 256
BLOCK = 50
"""Single texts measured in turn."""
PAUSE = 0.3
"""Seconds between turns: idle workers of one runtime spin for a while, and would slow the other."""


class Plain:
    """onnxruntime and tokenizers, without edgelet."""

    def __init__(self, artefact: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            artefact / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
        self.tokenizer = Tokenizer.from_file(str(artefact / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.enable_padding()

    def embed(self, batch: list[str]) -> np.ndarray[Any, Any]:
        """One padded batch."""
        encoded = self.tokenizer.encode_batch_fast(batch)
        ids = np.array([each.ids for each in encoded], np.int32)
        lengths = np.array([sum(each.attention_mask) for each in encoded], np.int32)
        feeds = {"token_ids": ids, "lengths": lengths}
        vectors: np.ndarray[Any, Any] = self.session.run(["sentence_embedding"], feeds)[0]
        return vectors

    def embed_all(self, many: list[str]) -> np.ndarray[Any, Any]:
        """Batches of 32 in the order they came."""
        return np.concatenate([self.embed(many[i : i + 32]) for i in range(0, len(many), 32)])


async def measure(precision: Precision, quick: bool) -> dict[str, Any]:
    """All figures of one precision."""
    session = Session(DEFAULT_MODEL, precision=precision)
    plain = Plain(ModelStore().artefact(DEFAULT_MODEL, precision))
    singles = texts("short", 100 if quick else 300)
    await session.run(singles[0])
    plain.embed(singles[:1])

    ours: list[float] = []
    theirs: list[float] = []
    for start in range(0, len(singles), BLOCK):
        await asyncio.sleep(PAUSE)
        theirs += [_seconds(plain.embed, [text]) for text in singles[start : start + BLOCK]]
        await asyncio.sleep(PAUSE)
        for text in singles[start : start + BLOCK]:
            started = time.perf_counter()
            await session.run(text)
            ours.append(time.perf_counter() - started)
    figures: dict[str, Any] = {
        "one text, p50 ms": (statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3),
        "one text, p99 ms": (_p99(ours) * 1e3, _p99(theirs) * 1e3),
    }

    for kind, count in (("short", 1000), ("passages", 100), ("mixed", 100)):
        many = texts(kind, count // 4 if quick else count)
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(3):
            started = time.perf_counter()
            await session.run(many)
            rates[0].append(len(many) / (time.perf_counter() - started))
            rates[1].append(len(many) / _seconds(plain.embed_all, many))
        figures[f"{kind}, texts/s"] = tuple(statistics.median(rate) for rate in rates)
    return figures


def peak_memory(count: int) -> None:
    """Embed `count` mixed texts and print the peak resident memory, before and after, in MB."""
    many = texts("mixed", count)

    async def run() -> None:
        session = Session(DEFAULT_MODEL)
        await session.run(many[:100])
        warm = _peak_mb()
        embeddings = await session.embed(many)
        result = len(embeddings.values) * 4 / 1e6
        print(json.dumps({"warm": warm, "peak": _peak_mb(), "result": result}))

    asyncio.run(run())


def _peak_mb() -> float:
    """The peak of this program alone: `ru_maxrss` would count its parent's, too, on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _seconds(call: Callable[[list[str]], object], batch: list[str]) -> float:
    started = time.perf_counter()
    call(batch)
    return time.perf_counter() - started


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def _table(precision: str, figures: dict[str, Any]) -> Table:
    table = Table(
        title=f"{DEFAULT_MODEL} {precision}, {os.cpu_count()} cores", title_justify="left"
    )
    for column in ("", "edgelet", "plain", "edgelet / plain"):
        table.add_column(column, justify="right" if column else "left")
    for name, (ours, theirs) in figures.items():
        table.add_row(name, f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}")
    return table


def main() -> None:
    """Measure, then print tables or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a quarter of the texts")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--memory", type=int, metavar="N", help="only the peak memory of N texts")
    arguments = parser.parse_args()
    if arguments.memory:
        peak_memory(arguments.memory)
        return

    console = Console(stderr=True)
    results: dict[str, Any] = {}
    for precision in ("fp32", "q8", "int8"):
        with console.status(f"measuring {precision}…"):
            results[precision] = asyncio.run(measure(precision, arguments.quick))
        if not arguments.json:
            Console().print(_table(precision, results[precision]))
    count = 1000 if arguments.quick else 10_000
    with console.status(f"measuring the peak memory of {count} texts…"):
        command = [sys.executable, "-m", "bench.embed", "--memory", str(count)]
        results["memory"] = json.loads(subprocess.check_output(command, text=True))
    if arguments.json:
        print(json.dumps(results, indent=1))
    else:
        memory = results["memory"]
        print(
            f"peak memory of {count:,} mixed texts: {memory['peak']:.0f} MB, "
            f"{memory['peak'] - memory['warm']:.0f} MB more than after the first 100 "
            f"(the result itself is {memory['result']:.0f} MB)"
        )


if __name__ == "__main__":
    main()
