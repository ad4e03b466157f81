"""The one model of a component, which its host runs: `wasi:nn`."""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from componentize_py_types import Err
from wit_world.imports import errors, graph, tensor

from edgelet_guest.host import bytes_of, text_of
from edgelet_standalone.tickets import Failed


@dataclass(frozen=True, slots=True)
class OneModel:
    """A model that the host has loaded, under the first of its names.

    `names` are how a function may call it; `card`, `outputs` (in the graph's order) and `tokenizer`
    (`tokenizer.json`) are those of its artefact.
    """

    names: tuple[str, ...]
    card: dict[str, Any]
    outputs: tuple[str, ...]
    tokenizer: str

    def open(self, model: str, precision: str | None) -> str:
        """See `Models`."""
        has = self.card["precision"]
        if model not in self.names:
            raise Failed("model", f"this component embeds with {self.names[0]} alone, not {model}")
        if precision not in {None, has}:
            raise Failed("model", f"this component has {model} as {has}, not as {precision}")
        digest = sha256(self.tokenizer.encode()).hexdigest()
        return json.dumps({"handle": 1, "card": self.card, "lanes": 1, "tokenizer": digest})

    def run(self, token_ids: str, lengths: str, output: str) -> str:
        """See `Models`."""
        counts = array("i")
        counts.frombytes(bytes_of(lengths))
        try:
            return text_of(self._compute(_padded(bytes_of(token_ids), counts), counts, output))
        except Err as refused:
            error: errors.Error = refused.value
            raise Failed(
                "model",
                f"the host cannot run {self.names[0]} ({error.data()}); start it as README.md says",
            ) from None

    def _compute(self, token_ids: array[int], lengths: array[int], output: str) -> bytes:
        texts, kind = len(lengths), tensor.TensorType.I32
        ids = tensor.Tensor([texts, len(token_ids) // texts], kind, token_ids.tobytes())
        counts = tensor.Tensor([texts], kind, lengths.tobytes())
        with (
            graph.load_by_name(self.names[0]) as loaded,
            loaded.init_execution_context() as context,
        ):
            computed = context.compute([("token_ids", ids), ("lengths", counts)])
        data: bytes = computed[self.outputs.index(output)][1].data()
        return data


def _padded(token_ids: bytes, lengths: array[int]) -> array[int]:
    """The ids as int32 [texts, longest], padded with 0."""
    longest = max(lengths)
    row, begin, padded = 4 * longest, 0, bytearray()
    for length in lengths:
        padded += token_ids[begin : begin + 4 * length].ljust(row, b"\0")
        begin += 4 * length
    rows = array("i")
    rows.frombytes(padded)
    return rows
