"""OpenVINO on the hub's graph: how fast another engine is when it is fed as well as possible.

Batches of near-equal lengths, of as many tokens as are fastest, run side by side.
"""

from __future__ import annotations

import numpy as np
import openvino
from numpy.typing import NDArray
from tokenizers import Tokenizer

from serving import MAX_TOKENS, Options, Verbs, embedding, serve

BUDGET = 512
"""Tokens of a batch."""


def load(options: Options) -> Verbs:
    """The hub's graph; `precision` is float32, or what OpenVINO chooses for this processor."""
    settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_NUM_THREADS": options["threads"]}
    if precision := options.get("precision"):
        settings["INFERENCE_PRECISION_HINT"] = precision
    compiled = openvino.Core().compile_model(f"{options['hub']}/onnx/model.onnx", "CPU", settings)
    output = compiled.output(0)
    tokenizer = Tokenizer.from_file(f"{options['hub']}/tokenizer.json")
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()

    def embed(texts: list[str]) -> NDArray[np.float32]:
        encoded = [each.ids for each in tokenizer.encode_batch_fast(texts)]
        vectors = np.empty((len(texts), 384), np.float32)
        queue = openvino.AsyncInferQueue(compiled)

        def pool(request: openvino.InferRequest, batch: list[int]) -> None:
            states = request.get_tensor(output).data
            for row, index in enumerate(batch):
                pooled = states[row, : len(encoded[index])].mean(axis=0)
                vectors[index] = pooled / np.linalg.norm(pooled)

        queue.set_callback(pool)
        for batch in _batches(encoded):
            ids = np.zeros((len(batch), len(encoded[batch[0]])), np.int64)
            mask = np.zeros_like(ids)
            for row, index in enumerate(batch):
                ids[row, : len(encoded[index])] = encoded[index]
                mask[row, : len(encoded[index])] = 1
            feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": ids * 0}
            queue.start_async(feeds, batch)
        queue.wait_all()
        return vectors

    return embedding(options, embed)


def _batches(encoded: list[list[int]]) -> list[list[int]]:
    """Longest first, so that the first of a batch is its longest."""
    batches: list[list[int]] = []
    for index in sorted(range(len(encoded)), key=lambda index: -len(encoded[index])):
        last = batches[-1] if batches else []
        if last and (len(last) + 1) * len(encoded[last[0]]) <= BUDGET:
            last.append(index)
        else:
            batches.append([index])
    return batches


serve(load)
