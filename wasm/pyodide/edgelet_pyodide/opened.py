"""A bridge's answer to `OpenModel`, as core's `OpenedModel`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from edgelet.errors import ModelError
from edgelet.models import ModelCard, OpenedModel


def opened_model(handle: int, card: str, tokenizer_json: bytes) -> OpenedModel:
    """The opened model whose card is that JSON text; further facts in it are passed over."""
    facts = json.loads(card)
    known = {field.name: facts[field.name] for field in fields(ModelCard)}
    return OpenedModel(handle, ModelCard(**known), tokenizer_json)


def has_tokenizer(opened: OpenedModel) -> bool:
    """Whether core, or the host's library that was given, has a tokenizer for the model."""
    try:
        _ = opened.tokenizer
    except ModelError:
        return opened.encode is not None
    return True


def with_encoder(opened: OpenedModel, encode: Callable[[str], Any]) -> OpenedModel:
    """The model with a tokenizer of the bridge's library, a function that gives an `Int32Array`."""

    def encoded(text: str) -> list[int]:
        ids: list[int] = encode(text).to_py().tolist()
        return ids

    return replace(opened, encode=encoded)
