"""Figures of fresh processes and of edgelet alone: starts, many callers, growth."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing

from bench.embed.contenders import Contender
from bench.embed.measure import PAUSE, Amounts, Failures, Place, Row, running, started_one
from bench.embed.process import Running


def starts(
    place: Place, contenders: Sequence[Contender], amounts: Amounts, failed: Failures
) -> dict[str, Row]:
    """Milliseconds from the start of a process to its first vector; a round before warms files."""
    seen: dict[str, list[float]] = {}
    for number in range(amounts.starts + 1):
        with running(place, contenders, failed) as processes:
            for name, process in processes.items():
                if number:
                    seen.setdefault(name, []).append(process.first * 1e3)
    return {name: _middle(each) for name, each in seen.items()}


def imports(amounts: Amounts) -> Row:
    """Milliseconds that `import edgelet` takes, and whether it brings onnxruntime."""
    code = (
        "import sys, time; began = time.perf_counter(); import edgelet; "
        "print(time.perf_counter() - began, 'onnxruntime' in sys.modules)"
    )
    said = [
        subprocess.check_output([sys.executable, "-c", code], text=True).split()
        for _ in range(3 * amounts.starts)
    ]
    brought = {"brings onnxruntime": said[0][1] == "True"}
    return {**_middle([float(each[0]) * 1e3 for each in said]), **brought}


def together(place: Place, mine: Sequence[Contender], amounts: Amounts) -> list[Row]:
    """Calls a second of many callers at once, of one after another, and of plain threads."""
    rows = []
    count = amounts.together
    for each in mine:
        artefact = {"artefact": str(place.model.artefact(each.options["precision"]))}
        options = {**place.options(), **artefact}
        seen: dict[str, list[float]] = {"together/s": [], "in turn/s": [], "threads/s": []}
        with (
            closing(started_one(place, each)) as own,
            closing(Running("bare.py", options, place.threads)) as bare,
        ):
            calls = {
                "together/s": lambda own=own: own.ask(
                    "together", kind="short", count=count, callers=amounts.callers
                )["seconds"],
                "in turn/s": lambda own=own: sum(
                    own.ask("singles", kind="short", start=0, count=count)["seconds"]
                ),
                "threads/s": lambda bare=bare: bare.ask("pool", kind="short", count=count)[
                    "seconds"
                ],
            }
            for number in range(amounts.rounds + 1):  # the first round warms up
                for name, call in calls.items():
                    time.sleep(PAUSE)
                    seconds = call()
                    if number:
                        seen[name].append(count / seconds)
        medians = {name: statistics.median(rates) for name, rates in seen.items()}
        rows.append({**place.named, "contender": each.name, "callers": amounts.callers, **medians})
    return rows


def linear(place: Place, mine: Contender, amounts: Amounts) -> list[Row]:
    """Microseconds a text, and how much the peak of memory grows beyond the result, by count."""
    rows: list[Row] = []
    with closing(started_one(place, mine)) as process:
        process.ask("bytes_of", kind="many", count=amounts.linear[0])
        process.forget_peak()
        before = process.peak_mb()
        for count in amounts.linear:
            turns = max(1, min(9, 10_000 // count))
            process.forget_peak()
            answers = [process.ask("bytes_of", kind="many", count=count) for _ in range(turns)]
            peak = process.peak_mb()
            result = answers[0]["bytes"] / 1e6
            grown = None if peak is None or before is None else peak - before - result
            each = statistics.median(answer["seconds"] for answer in answers) / count * 1e6
            rows.append(
                {
                    **place.named,
                    "contender": mine.name,
                    "texts": count,
                    "µs a text": each,
                    "result MB": result,
                    "growth MB": grown,
                }
            )
    return rows


def _middle(values: Sequence[float]) -> Row:
    return {"median": statistics.median(values), "least": min(values)}
