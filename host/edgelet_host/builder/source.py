"""A model's source folder in the hub's layout: which files there are and what they say.

Reads the small JSON files and decides between weights and a ready graph; reads neither of the two.
Nothing in these files is trusted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelet.errors import ModelError
from edgelet.models import Pooling

_CONFIG_LIMIT = 16 << 20
"""Bytes of a configuration file at most. Real ones have a few thousand."""

_SENTENCE_MODULES = {"Transformer", "Pooling", "Normalize"}
_POOLINGS: Mapping[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
}
_POSITIONS_FROM_PADDING = {"camembert", "mpnet", "roberta", "xlm-roberta"}
"""Families whose first position is that after the padding id, so that they hold fewer tokens."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the small files of a source folder say.

    `weights` and `graph` are the model's `model.safetensors` and `model.onnx`, where they exist.
    `read` names the files, relative to the folder and with `/`, that these facts came from.
    """

    folder: Path
    config: Mapping[str, Any]
    dimensions: int
    max_tokens: int
    positions: int
    pooling: Pooling
    weights: Path | None
    graph: Path | None
    read: tuple[str, ...]


def read_source(folder: Path) -> Source:
    """Read a source folder. Raises `ModelError` when a file is missing, broken or unsupported."""
    reader = _Reader(folder)
    config = reader.json("config.json", required=True)
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"there is no tokenizer.json in {folder}; save the model with a fast tokenizer"
        )
    _check_modules(reader)
    positions = _positions(config)
    return Source(
        folder=folder,
        config=config,
        dimensions=positive(config, "hidden_size"),
        max_tokens=_max_tokens(reader, positions),
        positions=positions,
        pooling=_pooling(reader),
        weights=_existing(folder, "model.safetensors"),
        graph=_existing(folder, "onnx/model.onnx") or _existing(folder, "model.onnx"),
        read=tuple(reader.read),
    )


def positive(config: Mapping[str, Any], name: str) -> int:
    """A positive whole number of `config.json`. Raises `ModelError` when it is anything else."""
    value = config.get(name)
    if type(value) is not int or value <= 0:
        raise ModelError(f"config.json must give {name} as a positive whole number, not {value!r}")
    return value


class _Reader:
    """Reads JSON objects from the folder, and remembers which."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.read: list[str] = []

    def json(self, name: str, *, required: bool = False) -> dict[str, Any]:
        """The object in that file; an empty one where the file need not be there and is not."""
        value = self.any(name)
        if value is None and not required:
            return {}
        if value is None:
            raise ModelError(
                f"there is no {name} in {self._folder}; add it or pull the model again"
            )
        if not isinstance(value, dict):
            raise ModelError(f"{name} in {self._folder} must hold a JSON object")
        return value

    def any(self, name: str) -> Any:
        """The value in that file, or None where there is no such file."""
        file = self._folder / name
        try:
            if not file.is_file():
                return None
            if file.stat().st_size > _CONFIG_LIMIT:
                raise ModelError(f"{name} in {self._folder} is larger than {_CONFIG_LIMIT} bytes")
            value = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(
                f"{name} in {self._folder} cannot be read as JSON; pull the model again"
            ) from error
        self.read.append(name)
        return value


def _existing(folder: Path, name: str) -> Path | None:
    file = folder / name
    return file if file.is_file() else None


def _positions(config: Mapping[str, Any]) -> int:
    positions = positive(config, "max_position_embeddings")
    if config.get("model_type") in _POSITIONS_FROM_PADDING:
        padding = config.get("pad_token_id")
        positions -= (padding if type(padding) is int and padding >= 0 else 1) + 1
    if positions < 1:
        raise ModelError("config.json must give max_position_embeddings above pad_token_id")
    return positions


def _max_tokens(reader: _Reader, positions: int) -> int:
    # Both files are read whichever wins, so that the card names both.
    sentence = reader.json("sentence_bert_config.json").get("max_seq_length")
    tokenizer = reader.json("tokenizer_config.json").get("model_max_length")
    for limit in (sentence, tokenizer):
        # "No limit" is written as 1e30 by the tokenizer libraries.
        if isinstance(limit, int | float) and not isinstance(limit, bool) and limit >= 3:
            return int(min(limit, positions))
    return positions


def _pooling(reader: _Reader) -> Pooling:
    """What `1_Pooling/config.json` asks for, in its older form (flags) or its newer (a name)."""
    config = reader.json("1_Pooling/config.json")
    modes = [name for name, on in config.items() if name.startswith("pooling_mode_") and on is True]
    if "pooling_mode" in config:
        named = config["pooling_mode"]
        modes = [
            f"pooling_mode_{mode}_token{'' if mode == 'cls' else 's'}"
            for mode in (named if isinstance(named, list) else [named])
        ]
    if not config:
        return "mean"
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        asked = ", ".join(modes) or "none"
        raise ModelError(
            f"1_Pooling/config.json asks for the pooling {asked}; only the mean of all tokens and "
            f"the first token (cls) are supported"
        )
    return _POOLINGS[modes[0]]


def _check_modules(reader: _Reader) -> None:
    """Refuse a model whose vectors pass through more than pooling and normalising."""
    modules = reader.any("modules.json")
    for module in modules if isinstance(modules, list) else []:
        kind = module.get("type") if isinstance(module, dict) else None
        name = kind.rpartition(".")[2] if isinstance(kind, str) else ""
        if name not in _SENTENCE_MODULES:
            raise ModelError(
                f"modules.json asks for a module {name or kind!r} after the encoder, which is not "
                f"supported; use a model made of Transformer, Pooling and Normalize"
            )
