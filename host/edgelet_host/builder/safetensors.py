"""Reads `model.safetensors`, whose bytes are not trusted.

The format: a little-endian u64 `n`, `n` bytes of JSON that map names to dtype, shape and byte
offsets, then the tensors' bytes. (https://github.com/huggingface/safetensors, "Format".) Tensors
are mapped, not read, until they are asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgelet.errors import ModelError

Array = NDArray[np.float32]

_HEADER_LIMIT = 100_000_000
"""Bytes of the header at most: the limit of the reference implementation."""

_ITEM_SIZES = {"F32": 4, "F16": 2, "BF16": 2}


class Weights:
    """The tensors of a safetensors file.

    Raises `ModelError` when the file is not what its header says.

    >>> Weights(folder / "model.safetensors").tensor("embeddings.LayerNorm.bias", (384,)).dtype
    dtype('float32')
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._bytes = np.memmap(file, np.uint8, "r")
            self._start, self._header = self._read_header()
        except (OSError, ValueError, RecursionError) as error:
            raise self._damaged("its header cannot be read") from error

    def __contains__(self, name: str) -> bool:
        return isinstance(self._header.get(name), dict)

    def tensor(self, name: str, shape: tuple[int, ...]) -> Array:
        """One tensor as float32, whichever of F32, F16 and BF16 it is stored as.

        Raises `ModelError` when it is missing, or is not of that shape or of these types, or holds
        values that are not finite.
        """
        entry = self._header.get(name)
        if not isinstance(entry, dict):
            raise self._damaged(f"there is no tensor {name}, which config.json makes necessary")
        dtype, stored = entry.get("dtype"), entry.get("shape")
        if not isinstance(dtype, str) or dtype not in _ITEM_SIZES:
            raise self._damaged(f"{name} is stored as {dtype!r}; F32, F16 and BF16 are supported")
        if stored != list(shape):
            raise self._damaged(f"{name} has the shape {stored!r}, but config.json says {shape}")
        values = _to_float32(self._span(name, entry, math.prod(shape) * _ITEM_SIZES[dtype]), dtype)
        if not np.isfinite(values).all():
            raise self._damaged(f"{name} holds values that are not finite")
        return values.reshape(shape)

    def _read_header(self) -> tuple[int, Mapping[str, Any]]:
        length = int.from_bytes(self._bytes[:8].tobytes(), "little")
        if not 2 <= length <= min(_HEADER_LIMIT, self._bytes.size - 8):
            raise ValueError("the header's length is out of bounds")
        header = json.loads(self._bytes[8 : 8 + length].tobytes())
        if not isinstance(header, dict):
            raise ValueError("the header is no object")  # noqa: TRY004  (wrong bytes, not types)
        return 8 + length, header

    def _span(self, name: str, entry: Mapping[str, Any], length: int) -> NDArray[np.uint8]:
        match entry.get("data_offsets"):
            case [int(begin), int(end)] if (
                begin >= 0 and end - begin == length and self._start + end <= self._bytes.size
            ):
                return self._bytes[self._start + begin : self._start + end]
        raise self._damaged(f"the bytes of {name} do not lie within the file")

    def _damaged(self, why: str) -> ModelError:
        return ModelError(f"{self._file} cannot be used: {why}; pull the model again")


def _to_float32(span: NDArray[np.uint8], dtype: str) -> Array:
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(span, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(span, "<f4" if dtype == "F32" else "<f2").astype(np.float32, copy=False)
