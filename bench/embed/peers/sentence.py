"""sentence-transformers on PyTorch, in float32."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from serving import BATCH, MAX_TOKENS, Options, Verbs, embedding, serve


def load(options: Options) -> Verbs:
    """The model's own folder."""
    torch.set_num_threads(options["threads"])
    model = SentenceTransformer(options["source"], device="cpu", local_files_only=True)
    model.max_seq_length = MAX_TOKENS

    def embed(texts: list[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    return embedding(options, embed)


serve(load)
