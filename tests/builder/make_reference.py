"""Makes `reference_vectors.npy` and `reference.json` with sentence-transformers, in fp32.

This is the independent yardstick of the builder's tests: another library, another runtime, another
tokenizer code path. It is run by hand, in an environment of its own, when the texts change:

    python3 -m venv reference-env
    reference-env/bin/pip install torch sentence-transformers
    reference-env/bin/python tests/builder/make_reference.py FOLDER

where FOLDER holds the files of sentence-transformers/all-MiniLM-L6-v2.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Embed every text of `reference_texts.json` alone and store the vectors, one row a text."""
    # Lives in the environment above, not in the project's.
    from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

    groups = json.loads((HERE / "reference_texts.json").read_text(encoding="utf-8"))
    texts = [text for group in groups for text in group["texts"]]
    model = SentenceTransformer(str(folder), device="cpu")
    vectors = np.concatenate([model.encode([text], normalize_embeddings=True) for text in texts])
    np.save(HERE / "reference_vectors.npy", vectors.astype(np.float32))
    facts = {
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "texts": len(texts),
        "max_tokens": model.max_seq_length,
        "versions": {
            name: version(name)
            for name in ("sentence-transformers", "transformers", "torch", "tokenizers", "numpy")
        },
    }
    (HERE / "reference.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
