"""Core's WordPiece gives the ids of Rust's `tokenizers`: samples of the sets of the full script."""

from __future__ import annotations

import json
import random
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgelet.surrogates import replace_lone_surrogates
from edgelet.wordpiece import WordPiece
from tests.tokenizer.compare_with_rust import compare, rust_ids, rust_tokenizer
from tests.tokenizer.strings import CODE_POINTS, SETS, StringSet, long_texts, messages

if TYPE_CHECKING:
    from tests.tokenizer.conftest import Pair

TOKENIZERS = (
    "as given",
    "cased",
    "no chinese",
    "alphabet",
    "alphabet, cased",
    "alphabet, cased, stripped",
    "alphabet, accents kept",
)


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_every_set_of_strings_gets_the_ids_of_rust(one: StringSet, name: str, both: Pair) -> None:
    ours, rust = both(name)
    result = compare(ours, rust, one.strings(random.Random(name), one.sample), one.max_tokens)
    assert result.mismatches == 0, result.examples
    # A machine may have no message catalogues.
    assert result.count >= one.sample * len(one.max_tokens) // 2 or one.strings is messages


@pytest.mark.parametrize("name", ["alphabet", "alphabet, accents kept"])
def test_the_unicode_version_of_the_interpreter_does_not_matter(name: str, both: Pair) -> None:
    touched = (
        char
        for char in map(chr, CODE_POINTS)
        if unicodedata.normalize("NFD", char) != char
        or unicodedata.combining(char)
        or char.lower() != char
    )
    hangul = range(0xAC00, 0xD7A4)
    texts = [f"x{char}\u08d4\u0345y" for char in touched if ord(char) not in hangul]
    assert len(texts) > 4_000
    assert compare(*both(name), texts, [512]).examples == ()


@pytest.mark.parametrize("name", ["as given", "no chinese", "alphabet"])
@pytest.mark.parametrize("one", SETS, ids=lambda one: one.name)
def test_slices_of_one_character_change_nothing(one: StringSet, name: str, both: Pair) -> None:
    ours, _ = both(name)
    sliced = WordPiece(ours._model)
    sliced.slice_characters = 1
    count = 5 if one.strings is long_texts else one.sample // 8
    for text in one.strings(random.Random(name), count):
        assert sliced.encode(text, 100_000) == ours.encode(text, 100_000), ascii(text[:80])


@settings(deadline=None, derandomize=True, max_examples=300)
@given(text=st.text(), max_tokens=st.integers(2, 12))
def test_any_text_gets_the_ids_of_rust(both: Pair, text: str, max_tokens: int) -> None:
    for name in ("as given", "alphabet"):
        ours, rust = both(name)
        assert [ours.encode(text, max_tokens)] == rust_ids(rust, [text], max_tokens)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(text=st.text(st.characters(categories=["Cs", "L", "Zs", "So"])))
def test_text_with_lone_surrogates_gets_the_ids_of_its_well_formed_text(
    both: Pair, text: str
) -> None:
    ours, rust = both("alphabet")
    assert [ours.encode(text, 512)] == rust_ids(rust, [replace_lone_surrogates(text)], 512)


@pytest.mark.parametrize(
    "contents",
    [
        ["[NEW]", "<new>"],
        ["ab", "abc", "b[CLS", "bcd"],
        ["a,b", ",,", "人工", "x人"],
        ["new-token!", "!!a", "^x]", "-]^"],
        ["é", "\U0001f600", "İ", "\u0301", "\u200b"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("slice_characters", [1, 2048])
def test_added_tokens_are_found_where_rust_finds_them(
    contents: list[str], slice_characters: int, tokenizer_json: bytes
) -> None:
    file = with_added(tokenizer_json, contents)
    ours, rust = WordPiece.from_json(file), rust_tokenizer(file)
    assert ours is not None
    ours.slice_characters = slice_characters
    rng = random.Random(0)
    parts = [*contents, *"".join(contents), " ", "word", "e\u0301", "[CLS]", "人", ",", "[", "CLS]"]
    texts = ["".join(rng.choices(parts, k=rng.randint(1, 10))) for _ in range(2_000)]
    assert compare(ours, rust, texts, [512]).examples == ()


@pytest.mark.parametrize("longest_word", [1, 3, 100])
def test_longest_word_counts_normalised_characters(
    longest_word: int, tokenizer_json: bytes
) -> None:
    config = json.loads(tokenizer_json)
    config["model"]["max_input_chars_per_word"] = longest_word
    assert_same(config, ["a bé e\u0301\u0301\u0301 the", "under understanding , 人", "각 İİ İİİ"])


def test_bert_processing_is_the_same_as_its_template(tokenizer_json: bytes) -> None:
    config = json.loads(tokenizer_json)
    config["post_processor"] = {"type": "BertProcessing", "sep": ["x", 5], "cls": ["y", 6]}
    assert_same(config, ["hello world", ""])


def test_a_file_without_added_tokens_finds_none(tokenizer_json: bytes) -> None:
    config = json.loads(tokenizer_json)
    del config["added_tokens"]
    assert_same(config, ["[CLS] hello", "[UNK]"])


def test_strip_accents_follows_lowercase_when_it_is_not_given(tokenizer_json: bytes) -> None:
    for lowercase in (True, False):
        config = json.loads(tokenizer_json)
        config["normalizer"]["lowercase"] = lowercase
        del config["normalizer"]["strip_accents"]
        assert_same(config, ["schön Ünder à la carte", "É"])


def assert_same(config: dict[str, Any], texts: list[str]) -> None:
    file = json.dumps(config).encode()
    ours, rust = WordPiece.from_json(file), rust_tokenizer(file)
    assert ours is not None
    assert compare(ours, rust, texts, [512]).examples == ()


def with_added(tokenizer_json: bytes, contents: list[str]) -> bytes:
    config = json.loads(tokenizer_json)
    next_id = len(config["model"]["vocab"])
    for content in contents:
        token = config["added_tokens"][0] | {"content": content, "special": False}
        known = config["model"]["vocab"].get(content)
        config["added_tokens"].append(token | {"id": next_id if known is None else known})
        next_id += known is None
    return json.dumps(config).encode()
