"""What is measured: data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["edgelet", "peer", "ceiling"]
Bits = Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True)
class Contender:
    """One library in one setting. `script` is a file in `peers/`, `options` are for it.

    `bits` says what its matrix products multiply, `sorts` whether it sorts a list by length.
    `brief` ones are measured everywhere, the others with the first model and most threads only.
    """

    name: str
    script: str
    role: Role
    bits: Bits
    options: Mapping[str, Any] = field(default_factory=dict)
    sorts: bool = False
    brief: bool = False


_FILES = {"fp32": "onnx/model.onnx", "int8": "onnx/model_quantized.onnx"}


def _edgelet(precision: str, bits: Bits, *, brief: bool = False) -> Contender:
    options = {"precision": precision}
    return Contender(f"edgelet {precision}", "own.py", "edgelet", bits, options, True, brief)


def _plain(name: str, bits: Bits, *, sorts: bool = False, brief: bool = False) -> Contender:
    options = {"file": _FILES[bits], "sort": sorts}
    return Contender(name, "plain.py", "peer", bits, options, sorts, brief)


def _openvino(name: str, precision: str | None, *, brief: bool = False) -> Contender:
    options = {"precision": precision}
    return Contender(name, "ceiling.py", "ceiling", "fp32", options, True, brief)


CONTENDERS = (
    _edgelet("fp32", "fp32", brief=True),
    _edgelet("q8", "fp32"),
    _edgelet("int8", "int8", brief=True),
    Contender("sentence-transformers", "sentence.py", "peer", "fp32", sorts=True, brief=True),
    Contender("fastembed", "fast.py", "peer", "fp32"),
    _plain("onnxruntime", "fp32", brief=True),
    _plain("onnxruntime, sorted", "fp32", sorts=True),
    Contender("transformers.js", "transformers.mjs", "peer", "fp32", {"dtype": "fp32"}),
    _plain("onnxruntime int8", "int8", brief=True),
    _plain("onnxruntime int8, sorted", "int8", sorts=True),
    Contender("transformers.js q8", "transformers.mjs", "peer", "int8", {"dtype": "q8"}),
    _openvino("OpenVINO f32", "f32", brief=True),
    _openvino("OpenVINO", None),
)
"""Batches are of 32 texts in the order they came for all who do not choose themselves; *sorted*
sorts them by length before. int8 of the peers is the hub's `model_quantized.onnx`. OpenVINO gets
batches of near-equal lengths, as edgelet cuts them, and without `f32` computes as it likes, in
bfloat16 where the processor can."""

REFERENCE = "sentence-transformers"
"""Whose vectors all others are compared with."""

PLAIN = "onnxruntime"
"""Whose first embedding and single texts edgelet's are compared with."""
