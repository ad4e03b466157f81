"""Real English texts of known numbers of tokens, out of the documentation in every Python.

Lengths are those of the default model's tokenizer, its two special tokens included. They are spread
so that the beginning of a set has the same mix of lengths as the whole.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left
from functools import cache
from itertools import accumulate
from pydoc_data.topics import topics

from tokenizers import Tokenizer

from edgelet.models import DEFAULT_MODEL
from edgelet_host.store import ModelStore

LENGTHS = {"short": (5, 20), "passages": (100, 200), "mixed": (5, 512)}
"""The fewest and the most tokens of a text, by kind."""

_SPECIAL = 2
_PROSE = 0.9
"""The share of letters and spaces in a paragraph that is prose; the rest is code and tables."""
_GOLDEN = (5**0.5 - 1) / 2


@cache
def words() -> list[str]:
    """All words of the prose of Python's language reference, in a fixed order."""
    paragraphs = dict.fromkeys(
        " ".join(paragraph.split())
        for name in sorted(topics)
        for paragraph in re.split(r"\n\s*\n", topics[name])
    )
    return [word for each in paragraphs if _is_prose(each) for word in each.split()]


def texts(kind: str, count: int, seed: int = 1) -> list[str]:
    """`count` texts of a kind of `LENGTHS`: as many whole words in a row as fit into a length."""
    fewest, most = LENGTHS[kind]
    chosen = random.Random(seed)
    every, ends = words(), _ends()
    result = []
    for number in range(count):
        share = (seed + number) * _GOLDEN % 1
        room = fewest + int(share * (most - fewest + 1)) - _SPECIAL
        start = chosen.randrange(len(every) - most)
        end = bisect_left(ends, ends[start] + room + 1) - 1
        if ends[end] - ends[start] < fewest - _SPECIAL:  # a long word would have gone beyond
            end += 1
        result.append(" ".join(every[start:end]))
    return result


@cache
def tokenizer() -> Tokenizer:
    """The default model's tokenizer, which neither cuts nor pads."""
    made = Tokenizer.from_file(str(ModelStore().pull(DEFAULT_MODEL) / "tokenizer.json"))
    made.no_truncation()
    made.no_padding()
    return made


@cache
def _ends() -> list[int]:
    """How many tokens the first so many words have: tokens never reach over a space."""
    encoded = tokenizer().encode_batch_fast(words(), add_special_tokens=False)
    return list(accumulate((len(each.ids) for each in encoded), initial=0))


def _is_prose(paragraph: str) -> bool:
    letters = sum(letter.isalpha() or letter == " " for letter in paragraph)
    return len(paragraph) > 40 and letters >= _PROSE * len(paragraph)
