"""Speed, memory and quality of all contenders side by side.

Turns alternate, so that a machine whose speed drifts harms all alike.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from bench.embed.contenders import REFERENCE, Contender
from bench.embed.models import MAX_TOKENS, Model
from bench.embed.process import Running, options_for
from bench.embed.quality import Vectors, compared
from bench.texts import tokenizer

T = TypeVar("T")
Row = dict[str, Any]
Failures = dict[str, str]

LEAST = 32
"""Texts of a turn at least: a whole batch of those who take 32 at once."""
BLOCK = 50
"""Single texts in a turn."""
PATIENCE = 3.0
"""Seconds: who needs more for `LEAST` texts is measured once, because it is far behind anyway."""
PAUSE = 0.1
"""Seconds between turns: idle threads of a runtime spin for a while, and would slow the next."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured.

    A turn embeds the beginning of a set that takes about `turn` seconds; about `long` by those who
    sort by length, who find the more equal lengths the more texts there are. `quality` says how
    many texts of each set are compared; `callers` at once embed `together` texts; `linear` are
    lengths of lists.
    """

    rounds: int
    turn: float
    long: float
    singles: int
    starts: int
    quality: Mapping[str, int]
    together: int
    linear: Sequence[int]
    callers: int = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is measured: which model, on how many threads, with which texts."""

    model: Model
    threads: int
    texts: Path
    sets: Mapping[str, Sequence[str]]

    def options(self) -> Row:
        """What its processes are told."""
        return options_for(self.model, self.texts, self.threads)

    @property
    def named(self) -> Row:
        """The beginning of a row of figures."""
        return {"model": self.model.name, "threads": self.threads}


@contextmanager
def running(
    place: Place, contenders: Sequence[Contender], failed: Failures
) -> Iterator[dict[str, Running]]:
    """Start them one after another; those that cannot be are written down."""
    with ExitStack() as stack:
        started = {}
        for each in contenders:
            try:
                process = started_one(place, each)
            except RuntimeError as error:
                failed[each.name] = str(error)
            else:
                stack.callback(process.close)
                started[each.name] = process
        yield started


def started_one(place: Place, each: Contender) -> Running:
    """One contender, which has embedded its first text."""
    return Running(each.script, {**place.options(), **each.options}, place.threads)


def speeds(
    place: Place,
    processes: Mapping[str, Running],
    contenders: Mapping[str, Contender],
    kind: str,
    amounts: Amounts,
) -> list[Row]:
    """Texts and tokens a second of a set, the share of the machine's peak, and the most memory.

    A slow one embeds fewer texts in a turn; the beginning of a set is like the whole.
    """
    lengths = [min(n, MAX_TOKENS) for n in token_counts(place.sets[kind])]
    seconds: dict[str, list[float]] = {}
    counts, peaks = {}, {}
    machine = peak(place)
    for name, process in processes.items():
        process.forget_peak()
        turn = amounts.long if contenders[name].sorts else amounts.turn
        counts[name], once = _count(process, kind, len(lengths), turn)
        peaks[name] = process.peak_mb()
        seconds[name] = [] if once is None else [once]
    far_behind = {name for name, each in seconds.items() if each}
    several = {name: each for name, each in processes.items() if name not in far_behind}
    for name, process in _turns(several, amounts.rounds):
        process.forget_peak()
        seconds[name].append(process.ask("many", kind=kind, count=counts[name])["seconds"])
        peaks[name] = process.peak_mb()
    machine = {each: max(value, machine[each]) for each, value in peak(place).items()}
    rows = []
    for name, each in seconds.items():
        count, middle = counts[name], statistics.median(each)
        operations = place.model.operations(lengths[:count]) / middle
        figures = {
            "texts": count,
            "texts/s": count / middle,
            "tokens/s": sum(lengths[:count]) / middle,
            "GFLOP/s": operations / 1e9,
            "of peak": operations / machine[contenders[name].bits],
            "peak MB": peaks[name],
            "seconds": each,
            "far behind": name in far_behind,
        }
        rows.append({**place.named, "set": kind, "contender": name, **figures})
    return rows


def peak(place: Place) -> dict[str, float]:
    """Operations a second of the machine's fastest product, by what is multiplied."""
    with closing(Running("machine.py", place.options(), place.threads)) as machine:
        return machine.ask("peak")


def singles(
    place: Place, processes: Mapping[str, Running], precisions: Sequence[str], amounts: Amounts
) -> list[Row]:
    """Milliseconds of one short text; *bare* is onnxruntime alone on edgelet's own artefact."""
    with ExitStack() as stack:
        asked = {}
        for name, process in processes.items():
            asked[name] = process
            precision = name.removeprefix("edgelet ")
            if precision in precisions:
                artefact = {"artefact": str(place.model.artefact(precision))}
                options = {**place.options(), **artefact}
                bare = stack.enter_context(closing(Running("bare.py", options, place.threads)))
                asked[f"bare {precision}"] = bare
        times: dict[str, list[float]] = {name: [] for name in asked}
        for start in range(-BLOCK, amounts.singles, BLOCK):  # the first block warms up
            for name, process in _turns(asked, 1):
                answer = process.ask("singles", kind="short", start=max(start, 0), count=BLOCK)
                times[name] += answer["seconds"] if start >= 0 else []
    return [
        {
            **place.named,
            "contender": name,
            "p50 ms": float(np.percentile(each, 50)) * 1e3,
            "p99 ms": float(np.percentile(each, 99)) * 1e3,
        }
        for name, each in times.items()
    ]


def quality(processes: Mapping[str, Running]) -> dict[str, dict[str, float]]:
    """Cosines and neighbours against the reference; nothing without that."""
    if REFERENCE not in processes:
        return {}
    vectors: dict[str, Vectors] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, process in processes.items():
            file = f"{folder}/vectors"
            texts = process.ask("vectors", kind="quality", file=file)["texts"]
            vectors[name] = np.fromfile(file, np.float32).reshape(texts, -1)
    return compared(vectors, REFERENCE)


def token_counts(texts: Sequence[str]) -> list[int]:
    """Tokens of every text, the special ones included."""
    return [len(each.ids) for each in tokenizer().encode_batch_fast(list(texts))]


def _count(process: Running, kind: str, whole: int, turn: float) -> tuple[int, float | None]:
    """How many texts take about a turn, in whole batches; finding it out warms up.

    With the seconds that they took, if that was so long that it is not done again.
    """
    count = min(LEAST, whole)
    seconds = process.ask("many", kind=kind, count=count)["seconds"]
    if seconds > PATIENCE:
        return count, seconds
    if seconds < turn / 4 and count < whole:  # the first call was cold, and small
        count = min(int(count * turn / 4 / seconds), whole)
        seconds = process.ask("many", kind=kind, count=count)["seconds"]
    fits = int(count * turn / seconds) // LEAST * LEAST
    return min(max(fits, LEAST), whole), None


def _turns(those: Mapping[str, T], rounds: int) -> Iterator[tuple[str, T]]:
    for number in range(rounds):
        order = list(those.items())
        for name, each in order if number % 2 == 0 else reversed(order):
            time.sleep(PAUSE)
            yield name, each
