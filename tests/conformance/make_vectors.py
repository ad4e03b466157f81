"""Write `token_ids.json` and `vectors.json`: `python -m tests.conformance.make_vectors`.

Ids come from the Rust tokenizers, on a sample of the sets that core's tokenizer is compared on;
vectors are those of `tests/builder/reference_vectors.npy`, which sentence-transformers made.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np

from edgelet.models import DEFAULT_MODEL
from edgelet_host.store import ModelStore
from tests.conformance.cases import FOLDER
from tests.tokenizer import strings
from tests.tokenizer.compare_with_rust import rust_ids, rust_tokenizer

MAX_TOKENS = 64
_PER_SET = 24
_TEXTS = 24
_DIGITS = 7
_SETS = (
    strings.alone,
    strings.glued,
    strings.marks,
    strings.scripts,
    strings.random_code_points,
    strings.special_tokens,
    strings.long_words,
    strings.spaces_and_controls,
    strings.casing,
)


def token_ids(tokenizer_json: bytes) -> list[dict[str, object]]:
    """Texts with their ids, and whether `MAX_TOKENS` cut them."""
    texts = [text for make in _SETS for text in make(random.Random(1), _PER_SET)]
    answers = rust_ids(rust_tokenizer(tokenizer_json), texts, MAX_TOKENS)
    return [
        {"text": text, "ids": ids, "cut": was_cut}
        for text, (ids, was_cut) in zip(texts, answers, strict=True)
    ]


def vectors() -> list[dict[str, object]]:
    """Texts of all lengths with their vectors."""
    reference = Path(__file__).parents[1] / "builder"
    groups = json.loads((reference / "reference_texts.json").read_text("utf-8"))
    texts = [text for group in groups for text in group["texts"]]
    rows = np.load(reference / "reference_vectors.npy")
    by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    return [
        {"text": texts[i], "vector": [round(float(x), _DIGITS) for x in rows[i]]}
        for i in by_length[:: len(texts) // _TEXTS]
    ]


def main() -> None:
    """Write both files."""
    source = ModelStore().pull(DEFAULT_MODEL)
    ids = token_ids((source / "tokenizer.json").read_bytes())
    for name, rows in (("token_ids", ids), ("vectors", vectors())):
        lines = ",\n".join(json.dumps(row) for row in rows)
        (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
