"""Fixtures that many rooms share: the default model, fetched and built once."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from edgelet.models import DEFAULT_MODEL, Precision
from edgelet_host.store import ModelStore, cache_folder

NoteVectors = Callable[[Sequence[Sequence[float]], Precision], None]


@pytest.fixture(scope="session")
def minilm_source() -> Path:
    """The default model's files as published: `model.safetensors`, `tokenizer.json`, …"""
    return ModelStore().pull(DEFAULT_MODEL)


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """The folder of the model store, with the default model built in it at fp32."""
    ModelStore().artefact(DEFAULT_MODEL, "fp32")
    return cache_folder()


@pytest.fixture
def some_texts(request: pytest.FixtureRequest) -> list[str]:
    """A quarter of the reference texts, of all lengths.

    They are for a host that runs an engine which another one is given all texts for: Node, Bun and
    Firefox have the three compilers of WebAssembly. `matrix.py` has all texts from every host.
    """
    from tests.conformance.reference import reference_texts

    texts = reference_texts()
    return texts[::4] if request.config.getoption("--portability", default=None) is None else texts


@pytest.fixture
def note_vectors(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> NoteVectors:
    """Notes how far a host's vectors are from the native ones, when `matrix.py` wants to know."""

    def note(vectors: Sequence[Sequence[float]], precision: Precision) -> None:
        if request.config.getoption("--portability", default=None) is not None:
            from tests.conformance.reference import difference

            record_property("vectors", difference(vectors, precision))

    return note
