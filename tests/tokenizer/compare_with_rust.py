"""Compare core's WordPiece with Rust's `tokenizers`, id for id, on millions of strings.

    python tests/tokenizer/compare_with_rust.py path/to/tokenizer.json

Each set of strings is tokenized with the given tokenizer, with variants of it (other normalizer
settings), and with *alphabets*: vocabularies of nearly every single character, in which no
difference can hide behind `[UNK]`. The test suite runs samples of the same sets.

Where the Rust library does not run (another Python, Pyodide), its ids can be checked by digest:
`--write-digests FILE` here, `--check-digests FILE` there, which needs the standard library alone.
"""

from __future__ import annotations

import argparse
import gettext
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

from edgelet import wordpiece_tables
from edgelet.wordpiece import WordPiece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tokenizers import Tokenizer

CODE_POINTS = [*range(0xD800), *range(0xE000, 0x110000)]
SPECIAL = ["[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]"]
LOCALES = Path("/usr/share/locale")

SCRIPTS = [
    *("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "éüñçåßøÅÉİıſǅ"),
    *("αβγδεζηθλμνξΣσςΆΈ", "абвгдежзийёЁЙЩ", "אבגדהוָּׁ", "ابتثجحخدذرزَُِّـ", "कखगघङािी्ंः", "กขคงจฉิีึ่้"),
    *(
        "ကခဂငာိီ္",
        "가각간갇힣ㄱㅏ",
        "あいうえおがぱゔアイウヴー",
        "人工智能的是一國豈更",
        "𠀀𠀁𪜀𫝀𫠠丽",
        "ႠႡⴀᲐა",
    ),
    *("ᏣᎳᎩꭰꭱ", "😀🎉👩‍👩‍👧🇩🇪🏽️", "ﬁﬂ①½ΩÅK", "ḍ̇ q̣̇ ậ ǖ", "ᬅᬆᬵ᭄᮪", "𐐀𐐁𐐨𞤀𞤁𞤢𞥄"),
    *(".,;:!?…–—“”«»()[]{}", "+-*/=<>≠≮≯^~`$€£|\\_@#%&"),
]
SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2002\u200a\u2028\u2029\u202f\u205f\u3000"
CONTROLS = (
    "\x00\x01\x08\x0e\x1b\x7f\x80\x9f\xad\u061c\u180e\u200b\u200d\u200e\u202e\u2060\ufeff\ufffd"
)
NEWER_MARKS = (
    "\u0898\u089f\u08ca\u08d3\u0c3c\u0eba\u1715\u1abf\u1ace\u1dfa\U00010d69\U00010efd\U0001e4ec"
)


@dataclass(frozen=True, slots=True)
class StringSet:
    """A kind of string: `strings(rng, count)` makes `count` of them, or all there are."""

    name: str
    strings: Callable[[random.Random, int], Iterable[str]]
    full: int
    sample: int
    max_tokens: tuple[int, ...] = (512,)


def alone(rng: random.Random, count: int) -> Iterator[str]:
    """Every code point by itself."""
    return map(chr, _code_points(rng, count))


def glued(rng: random.Random, count: int) -> Iterator[str]:
    """Every code point between two letters."""
    return (f"x{chr(code)}y" for code in _code_points(rng, count))


def marks(rng: random.Random, count: int) -> Iterator[str]:
    """Letters with several marks, which canonical ordering may move."""
    stripped = _table(wordpiece_tables.STRIPPED)
    moved = _table(wordpiece_tables.REORDERED)
    bases = "aéǖक한\U0001d15e\U0001d1bb\u1b06\u0344\u0958,"
    for _ in range(count):
        pools = rng.choices(
            [moved, NEWER_MARKS, stripped, bases], [6, 2, 3, 1], k=rng.randint(1, 8)
        )
        yield rng.choice(bases) + "".join(map(rng.choice, pools)) + "z"


def scripts(rng: random.Random, count: int) -> Iterator[str]:
    """Words of several scripts, next to each other or apart."""
    for _ in range(count):
        words = (_word(rng, rng.choice(SCRIPTS), 6) for _ in range(rng.randint(1, 12)))
        yield "".join(word + rng.choice(["", " ", " ", ", ", "-"]) for word in words)


def random_code_points(rng: random.Random, count: int) -> Iterator[str]:
    """Any code points in a row, most of them from the first planes."""
    for _ in range(count):
        tops = rng.choices([0x80, 0x3000, 0x10000, 0x20000, 0x110000], k=rng.randint(1, 20))
        codes = (rng.randrange(top) for top in tops)
        yield "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def messages(rng: random.Random, count: int) -> Iterator[str]:
    """Natural text in many languages: the machine's own message catalogues, if it has any."""
    files = sorted(LOCALES.glob("*/LC_MESSAGES/*.mo"))
    rng.shuffle(files)
    seen: set[str] = set()
    for file in files:
        if len(seen) >= count:
            break
        for message in islice(_catalogue(file), 300):
            if message not in seen and len(seen) < count:
                seen.add(message)
                yield message


def special_tokens(rng: random.Random, count: int) -> Iterator[str]:
    """Special tokens, whole and broken, in the middle of words and text."""
    parts = [
        *SPECIAL,
        "[",
        "]",
        "CLS",
        "[cls]",
        "[CL",
        "S]",
        "[[CLS]]",
        "é",
        "word",
        " ",
        "人",
        "\x0b",
    ]
    for _ in range(count):
        yield "".join(rng.choices(parts, k=rng.randint(1, 12)))


def long_words(rng: random.Random, count: int) -> Iterator[str]:
    """Words about as long as a word may be, before and after normalisation."""
    alphabets = [
        "a",
        "ab",
        "é",
        "e\u0301",
        "각",
        "人",
        "İ",
        "\U0001d400",
        "un",
        "-",
        "\u200ba",
        "ß",
    ]
    for _ in range(count):
        word = "".join(rng.choices(rng.sample(alphabets, 2), [30, 1], k=rng.randint(95, 105)))
        yield f"{word} {word[:50]}" if rng.random() < 0.5 else word


def spaces_and_controls(rng: random.Random, count: int) -> Iterator[str]:
    """Whitespace and control characters of all kinds between and inside words."""
    pools = [SPACES, CONTROLS, "ab", "é,人"]
    for _ in range(count):
        yield "".join(rng.choice(pool) for pool in rng.choices(pools, k=rng.randint(1, 24)))


def casing(rng: random.Random, count: int) -> Iterator[str]:
    """Cased letters in all positions, where a final sigma or a dotted I may matter."""
    entries = (entry.split(":")[0].split("/")[0] for entry in wordpiece_tables.LOWERCASED.split())
    cased = [*_table(" ".join(entries)), "İ", "ß", "ŉ", "ǰ", "ΐ", "ſ"]
    for _ in range(count):
        letters = [*rng.choices(cased, k=rng.randint(1, 3)), *rng.choices("Σσςaİ.’", k=2)]
        rng.shuffle(letters)
        yield "".join(letters)


def long_texts(rng: random.Random, count: int) -> Iterator[str]:
    """Texts of many slices, natural and not, to be cut."""
    for _ in range(count):
        words = (_word(rng, rng.choice(SCRIPTS), 9) for _ in range(rng.choice([3, 30, 300, 900])))
        separators = rng.choice([" ", ", ", "。", "", "\n", "[SEP]", "x"])
        yield separators.join(words) + rng.choice(["", " " * 5000, "\u0301" * 3000])


SETS = (
    StringSet("code points alone", alone, len(CODE_POINTS), 3_000),
    StringSet("code points glued", glued, len(CODE_POINTS), 4_000),
    StringSet("marks", marks, 100_000, 1_500),
    StringSet("scripts", scripts, 100_000, 1_500),
    StringSet("random code points", random_code_points, 100_000, 1_500),
    StringSet("messages", messages, 200_000, 1_500),
    StringSet("special tokens", special_tokens, 50_000, 1_000),
    StringSet("long words", long_words, 20_000, 300),
    StringSet("spaces and controls", spaces_and_controls, 50_000, 1_000),
    StringSet("casing", casing, 50_000, 2_000),
    StringSet("long texts", long_texts, 1_000, 6, (2, 3, 7, 100, 256, 512)),
)


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


def _code_points(rng: random.Random, count: int) -> Iterable[int]:
    """All code points; or those at the edges of the tables' ranges, and a random choice."""
    if count >= len(CODE_POINTS):
        return CODE_POINTS
    names = ("REMOVED", "SPACES", "CHINESE", "DECOMPOSED", "REORDERED", "STRIPPED", "PUNCTUATION")
    spans = (span for name in names for span in getattr(wordpiece_tables, name).split())
    ends = {int(end, 16) + step for span in spans for end in span.split("-") for step in (-1, 0, 1)}
    edges = sorted(ends.intersection(CODE_POINTS))
    rng.shuffle(edges)
    return [*edges[: count // 2], *rng.sample(CODE_POINTS, count - count // 2)]


def _table(table: str) -> list[str]:
    spans = (span.partition("-") for span in table.split())
    return [
        chr(code)
        for first, _, last in spans
        for code in range(int(first, 16), int(last or first, 16) + 1)
    ]


def _word(rng: random.Random, letters: str, longest: int) -> str:
    return "".join(rng.choices(letters, k=rng.randint(1, longest)))


def _catalogue(file: Path) -> Iterator[str]:
    try:
        with file.open("rb") as opened:
            catalogue = gettext.GNUTranslations(opened)._catalog  # type: ignore[attr-defined]
    except (OSError, ValueError, LookupError):
        return
    yield from (text for text in catalogue.values() if text)


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
