"""Sets of strings that a tokenizer may get wrong, the same for the same seed."""

from __future__ import annotations

import gettext
import random
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from edgelet import wordpiece_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
