"""Embedding: edgelet beside what a Python user would pick instead, on the same weights and texts.

    ./build.sh bench embed [--quick] [--json FILE] [--part PART] [--only NAME] [--set KIND]
                           [--model NAME] [--threads N]

Every library is a process of its own in an environment of its own (`peers/`), with the same number
of cores; turns alternate and medians are shown. What takes part stands in `contenders.py`, what
edgelet aims at in `aims.py`, how each figure is taken in `measure.py` and `once.py`. A run of all
texts, models and contenders writes its figures and charts to `bench/results/`, whole or only its
`--part`; any other to `build/bench-embed/`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.embed import chart, once
from bench.embed.contenders import CONTENDERS, Contender
from bench.embed.environment import packages_of_peers
from bench.embed.measure import Amounts, Failures, Place, quality, running, singles, speeds
from bench.embed.models import MODELS, WORK, prepared
from bench.embed.report import show
from bench.texts import texts
from rich.console import Console

from edgelet.models import PRECISIONS

TEXTS = WORK / "texts"
RESULTS = Path(__file__).parents[1] / "results"
SETS = {"short": 2000, "passages": 1000, "mixed": 1000}

FULL = Amounts(
    rounds=3,
    turn=1.5,
    long=4.0,
    singles=200,
    starts=2,
    quality={"short": 400, "passages": 112},
    together=600,
    linear=(100, 1000, 10_000, 100_000),
)
QUICK = Amounts(
    rounds=1,
    turn=0.4,
    long=1.0,
    singles=50,
    starts=1,
    quality={"short": 100, "passages": 28},
    together=300,
    linear=(100, 1000, 10_000),
)
PARTS = {
    "speed": ("speed", "singles"),
    "quality": ("quality",),
    "starts": ("starts", "import"),
    "callers": ("together",),
    "lists": ("linear",),
}
"""What can be measured by itself, and where its figures stand."""
ASIDE = 0.4
"""The share of a turn's time for all but the first model on most threads."""

Results = dict[str, Any]


def measured(given: argparse.Namespace, console: Console) -> Results:
    """All figures that were asked for."""
    amounts = QUICK if given.quick else FULL
    results: Results = {"facts": _facts(given.quick), "sets": SETS, "failed": {}, "import": {}}
    results |= {"speed": [], "singles": [], "together": [], "linear": []}
    results |= {"quality": {}, "starts": {}}
    chosen = [each for each in CONTENDERS if _asked(each.name, given.only)]
    parts = set(given.part or PARTS)
    sets = _texts(amounts)
    for model in given.model or MODELS:
        ready = prepared(model)
        for threads in sorted(given.threads or _thread_counts(), reverse=True):
            place = Place(ready, threads, TEXTS, sets)
            if (model, threads) == (MODELS[0], max(_thread_counts())):
                _once(place, chosen, amounts, parts, results, console)
                those, spent = chosen, amounts
            else:
                those = [each for each in chosen if each.brief]
                spent = replace(amounts, turn=amounts.turn * ASIDE, long=amounts.long * ASIDE)
            if "speed" in parts:
                _side_by_side(place, those, given.set or list(SETS), spent, results, console)
    results["facts"]["load average after"] = round(os.getloadavg()[0], 2)
    return results


def _side_by_side(
    place: Place,
    those: Sequence[Contender],
    kinds: Sequence[str],
    amounts: Amounts,
    results: Results,
    console: Console,
) -> None:
    where = f"{place.model.name}, {place.threads} threads"
    by_name = {each.name: each for each in those}
    console.log(f"{where}: starting")
    with running(place, those, results["failed"]) as processes:
        for kind in kinds:
            console.log(f"{where}: {kind}")
            results["speed"] += speeds(place, processes, by_name, kind, amounts)
        console.log(f"{where}: one text at a time")
        results["singles"] += singles(place, processes, PRECISIONS, amounts)


def _once(
    place: Place,
    those: Sequence[Contender],
    amounts: Amounts,
    parts: Collection[str],
    results: Results,
    console: Console,
) -> None:
    mine = [each for each in those if each.role == "edgelet" and each.brief]
    failed: Failures = results["failed"]
    if "starts" in parts:
        console.log("first embeddings of fresh processes")
        results["starts"] = once.starts(place, those, amounts, failed)
        results["import"] = once.imports(amounts)
    if "callers" in parts:
        console.log("many callers at once")
        results["together"] = once.together(place, mine, amounts)
    if "lists" in parts and mine:
        console.log("longer and longer lists")
        results["linear"] = once.linear(place, mine[-1], amounts)
    if "quality" in parts:
        console.log("quality")
        with running(place, those, failed) as processes:
            results["quality"] = quality(processes)


def _with_the_other_parts(results: Results, parts: Sequence[str], file: Path) -> Results:
    """These figures in the place of those of an earlier whole run."""
    before: Results = json.loads(file.read_bytes())
    return {**before, **{key: results[key] for part in parts for key in PARTS[part]}}


def _texts(amounts: Amounts) -> dict[str, list[str]]:
    """All sets, written where the processes read them."""
    sets = {kind: texts(kind, count) for kind, count in SETS.items()}
    sets["quality"] = [
        text for kind, count in amounts.quality.items() for text in sets[kind][:count]
    ]
    sets["many"] = texts("short", max(amounts.linear), seed=2)
    TEXTS.mkdir(parents=True, exist_ok=True)
    for kind, every in sets.items():
        (TEXTS / f"{kind}.json").write_text(json.dumps(every), "utf-8")
    return sets


def _thread_counts() -> list[int]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return sorted({1, min(cores or 1, 2)})


def _asked(name: str, only: Sequence[str] | None) -> bool:
    return not only or any(each in name for each in only)


def _facts(quick: bool) -> Results:
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load average before": round(os.getloadavg()[0], 2),
        "quick": quick,
        "python": platform.python_version(),
        "edgelet": version("edgelet"),
        "onnxruntime": version("onnxruntime"),
        **packages_of_peers(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench embed", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="one short round of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part")
    parser.add_argument("--only", action="append", metavar="NAME", help="those with it in the name")
    parser.add_argument("--set", action="append", choices=list(SETS), help="only these texts")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this model")
    parser.add_argument("--threads", action="append", type=int, metavar="N", help="only so many")
    return parser


def main() -> None:
    """Measure, print tables, write figures and charts."""
    given = _parser().parse_args()
    try:
        results = measured(given, Console(stderr=True, log_path=False))
    except RuntimeError as error:
        raise SystemExit(f"error: {error}") from None
    whole = not any((given.quick, given.only, given.set, given.model, given.threads))
    folder = RESULTS if whole else WORK
    folder.mkdir(parents=True, exist_ok=True)
    if whole and given.part and (folder / "embed.json").is_file():
        results = _with_the_other_parts(results, given.part, folder / "embed.json")
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    for file in filter(None, (folder / "embed.json", given.json)):
        file.write_text(text, "utf-8")
    for name, drawn in chart.charts(results).items():
        (folder / name).write_text(drawn, "utf-8")
    show(results, Console(width=None if os.isatty(1) else 150))
    print(f"figures and charts are in {folder}")


if __name__ == "__main__":
    main()
