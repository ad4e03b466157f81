"""How large the channels of a BERT encoder get: what `int8` must know before it rounds them.

A few channels are larger than all others in every text, so that words picked at random show them as
well as real text does; measured, neither real text nor more of it gives better vectors. The pass is
in numpy and float64: it needs no other runtime, and comes out the same everywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgelet_host.builder.bert import BertConfig, BertWeights
from edgelet_host.builder.safetensors import Array

_Floats = NDArray[np.float64]

_TEXTS, _TOKENS = 8, 32
_STRIDE = 7919
"""A prime, so that stepping by it visits words from all over the vocabulary."""


def largest_values(config: BertConfig, weights: BertWeights) -> dict[str, Array]:
    """The largest absolute value of each channel after each layer normalisation, by its name."""
    return _Pass(config, weights).run()


class _Pass:
    """One forward pass over made-up texts."""

    def __init__(self, config: BertConfig, weights: BertWeights) -> None:
        self._config = config
        self._weights = weights
        self._largest: dict[str, Array] = {}

    def run(self) -> dict[str, Array]:
        config = self._config
        tokens = min(_TOKENS, config.positions)
        ids = np.arange(_TEXTS * tokens) * _STRIDE % config.vocabulary
        words = self._weights.words()[ids.reshape(_TEXTS, tokens)].astype(np.float64)
        x = self._norm(words + self._weights.places()[:tokens], "embeddings.LayerNorm")
        for layer in range(config.layers):
            name = f"encoder.layer.{layer}."
            mixed = self._attention(x, f"{name}attention.self.")
            added = self._dense(mixed, f"{name}attention.output.dense", config.hidden)
            x = self._norm(added + x, f"{name}attention.output.LayerNorm")
            wide = _gelu(self._dense(x, f"{name}intermediate.dense", config.intermediate))
            narrow = self._dense(wide, f"{name}output.dense", config.hidden)
            x = self._norm(narrow + x, f"{name}output.LayerNorm")
        return self._largest

    def _attention(self, x: _Floats, name: str) -> _Floats:
        texts, tokens, hidden = x.shape
        heads = self._config.heads
        query, key, value = (
            self._dense(x, name + part, hidden)
            .reshape(texts, tokens, heads, hidden // heads)
            .swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.sqrt(hidden // heads)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed: _Floats = (shares @ value).swapaxes(1, 2).reshape(texts, tokens, hidden)
        return mixed

    def _dense(self, x: _Floats, name: str, outputs: int) -> _Floats:
        layer = self._weights.dense(name, x.shape[-1], outputs)
        flat = x.reshape(-1, x.shape[-1]) @ layer.weight.astype(np.float64)
        if layer.bias is not None:
            flat += layer.bias
        return flat.reshape(*x.shape[:-1], outputs)

    def _norm(self, x: _Floats, name: str) -> _Floats:
        gain, offset = self._weights.norm(name)
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._config.epsilon)
        normed: _Floats = centred / deviation * gain + offset
        channels = np.abs(normed).reshape(-1, normed.shape[-1])
        self._largest[name] = channels.max(axis=0).astype(np.float32)
        return normed


def _gelu(x: _Floats) -> _Floats:
    """The approximation by tanh: near enough to see which channels are large."""
    share: _Floats = 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * share
