"""The 240 reference texts, their vectors from the native host, and how near others must come."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgelet import SyncSession, use_host
from edgelet.models import DEFAULT_MODEL, Precision
from edgelet_host.native import NativeHost

TEXTS = Path(__file__).parents[1] / "builder" / "reference_texts.json"


@dataclass(frozen=True)
class Nearness:
    """Cosines to the native fp32 vectors: their mean, and the least of them."""

    mean: float
    least: float


REQUIRED: dict[Precision, Nearness] = {
    "fp32": Nearness(mean=0.99999, least=0.99999),
    "q8": Nearness(mean=0.9995, least=0.999),
    "int8": Nearness(mean=0.999, least=0.997),
}
"""What every host owes. For 8 bits it is what the README states, with a little room."""


@cache
def reference_texts() -> list[str]:
    """Real texts, from one word to more than a model takes."""
    groups = json.loads(TEXTS.read_text("utf-8"))
    return [text for group in groups for text in group["texts"]]


@cache
def native_vectors(precision: Precision = "fp32") -> NDArray[np.float32]:
    """The reference texts by native onnxruntime.

    `EDGELET_NATIVE_VECTORS` names a folder in which they are kept for other processes: all hosts
    are held against the vectors of one.
    """
    folder = os.environ.get("EDGELET_NATIVE_VECTORS")
    kept = None if folder is None else Path(folder) / f"{precision}.npy"
    if kept is not None and kept.exists():
        known: NDArray[np.float32] = np.load(kept)
        return known
    # Playwright runs an event loop in this thread, in which nothing else may wait.
    with ThreadPoolExecutor(1) as pool:
        vectors = pool.submit(_native_vectors, precision).result()
    if kept is not None:
        np.save(kept, vectors)
    return vectors


def _native_vectors(precision: Precision) -> NDArray[np.float32]:
    with use_host(NativeHost()), SyncSession(DEFAULT_MODEL, precision=precision) as session:
        embeddings = session.embed(reference_texts())
    return np.asarray(embeddings.values).reshape(-1, embeddings.dimensions)


def nearness(vectors: Sequence[Sequence[float]], texts: Sequence[str]) -> Nearness:
    """How near a host's vectors of these reference texts are to the native ones."""
    native = native_vectors()[[reference_texts().index(text) for text in texts]]
    theirs = np.asarray(vectors, np.float32)
    assert theirs.shape == native.shape
    cosines = (theirs * native).sum(axis=1)
    return Nearness(float(cosines.mean()), float(cosines.min()))


def difference(vectors: Sequence[Sequence[float]], precision: Precision) -> dict[str, float]:
    """How far a host's vectors of the reference texts are from those of the native host."""
    native = native_vectors(precision).astype(np.float64)
    theirs = np.asarray(vectors, np.float64).reshape(native.shape)
    lengths = np.linalg.norm(theirs, axis=1) * np.linalg.norm(native, axis=1)
    cosines = (theirs * native).sum(axis=1) / lengths
    return {
        "max_delta": float(np.abs(theirs - native).max()),
        "least_cosine": min(1.0, float(cosines.min())),
    }
