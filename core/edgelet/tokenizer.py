"""Text to token ids, whichever tokenizer a model has.

`Tokenizer` is what the rest of core sees. `WordPiece` (in `edgelet.wordpiece`) is core's own, for
BERT-family models; `HostTokenizer` wraps the host's tokenizer library for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from edgelet.errors import ModelError
from edgelet.surrogates import replace_lone_surrogates
from edgelet.wordpiece import WordPiece


class Tokenizer(Protocol):
    """Turns one text into token ids."""

    def encode(self, text: str, max_tokens: int) -> tuple[list[int], bool]:
        """Token ids of `text`, special tokens included, at most `max_tokens` of them.

        The second value says whether the text was cut.
        """
        ...


@dataclass(frozen=True, slots=True)
class HostTokenizer:
    """A tokenizer that the host's library runs.

    `encode_whole` gives a text's ids with special tokens and without truncation; a cut text keeps
    its first ids and the last one, which closes the sequence.
    """

    encode_whole: Callable[[str], Sequence[int]]

    def encode(self, text: str, max_tokens: int) -> tuple[list[int], bool]:
        """See `Tokenizer.encode`."""
        ids = list(self.encode_whole(replace_lone_surrogates(text)))
        if len(ids) <= max_tokens:
            return ids, False
        return [*ids[: max_tokens - 1], ids[-1]], True


def tokenizer_for(
    tokenizer_json: bytes, host_encode: Callable[[str], Sequence[int]] | None, model: str
) -> Tokenizer:
    """Core's own tokenizer where it covers `tokenizer_json`, else the host's.

    Raises `ModelError` when core does not cover the model and the host has no tokenizer library.
    """
    own = _own_tokenizer(tokenizer_json)
    if own is not None:
        return own
    if host_encode is None:
        raise ModelError(
            f"{model} needs a tokenizer that this host does not have; "
            f"use a BERT-family model with a WordPiece tokenizer here"
        )
    return HostTokenizer(host_encode)


@lru_cache(maxsize=4)
def _own_tokenizer(tokenizer_json: bytes) -> WordPiece | None:
    """Reading a vocabulary takes a tenth of a second in WebAssembly; many models share one."""
    return WordPiece.from_json(tokenizer_json)
