"""`edgelet models verify`: are the files still what they were, and the vectors right?"""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from edgelet.embedding import Embeddings
from edgelet.errors import ModelError, OptionError
from edgelet.host import Host
from edgelet.models import Precision
from edgelet.sync import SyncSession
from edgelet_host.cli.console import output, printable, say
from edgelet_host.cli.hosting import host_in_use
from edgelet_host.cli.model_progress import ModelProgress
from edgelet_host.cli.vectors import cosine
from edgelet_host.store import ModelStore

_LONGEST_TEXT = 44


@dataclass(frozen=True, slots=True)
class Golden:
    """Texts, and the vectors that a model must give for them under these options."""

    texts: list[str]
    embeddings: list[array[float]]
    mean_pool: bool
    normalize: bool


def verify_model(
    given_host: Host | None,
    model: str,
    golden_file: Path | None,
    precision: Precision,
    tolerance: float,
) -> None:
    """Check the hashes of all stored files; with a golden file, compare vectors too.

    Raises `ModelError` where something is not as it must be.
    """
    golden = None if golden_file is None else read_golden(golden_file)
    with ModelProgress() as progress:
        store = ModelStore(progress=progress)
        if golden is not None and given_host is None:
            store.artefact(model, precision)
        if golden is None or given_host is None:
            _check_files(store, model)
        if golden is not None:
            with host_in_use(given_host, progress), SyncSession(model, precision=precision) as run:
                embeddings = run.embed(
                    golden.texts, mean_pool=golden.mean_pool, normalize=golden.normalize
                )
            progress.stop()
            _compare(golden, embeddings, tolerance)


def read_golden(file: Path) -> Golden:
    """The golden file, checked. Raises `OptionError`."""
    try:
        data: dict[str, Any] = json.loads(file.read_bytes())
        options = data.get("options", {})
        golden = Golden(
            texts=data["texts"],
            embeddings=[array("f", vector) for vector in data["embeddings"]],
            mean_pool=options.get("mean_pool", True),
            normalize=options.get("normalize", True),
        )
        if not golden.mean_pool or len(golden.texts) != len(golden.embeddings):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise OptionError(
            f'{file}: expected a JSON object with "texts", and in "embeddings" one vector of '
            f"numbers for each of them"
        ) from None
    return golden


def _check_files(store: ModelStore, model: str) -> None:
    damaged = store.check(model)
    if damaged:
        raise ModelError(
            f"damaged or missing: {', '.join(map(str, damaged))}; remove {model} and fetch it again"
        )
    say(f"{model}: all stored files are sound")


def _compare(golden: Golden, embeddings: Embeddings[array[float]], tolerance: float) -> None:
    """Print how far each vector is from the golden one. Raises `ModelError` if one is too far."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("text", no_wrap=True)
    table.add_column("max |Δ|", justify="right")
    table.add_column("cosine", justify="right")
    table.add_column("")
    wrong = 0
    for index, (text, expected) in enumerate(zip(golden.texts, golden.embeddings, strict=True)):
        start = index * embeddings.dimensions
        got = embeddings.values[start : start + embeddings.dimensions]
        if len(got) != len(expected):
            raise ModelError(
                f"the golden vectors have {len(expected)} dimensions, the model gives {len(got)}"
            )
        furthest = max(abs(a - b) for a, b in zip(got, expected, strict=True))
        close = furthest <= tolerance
        wrong += not close
        table.add_row(
            Text(printable(_shortened(text))),
            f"{furthest:.1e}",
            f"{cosine(got, expected):.7f}",
            Text("same", style="green") if close else Text("differs", style="red"),
        )
    output().print(table)
    if wrong:
        raise ModelError(
            f"{wrong} of {len(golden.texts)} vectors differ by more than {tolerance:g} from the "
            f"golden ones"
        )


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"
