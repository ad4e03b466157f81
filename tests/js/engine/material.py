"""Writes what the tests in TypeScript compare with, into a folder.

    python -m tests.js.engine.material FOLDER

`models/all-MiniLM-L6-v2/<precision>/` are the artefacts and `onnxruntime/` is the npm package's
folder, as in the assets that edgelet ships; `reference.json` holds the token ids of
the reference texts, sentence-transformers' vectors of them, and this machine's native ones.
"""

from __future__ import annotations

import json
import sys
from array import array
from pathlib import Path

import numpy as np

from edgelet.models import PRECISIONS
from edgelet.wordpiece import WordPiece
from edgelet_host.engine import Engine
from edgelet_host.store import ModelStore

MODEL = "all-MiniLM-L6-v2"
BUILDER = Path(__file__).parents[2] / "builder"
ONNXRUNTIME = Path(__file__).parents[3] / "js-shim" / "node_modules" / "onnxruntime-web" / "dist"


def write_material(folder: Path) -> None:
    """Write everything; artefacts are built where they are missing."""
    store = ModelStore()
    artefacts = {precision: store.artefact(MODEL, precision) for precision in PRECISIONS}
    for precision, artefact in artefacts.items():
        place = folder / "models" / MODEL / precision
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(artefact, target_is_directory=True)
    (folder / "onnxruntime").symlink_to(ONNXRUNTIME, target_is_directory=True)
    ids = _token_ids(artefacts["fp32"])
    material = {
        "ids": ids,
        "reference": np.load(BUILDER / "reference_vectors.npy").tolist(),
        "native": {precision: _vectors(artefacts[precision], ids) for precision in PRECISIONS},
    }
    (folder / "reference.json").write_text(json.dumps(material), encoding="utf-8")


def _token_ids(artefact: Path) -> list[list[int]]:
    groups = json.loads((BUILDER / "reference_texts.json").read_text(encoding="utf-8"))
    tokenizer = WordPiece.from_json((artefact / "tokenizer.json").read_bytes())
    return [list(tokenizer.encode(text, 256)[0]) for group in groups for text in group["texts"]]


def _vectors(artefact: Path, ids: list[list[int]]) -> list[list[float]]:
    engine = Engine.open(artefact)
    return [
        list(engine.run(array("i", row), array("i", [len(row)]), "sentence_embedding"))
        for row in ids
    ]


if __name__ == "__main__":
    write_material(Path(sys.argv[1]))
