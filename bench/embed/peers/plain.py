"""onnxruntime and tokenizers, as a careful user writes it, on a graph in the hub's layout.

`sort`: the same with the texts sorted by length, as the most careful would.
"""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from serving import BATCH, MAX_TOKENS, Options, Verbs, embedding, serve


def load(options: Options) -> Verbs:
    """The hub's file `options["file"]`, on one session with all threads."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = options["threads"]
    session = onnxruntime.InferenceSession(
        f"{options['hub']}/{options['file']}", settings, providers=["CPUExecutionProvider"]
    )
    tokenizer = Tokenizer.from_file(f"{options['hub']}/tokenizer.json")
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding()

    def batch(texts: list[str]) -> NDArray[np.float32]:
        encoded = tokenizer.encode_batch_fast(texts)
        ids = np.array([each.ids for each in encoded], np.int64)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (states,) = session.run(["last_hidden_state"], feeds)
        pooled = (mask[:, None].astype(np.float32) @ states)[:, 0]
        pooled /= mask.sum(axis=1, keepdims=True)
        vectors: NDArray[np.float32] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors

    def embed(texts: list[str]) -> NDArray[np.float32]:
        order = np.arange(len(texts))
        if options.get("sort"):
            order = np.argsort([len(text) for text in texts], kind="stable")
        parts = [order[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        vectors = np.concatenate([batch([texts[index] for index in part]) for part in parts])
        return vectors[np.argsort(order)]

    return embedding(options, embed)


serve(load)
