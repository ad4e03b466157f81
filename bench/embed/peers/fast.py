"""fastembed, with the model registered as one of the user's own."""

from __future__ import annotations

import numpy as np
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
from numpy.typing import NDArray

from serving import BATCH, Options, Verbs, embedding, serve

NAME = "bench/model"


def load(options: Options) -> Verbs:
    """The hub's folder, from the disk."""
    TextEmbedding.add_custom_model(
        model=NAME,
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf=NAME),
        dim=384,
        model_file="onnx/model.onnx",
    )
    model = TextEmbedding(NAME, specific_model_path=options["hub"], threads=options["threads"])

    def embed(texts: list[str]) -> NDArray[np.float32]:
        return np.stack(list(model.embed(texts, batch_size=BATCH)))

    return embedding(options, embed)


serve(load)
