"""A BERT of a few kilobytes with noise for weights, and its encoder in plain numpy.

The numpy encoder is the textbook's and shares no line with the builder: it is what tiny artefacts
are compared to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIG: Mapping[str, Any] = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 48,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 40,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": 90,
}

SMALL_FILES: Mapping[str, Any] = {
    "config.json": CONFIG,
    "tokenizer.json": {"model": {"type": "WordPiece"}},
    "sentence_bert_config.json": {"max_seq_length": 24},
    "tokenizer_config.json": {"model_max_length": 512},
    "1_Pooling/config.json": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
    "modules.json": [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ],
}


def random_weights(seed: int = 1) -> dict[str, NDArray[np.float32]]:
    """The tensors of a `BertModel`, by name."""
    random = np.random.default_rng(seed)
    hidden, wide = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    tensors: dict[str, NDArray[np.float32]] = {}

    def add(name: str, *shape: int, near: float = 0.0) -> None:
        tensors[name] = (near + random.standard_normal(shape) * 0.2).astype(np.float32)

    def norm(name: str) -> None:
        add(f"{name}.weight", hidden, near=1)
        add(f"{name}.bias", hidden)

    def dense(name: str, inputs: int, outputs: int) -> None:
        add(f"{name}.weight", outputs, inputs)
        add(f"{name}.bias", outputs)

    add("embeddings.word_embeddings.weight", CONFIG["vocab_size"], hidden)
    add("embeddings.position_embeddings.weight", CONFIG["max_position_embeddings"], hidden)
    add("embeddings.token_type_embeddings.weight", CONFIG["type_vocab_size"], hidden)
    norm("embeddings.LayerNorm")
    for layer in range(CONFIG["num_hidden_layers"]):
        name = f"encoder.layer.{layer}."
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            dense(f"{name}attention.{part}", hidden, hidden)
        norm(f"{name}attention.output.LayerNorm")
        dense(f"{name}intermediate.dense", hidden, wide)
        dense(f"{name}output.dense", wide, hidden)
        norm(f"{name}output.LayerNorm")
    return tensors


@dataclass
class Folder:
    """A source folder to be written: change what the test is about, then `write` it."""

    weights: Mapping[str, NDArray[np.float32]] | None = field(default_factory=random_weights)
    dtype: str = "F32"
    prefix: str = ""
    files: dict[str, Any] = field(default_factory=lambda: dict(SMALL_FILES))

    def write(self, folder: Path) -> Path:
        """Write the folder; a file whose content is None is left away."""
        for name, content in self.files.items():
            if content is not None:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(json.dumps(content))
        if self.weights is not None:
            named = {self.prefix + name: values for name, values in self.weights.items()}
            (folder / "model.safetensors").write_bytes(safetensors(named, self.dtype))
        return folder


def safetensors(tensors: Mapping[str, NDArray[np.float32]], dtype: str = "F32") -> bytes:
    """A safetensors file, written out by hand."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, values in tensors.items():
        content = stored(values, dtype).tobytes()
        offsets = [len(body), len(body) + len(content)]
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": offsets}
        body += content
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def stored(values: NDArray[np.float32], dtype: str) -> NDArray[Any]:
    """The values as they lie in a file of that dtype."""
    match dtype:
        case "F32":
            return values
        case "F16":
            return values.astype(np.float16)
        case _:  # BF16, cut rather than rounded
            return (values.view(np.uint32) >> 16).astype(np.uint16)


def encode(weights: Mapping[str, NDArray[np.float32]], ids: Sequence[int]) -> Floats:
    """The last states of one text, [tokens, hidden]."""
    return _Encoder(weights).run(ids)


class _Encoder:
    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._weights = {name: values.astype(np.float64) for name, values in weights.items()}

    def run(self, ids: Sequence[int]) -> Floats:
        w = self._weights
        x = w["embeddings.word_embeddings.weight"][list(ids)]
        x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(CONFIG["num_hidden_layers"]):
            name = f"encoder.layer.{layer}."
            mixed = self._attention(x, f"{name}attention.self.")
            mixed = self._dense(mixed, f"{name}attention.output.dense")
            x = self._norm(x + mixed, f"{name}attention.output.LayerNorm")
            wide = self._dense(x, f"{name}intermediate.dense")
            wide = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
            x = self._norm(x + self._dense(wide, f"{name}output.dense"), f"{name}output.LayerNorm")
        return x

    def _attention(self, x: Floats, name: str) -> Floats:
        heads = CONFIG["num_attention_heads"]
        query, key, value = (
            np.split(self._dense(x, name + part), heads, axis=1)
            for part in ("query", "key", "value")
        )
        mixed = []
        for q, k, v in zip(query, key, value, strict=True):
            shares = np.exp(q @ k.T / math.sqrt(q.shape[1]))
            mixed.append(shares / shares.sum(axis=1, keepdims=True) @ v)
        return np.concatenate(mixed, axis=1)

    def _dense(self, x: Floats, name: str) -> Floats:
        result: Floats = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _norm(self, x: Floats, name: str) -> Floats:
        x = x - x.mean(axis=1, keepdims=True)
        x = x / np.sqrt((x**2).mean(axis=1, keepdims=True) + CONFIG["layer_norm_eps"])
        result: Floats = x * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return result
