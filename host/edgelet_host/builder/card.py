"""The card of an artefact, `edgelet.json`: written by the builder, read by everyone.

Kept light: reading a card imports nothing but the standard library and core.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from edgelet.errors import ModelError
from edgelet.models import PRECISIONS, ModelCard, Pooling

BUILDER_VERSION = 4
"""Rises when the builder makes other bytes of the same source, so that caches build again."""

FORMAT = 1
"""Rises when the meaning of an artefact's files changes, so that an older reader refuses them."""

CARD, GRAPH, WEIGHTS, TOKENIZER = "edgelet.json", "model.onnx", "model.onnx.data", "tokenizer.json"


def write_card(
    artefact: Path,
    card: ModelCard,
    *,
    source: Mapping[str, str],
    files: Mapping[str, tuple[int, str]],
) -> None:
    """Write `edgelet.json`.

    `source` maps the names of the source files to their sha256; `files` maps the artefact's other
    files to size and sha256.
    """
    facts = {
        "format": FORMAT,
        "model": card.model,
        "precision": card.precision,
        "dimensions": card.dimensions,
        "max_tokens": card.max_tokens,
        "positions": card.positions,
        "pooling": card.pooling,
        "builder": BUILDER_VERSION,
        "source": dict(sorted(source.items())),
        "files": {
            name: {"size": size, "sha256": sha256} for name, (size, sha256) in sorted(files.items())
        },
    }
    text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    (artefact / CARD).write_text(text, encoding="utf-8")


def read_card(artefact: Path) -> ModelCard:
    """The card of the artefact in that folder.

    Raises `ModelError` when the folder holds no artefact, one of another format, or one of whose
    files a part is missing (their hashes are not checked here: that is the store's work).
    """
    facts = _facts(artefact)
    if facts.get("format") != FORMAT:
        raise ModelError(
            f"the artefact {artefact} has format {facts.get('format')!r}, but this version of "
            f"edgelet reads format {FORMAT}; build it again"
        )
    card = ModelCard(
        model=facts.get("model"),
        precision=facts.get("precision"),
        dimensions=facts.get("dimensions"),
        max_tokens=facts.get("max_tokens"),
        positions=facts.get("positions"),
        pooling=facts.get("pooling"),
    )
    files = facts.get("files")
    if not _is_sound(card) or not isinstance(files, dict):
        raise ModelError(f"the card {artefact / CARD} is damaged; build the artefact again")
    for name in (GRAPH, WEIGHTS, TOKENIZER):
        if not _has_size(artefact / name, files.get(name)):
            raise ModelError(
                f"the artefact {artefact} is damaged: {name} is missing or has another size than "
                f"its card says; build it again"
            )
    return card


def _facts(artefact: Path) -> Any:
    """A JSON object of whatever content."""
    facts: Any = None
    try:
        facts = json.loads((artefact / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{artefact} is no model artefact: it has no {CARD}; build one from the model's files"
        ) from None
    except (OSError, ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise ModelError(f"the card {artefact / CARD} cannot be read; build the artefact again")
    return facts


def _is_sound(card: ModelCard) -> bool:
    numbers = (card.dimensions, card.max_tokens, card.positions)
    return (
        isinstance(card.model, str)
        and card.precision in PRECISIONS
        and card.pooling in get_args(Pooling)
        and all(type(number) is int and number > 0 for number in numbers)
        and card.max_tokens <= card.positions
    )


def _has_size(file: Path, recorded: Any) -> bool:
    try:
        return isinstance(recorded, dict) and file.stat().st_size == recorded.get("size")
    except OSError:
        return False
