"""How near vectors are to those of a reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

NEIGHBOURS = 10


def compared(vectors: Mapping[str, Vectors], reference: str) -> dict[str, dict[str, float]]:
    """Mean and least cosine, and the share of nearest neighbours that are the same, by name.

    Vectors are float32 [texts, dimensions]; those of `reference` must be among them.

    >>> compared({"a": vectors, "b": vectors}, "a")["b"]["neighbours"]
    1.0
    """
    units = {name: _unit(rows) for name, rows in vectors.items()}
    right = units[reference]
    nearest = _nearest(right)
    return {
        name: {
            "mean": float((rows * right).sum(axis=1).mean()),
            "least": float((rows * right).sum(axis=1).min()),
            "neighbours": _agreement(_nearest(rows), nearest),
            "texts": len(rows),
        }
        for name, rows in units.items()
    }


def _unit(rows: Vectors) -> NDArray[np.float64]:
    wide = rows.astype(np.float64)
    unit: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit


def _nearest(rows: NDArray[np.float64]) -> NDArray[np.intp]:
    near = rows @ rows.T
    np.fill_diagonal(near, -np.inf)
    return np.argpartition(-near, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]


def _agreement(one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    same = [len(set(a) & set(b)) for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    return float(np.mean(same)) / NEIGHBOURS
