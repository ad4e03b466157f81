"""A real BERT tokenizer.json, and tokenizers of core and of Rust made from it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgelet.wordpiece import WordPiece
from tests.tokenizer.compare_with_rust import rust_tokenizer, tokenizer_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokenizers import Tokenizer

    Pair = Callable[[str], tuple[WordPiece, Tokenizer]]


@pytest.fixture(scope="session")
def tokenizer_json(request: pytest.FixtureRequest) -> bytes:
    """The bytes of all-MiniLM-L6-v2's tokenizer.json."""
    given = os.environ.get("EDGELET_TEST_TOKENIZER")
    if given:
        return Path(given).read_bytes()
    source: Path = request.getfixturevalue("minilm_source")
    return (source / "tokenizer.json").read_bytes()


@pytest.fixture(scope="session")
def both(tokenizer_json: bytes) -> Pair:
    """Core's and Rust's tokenizer of one name in `tokenizer_files`."""
    files = tokenizer_files(tokenizer_json)

    @cache
    def pair(name: str) -> tuple[WordPiece, Tokenizer]:
        ours = WordPiece.from_json(files[name])
        assert ours is not None
        return ours, rust_tokenizer(files[name])

    return pair
