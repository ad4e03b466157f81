"""What a `tokenizer.json` says of a WordPiece tokenizer, and whether core reproduces it exactly.

The file is untrusted: a broken one raises `ModelError`, one of another kind is None. Knows the
format of Hugging Face's `tokenizers`; knows nothing of texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from edgelet.errors import ModelError

T = TypeVar("T")

CONTINUATION = "##"
"""What the vocabulary puts before a piece that continues a word."""


@dataclass(frozen=True, slots=True)
class Normalization:
    """The settings of Rust's `BertNormalizer` (`clean_text` is always on)."""

    handle_chinese_chars: bool
    strip_accents: bool
    lowercase: bool


@dataclass(frozen=True, slots=True)
class WordPieceModel:
    """Everything that decides the ids of a text.

    `vocabulary` maps pieces to ids; `unknown`, `opening` and `closing` are the ids of an unknown
    word and of the tokens around every text (`[UNK]`, `[CLS]`, `[SEP]`). `added` maps added tokens,
    which are found in a text before anything else happens to it, to their ids. A word of more than
    `longest_word` characters is unknown.
    """

    vocabulary: Mapping[str, int]
    unknown: int
    opening: int
    closing: int
    added: Mapping[str, int]
    longest_word: int
    normalization: Normalization


def read_wordpiece(tokenizer_json: bytes) -> WordPieceModel | None:
    """The model that a `tokenizer.json` describes, or None where `WordPiece` would not be exact.

    Raises `ModelError` when the file is broken.
    """
    try:
        config = json.loads(tokenizer_json)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise _broken("the file", "a JSON object with a model")
    model = config["model"]
    if model.get("type") != "WordPiece" or _kind(config, "pre_tokenizer") != "BertPreTokenizer":
        return None
    vocabulary: dict[str, int] = _field(model, "vocab", dict)
    if set(map(type, vocabulary.values())) != {int}:
        raise _broken("vocab", "a mapping of pieces to integers")
    unknown = vocabulary.get(_field(model, "unk_token", str))
    if unknown is None:
        raise _broken("unk_token", "in the vocabulary")
    normalization = _normalization(config)
    brackets = _brackets(config)
    added = _added_tokens(config, vocabulary)
    longest_word = _field(model, "max_input_chars_per_word", int)
    prefix = _field(model, "continuing_subword_prefix", str)
    if normalization is None or brackets is None or added is None or prefix != CONTINUATION:
        return None
    opening, closing = brackets
    return WordPieceModel(vocabulary, unknown, opening, closing, added, longest_word, normalization)


def _normalization(config: dict[str, Any]) -> Normalization | None:
    if _kind(config, "normalizer") != "BertNormalizer":
        return None
    section = config["normalizer"]
    cleans = _field(section, "clean_text", bool)
    chinese = _field(section, "handle_chinese_chars", bool)
    lowercase = strip_accents = _field(section, "lowercase", bool)
    if section.get("strip_accents") is not None:
        strip_accents = _field(section, "strip_accents", bool)
    return Normalization(chinese, strip_accents, lowercase) if cleans else None


def _brackets(config: dict[str, Any]) -> tuple[int, int] | None:
    """Find the ids that the post-processor puts around a text, if it does just that."""
    match config.get("post_processor"):
        case {"type": "BertProcessing", "cls": [_, int(opening)], "sep": [_, int(closing)]}:
            return opening, closing
        case {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": first}},
                {"Sequence": {"id": "A"}},
                {"SpecialToken": {"id": last}},
            ],
            "special_tokens": dict(special),
        }:
            match special.get(first), special.get(last):
                case {"ids": [int(opening)]}, {"ids": [int(closing)]}:
                    return opening, closing
    return None


def _added_tokens(config: dict[str, Any], vocabulary: dict[str, int]) -> dict[str, int] | None:
    """Read the added tokens, if all are matched as plain text and have the ids Rust gives them."""
    added: dict[str, int] = {}
    next_id = len(vocabulary)
    for token in config.get("added_tokens") or []:
        content, given = _field(token, "content", str), _field(token, "id", int)
        ways = [_field(token, way, bool) for way in _WAYS_OF_MATCHING]
        # Rust takes the vocabulary's id, else the next free one, whatever the file says.
        expected = vocabulary.get(content, next_id)
        has_space = any(char.isspace() for char in content)
        if any(ways) or not content or has_space or content in added or given != expected:
            return None
        added[content] = given
        next_id += given == next_id
    return added


_WAYS_OF_MATCHING = ("single_word", "lstrip", "rstrip", "normalized")


def _kind(config: dict[str, Any], section: str) -> object:
    value = config.get(section)
    return value.get("type") if isinstance(value, dict) else None


def _field(section: object, name: str, kind: type[T]) -> T:
    value = section.get(name) if isinstance(section, dict) else None
    if not isinstance(value, kind):
        raise _broken(name, f"of type {kind.__name__}")
    return value


def _broken(what: str, expected: str) -> ModelError:
    return ModelError(
        f"the model's tokenizer.json is broken: {what} should be {expected}; "
        f"remove the model from the cache and fetch it again"
    )
