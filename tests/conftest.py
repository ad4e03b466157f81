"""Fixtures that many rooms share: the default model, fetched and built once."""

from pathlib import Path

import pytest

from edgelet.models import DEFAULT_MODEL
from edgelet_host.store import ModelStore, cache_folder


@pytest.fixture(scope="session")
def minilm_source() -> Path:
    """The default model's files as published: `model.safetensors`, `tokenizer.json`, …"""
    return ModelStore().pull(DEFAULT_MODEL)


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """The folder of the model store, with the default model built in it at fp32."""
    ModelStore().artefact(DEFAULT_MODEL, "fp32")
    return cache_folder()
