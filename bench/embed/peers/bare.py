"""onnxruntime on edgelet's own artefact, with nothing around it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from serving import MAX_TOKENS, Options, Verbs, seconds, serve, some

OUTPUT = ["sentence_embedding"]


def load(options: Options) -> Verbs:
    """The artefact in a folder: a session with all threads, and one that threads share."""
    whole, shared = (_session(options["artefact"], each) for each in (options["threads"], 1))
    tokenizer = Tokenizer.from_file(f"{options['artefact']}/tokenizer.json")
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()

    def feeds(text: str) -> dict[str, Any]:
        ids = np.array([tokenizer.encode(text).ids], np.int32)
        return {"token_ids": ids, "lengths": np.array([ids.size], np.int32)}

    def singles(kind: str, start: int, count: int) -> dict[str, list[float]]:
        """The call alone: its inputs are there beforehand."""
        made = [feeds(text) for text in some(options, kind, start, count)]
        return {"seconds": [seconds(whole.run, OUTPUT, each) for each in made]}

    def pool(kind: str, count: int) -> dict[str, float]:
        """A thread a core, each one text after the other: no batches."""
        texts = some(options, kind, 0, count)
        with ThreadPoolExecutor(options["threads"]) as threads:
            work = threads.map(lambda text: shared.run(OUTPUT, feeds(text)), texts)
            return {"seconds": seconds(list, work)}

    whole.run(OUTPUT, feeds("Hello world"))
    return {"singles": singles, "pool": pool}


def _session(artefact: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(
        f"{artefact}/model.onnx", options, providers=["CPUExecutionProvider"]
    )


serve(load)
