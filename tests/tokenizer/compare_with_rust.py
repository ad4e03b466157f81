"""Compare core's WordPiece with Rust's `tokenizers`, id for id, on millions of strings.

    python -m tests.tokenizer.compare_with_rust path/to/tokenizer.json

Each set of strings is tokenized with the given tokenizer, with variants of it (other normalizer
settings), and with *alphabets*: vocabularies of nearly every single character, in which no
difference can hide behind `[UNK]`. The test suite runs samples of the same sets.

Where the Rust library does not run (another Python, Pyodide), its ids can be checked by digest:
`--write-digests FILE` here, `--check-digests FILE` there, which needs the standard library alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2] / "core"))

from edgelet.wordpiece import WordPiece
from tests.tokenizer.strings import SETS, messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tokenizers import Tokenizer


def tokenizer_files(tokenizer_json: bytes) -> dict[str, bytes]:
    """The tokenizer itself, variants of it, and alphabets, by name."""
    letters = alphabet(tokenizer_json)
    return {
        "as given": tokenizer_json,
        "cased": with_normalizer(tokenizer_json, lowercase=False),
        "no chinese": with_normalizer(tokenizer_json, handle_chinese_chars=False),
        "alphabet": letters,
        "alphabet, cased": with_normalizer(letters, lowercase=False),
        "alphabet, cased, stripped": with_normalizer(letters, lowercase=False, strip_accents=True),
        "alphabet, accents kept": with_normalizer(letters, strip_accents=False),
    }


def with_normalizer(tokenizer_json: bytes, **settings: bool | None) -> bytes:
    """The same tokenizer with other normalizer settings."""
    config = json.loads(tokenizer_json)
    config["normalizer"] |= settings
    return json.dumps(config).encode()


def alphabet(tokenizer_json: bytes) -> bytes:
    """The same tokenizer with a vocabulary of single characters, those of all small scripts."""
    config = json.loads(tokenizer_json)
    old = config["model"]["vocab"]
    # The special tokens keep their ids; other ids need only be different.
    pieces = {token["content"]: token["id"] for token in config["added_tokens"]}
    codes = (*range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x20000))
    sparse = (*range(0x3400, 0xA000, 61), *range(0xAC00, 0xD7A4, 61), *range(0x20000, 0x30000, 61))
    for code in (*codes, *sparse, *range(0xE0000, 0xE0200)):
        pieces[chr(code)] = len(old) + 2 * code
        pieces["##" + chr(code)] = len(old) + 2 * code + 1
    config["model"]["vocab"] = pieces
    return json.dumps(config).encode()


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one tokenizer did on one set: how many encodings, and the first that differ."""

    count: int
    mismatches: int
    examples: tuple[str, ...]


def compare(
    ours: WordPiece, rust: Tokenizer, strings: Iterable[str], max_tokens: Iterable[int]
) -> Comparison:
    """Encode `strings` with both, at each of `max_tokens`."""
    count, wrong = 0, []
    for batch in _batches(strings):
        for limit in max_tokens:
            for text, ids in zip(batch, rust_ids(rust, batch, limit), strict=True):
                count += 1
                if ours.encode(text, limit) != ids:
                    wrong.append(f"{text[:60]!a} at {limit}")
    return Comparison(count, len(wrong), tuple(wrong[:5]))


def rust_tokenizer(tokenizer_json: bytes) -> Tokenizer:
    """Rust's own tokenizer, without the file's truncation and padding."""
    from tokenizers import Tokenizer

    rust: Tokenizer = Tokenizer.from_str(tokenizer_json.decode())
    rust.no_padding()
    rust.no_truncation()
    return rust


def rust_ids(rust: Tokenizer, batch: list[str], max_tokens: int) -> list[tuple[list[int], bool]]:
    """What Rust makes of each text, and whether it had to cut it."""
    rust.no_truncation()
    whole = [encoding.ids for encoding in rust.encode_batch_fast(batch)]
    rust.enable_truncation(max_tokens)
    return [
        (rust.encode(text).ids, True) if len(ids) > max_tokens else (ids, False)
        for text, ids in zip(batch, whole, strict=True)
    ]


def run_comparison(files: dict[str, bytes], seed: int) -> int:
    """Compare every tokenizer on every set, print a table, and return the mismatches."""
    total = 0
    sys.stdout.write(f"{'tokenizer':<27}{'set':<22}{'n':>10}{'mismatches':>12}\n")
    for name, tokenizer_json in files.items():
        ours, rust = _ours(tokenizer_json), rust_tokenizer(tokenizer_json)
        for one in SETS:
            strings = one.strings(random.Random(seed), one.full)
            result = compare(ours, rust, strings, one.max_tokens)
            total += result.mismatches
            sys.stdout.write(f"{name:<27}{one.name:<22}{result.count:>10}{result.mismatches:>12}\n")
            sys.stdout.writelines(f"    {example}\n" for example in result.examples)
            sys.stdout.flush()
    return total


Digests = dict[str, list[str]]
"""Digests of ids by tokenizer and set, one for every 5,000 strings."""


def digests(files: dict[str, bytes], seed: int, *, rust: bool) -> Digests:
    """Digest the ids of every tokenizer and set, as Rust or as core makes them."""
    found: Digests = {}
    for name, tokenizer_json in files.items():
        encode = _rust_batches(tokenizer_json) if rust else _our_batches(tokenizer_json)
        for one in SETS:
            if one.strings is messages:
                continue
            strings = one.strings(random.Random(seed), one.full)
            limit = max(one.max_tokens)
            found[f"{name}: {one.name}"] = [
                hashlib.sha256(repr(encode(batch, limit)).encode()).hexdigest()[:16]
                for batch in _batches(strings)
            ]
    return found


def _rust_batches(tokenizer_json: bytes) -> Callable[[list[str], int], Any]:
    rust = rust_tokenizer(tokenizer_json)
    return lambda batch, limit: rust_ids(rust, batch, limit)


def _our_batches(tokenizer_json: bytes) -> Callable[[list[str], int], Any]:
    ours = _ours(tokenizer_json)
    return lambda batch, limit: [ours.encode(text, limit) for text in batch]


def _ours(tokenizer_json: bytes) -> WordPiece:
    ours = WordPiece.from_json(tokenizer_json)
    if ours is None:
        raise SystemExit("core does not cover this tokenizer.json")
    return ours


def _batches(strings: Iterable[str], size: int = 5_000) -> Iterator[list[str]]:
    strings = iter(strings)
    while batch := list(islice(strings, size)):
        yield batch


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "tokenizer",
        type=Path,
        nargs="?",
        default=os.environ.get("EDGELET_TEST_TOKENIZER"),
        help="a BERT model's tokenizer.json (default: $EDGELET_TEST_TOKENIZER)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random sets (default: 0)")
    parser.add_argument("--only", help="only tokenizers of this name, such as 'alphabet'")
    parser.add_argument("--write-digests", type=Path, metavar="FILE", help="write Rust's digests")
    parser.add_argument("--check-digests", type=Path, metavar="FILE", help="check core's digests")
    options = parser.parse_args()
    if options.tokenizer is None:
        parser.error("give the path of a tokenizer.json, or set EDGELET_TEST_TOKENIZER")

    files = tokenizer_files(Path(options.tokenizer).read_bytes())
    if options.only:
        files = {name: file for name, file in files.items() if name == options.only}
    if options.write_digests:
        options.write_digests.write_text(json.dumps(digests(files, options.seed, rust=True)))
        return 0
    if options.check_digests:
        expected: Digests = json.loads(options.check_digests.read_text())
        found = digests(files, options.seed, rust=False)
        wrong = [name for name, digest in found.items() if digest != expected[name]]
        sys.stdout.write(f"{len(found)} sets, {len(wrong)} differ: {wrong}\n")
        return bool(wrong)
    return run_comparison(files, options.seed) > 0


if __name__ == "__main__":
    sys.exit(main())
