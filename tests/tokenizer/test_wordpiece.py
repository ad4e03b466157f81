"""What core's WordPiece promises beside its ids: which files it takes, how it cuts and shares."""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from edgelet.errors import ModelError, OptionError
from edgelet.surrogates import replace_lone_surrogates
from edgelet.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tokenizer.conftest import Pair

CLS, SEP, UNK = 101, 102, 100


@pytest.fixture(scope="session")
def ours(both: Pair) -> WordPiece:
    return both("as given")[0]


# Cutting


def test_a_text_that_fits_exactly_is_not_cut(ours: WordPiece) -> None:
    whole, _ = ours.encode("one two three", 100)
    assert ours.encode("one two three", len(whole)) == (whole, False)
    assert ours.encode("one two three", len(whole) - 1) == ([*whole[:-2], SEP], True)


def test_whitespace_after_the_last_token_is_not_a_cut(ours: WordPiece) -> None:
    assert ours.encode("one two" + " \n" * 5_000, 4) == ours.encode("one two", 4)
    assert ours.encode("one two" + " \n" * 5_000, 4)[1] is False


def test_two_tokens_are_room_for_the_special_tokens_only(ours: WordPiece) -> None:
    assert ours.encode("hello", 2) == ([CLS, SEP], True)
    assert ours.encode("", 2) == ([CLS, SEP], False)


@pytest.mark.parametrize("max_tokens", [1, 0, -5])
def test_less_than_two_tokens_is_refused(ours: WordPiece, max_tokens: int) -> None:
    with pytest.raises(OptionError, match=f"max_tokens is {max_tokens}; it must be at least 2"):
        ours.encode("hello", max_tokens)


@pytest.mark.parametrize("separator", [" ", "\n", ",", "人", "[CLS]"])
def test_a_long_text_is_read_only_as_far_as_needed(separator: str, both: Pair) -> None:
    fresh = WordPiece(both("as given")[0]._model)
    read: list[str] = []
    encode_chunk = fresh._chunks._compute
    fresh._chunks._compute = lambda chunk: read.append(chunk) or encode_chunk(chunk)  # type: ignore[func-returns-value]
    text = separator.join(map(str, range(10**6)))
    ids, cut = fresh.encode(text, 256)
    assert (len(ids), cut) == (256, True)
    assert sum(map(len, read)) < 10_000


def test_a_huge_word_is_one_unknown_word(ours: WordPiece) -> None:
    for letter in ("a", "é", "\u0939\u094d"):
        assert ours.encode(letter * 1_000_000 + " the", 256) == ([CLS, UNK, 1996, SEP], False)


# Surrogates


@settings(deadline=None, derandomize=True)
@given(st.text(st.sampled_from("\ud800\udbff\udc00\udfff\U0001f600aé\ufffd")))
def test_only_lone_surrogates_become_replacement_characters(text: str) -> None:
    lone = r"[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]"
    replaced = re.sub(lone, "\ufffd", text)
    joined = replaced.encode("utf-16", "surrogatepass").decode("utf-16")
    assert replace_lone_surrogates(text) == joined


def test_well_formed_text_is_returned_as_it_is() -> None:
    text = "plain, schön, 人, \U0001f600"
    assert replace_lone_surrogates(text) is text


# Sharing and memory


def test_threads_share_one_tokenizer(both: Pair) -> None:
    model = both("as given")[0]._model
    texts = [f"word{i} schön{i % 7} 人{i} [CLS]{i}, q\u08d4\u302e" for i in range(100)]
    expected = [WordPiece(model).encode(text, 12) for text in texts]
    shared = WordPiece(model)
    # Small caches are emptied all the time while other threads read them.
    shared._chunks._most = shared._words._spellings._most = 3
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            futures = [
                threads.submit(lambda: [shared.encode(text, 12) for text in texts])
                for _ in range(8)
            ]
            assert all(future.result() == expected for future in futures)
    finally:
        sys.setswitchinterval(interval)


def test_hostile_text_does_not_fill_the_memory(both: Pair) -> None:
    fresh = WordPiece(both("as given")[0]._model)
    chunks, spellings = fresh._chunks, fresh._words._spellings
    chunks._most = spellings._most = 1_000
    fresh.encode(" ".join(map(chr, range(0x4E00, 0x9000))), 10**6)
    fresh.encode("y" * 33, 10**6)
    assert 0 < len(chunks) <= 1_000
    assert 0 < len(spellings) <= 1_000
    assert max(map(len, chunks)) <= 32


# Files


@pytest.fixture(scope="session")
def small_json(tokenizer_json: bytes) -> bytes:
    """A tokenizer.json with the first two thousand pieces, quicker to edit and read."""
    config = json.loads(tokenizer_json)
    vocabulary = config["model"]["vocab"].items()
    config["model"]["vocab"] = {piece: token for piece, token in vocabulary if token < 2_000}
    return json.dumps(config).encode()


def edited(tokenizer_json: bytes, edit: Callable[[Any], object]) -> bytes:
    config = json.loads(tokenizer_json)
    edit(config)
    return json.dumps(config).encode()


def put(path: str, value: object) -> Callable[[Any], object]:
    """An edit that sets the value at a path such as `model.type` or `added_tokens.0.id`."""

    def edit(config: Any) -> None:
        *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
        for part in parents:
            config = config[part]
        if value is ...:
            del config[last]
        else:
            config[last] = value

    return edit


def add_token(**fields: object) -> Callable[[Any], object]:
    """An edit that appends an added token with the next free id, unless told otherwise."""
    return lambda config: config["added_tokens"].append(
        config["added_tokens"][0]
        | {"content": "<new>", "id": len(config["model"]["vocab"])}
        | fields
    )


@pytest.mark.parametrize(
    "model",
    [models.Unigram([("a", 0.0)]), models.BPE(), models.WordLevel({"a": 0}, "a")],
    ids=lambda model: type(model).__name__,
)
def test_other_models_are_left_to_the_host(model: Any) -> None:
    assert WordPiece.from_json(Tokenizer(model).to_str().encode()) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.type", ...),
        ("model.continuing_subword_prefix", "@@"),
        ("normalizer", None),
        ("normalizer", ...),
        ("normalizer", {"type": "NFC"}),
        ("normalizer.clean_text", False),
        ("pre_tokenizer", None),
        ("pre_tokenizer", {"type": "Whitespace"}),
        ("post_processor", None),
        ("post_processor", {"type": "Sequence", "processors": []}),
        ("post_processor.single", []),
        ("post_processor.single.1.Sequence.id", "B"),
        ("post_processor.special_tokens.[CLS].ids", [101, 101]),
        ("post_processor.special_tokens.[SEP]", ...),
        ("added_tokens.2.id", 5),
        ("added_tokens.2.single_word", True),
        ("added_tokens.2.lstrip", True),
        ("added_tokens.2.rstrip", True),
        ("added_tokens.2.normalized", True),
        ("added_tokens.2.content", "[SEP]"),
    ],
)
def test_what_rust_does_otherwise_is_left_to_the_host(
    path: str, value: object, small_json: bytes
) -> None:
    file = edited(small_json, put(path, value))
    assert WordPiece.from_json(file) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"content": ""},
        {"content": "a b"},
        {"content": "a\u3000"},
        {"id": 40_000},
        {"content": "the"},
    ],
    ids=str,
)
def test_added_tokens_that_are_not_plain_words_are_left_to_the_host(
    fields: dict[str, object], small_json: bytes
) -> None:
    assert WordPiece.from_json(edited(small_json, add_token(**fields))) is None
    assert WordPiece.from_json(edited(small_json, add_token())) is not None


@pytest.mark.parametrize(
    "file",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b"{}", b'{"model": []}', b"[" * 100_000],
    ids=lambda file: file[:20].decode("latin-1") or "empty",
)
def test_a_file_that_is_no_tokenizer_is_reported(file: bytes) -> None:
    with pytest.raises(ModelError, match=r"tokenizer.json is broken: .* JSON object with a model"):
        WordPiece.from_json(file)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.vocab", ...),
        ("model.vocab", {}),
        ("model.vocab", ["a"]),
        ("model.vocab.[UNK]", "100"),
        ("model.unk_token", ...),
        ("model.unk_token", "no such token"),
        ("model.max_input_chars_per_word", ...),
        ("model.max_input_chars_per_word", "100"),
        ("model.continuing_subword_prefix", ...),
        ("normalizer.clean_text", ...),
        ("normalizer.lowercase", ...),
        ("normalizer.strip_accents", "yes"),
        ("normalizer.handle_chinese_chars", None),
        ("added_tokens.0.id", ...),
        ("added_tokens.0.content", ...),
        ("added_tokens.0.normalized", ...),
        ("added_tokens.0", "[PAD]"),
    ],
)
def test_a_broken_field_is_named(path: str, value: object, small_json: bytes) -> None:
    field = path.split(".")[1] if path.startswith("model.vocab") else path.rsplit(".", 1)[-1]
    named = "content" if field == "0" else field
    with pytest.raises(
        ModelError, match=rf"tokenizer.json is broken: {named} should be .*; remove"
    ):
        WordPiece.from_json(edited(small_json, put(path, value)))
