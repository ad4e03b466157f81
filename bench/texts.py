"""Real English texts of known lengths, out of the documentation that every Python carries."""

from __future__ import annotations

import random
import re
from pydoc_data.topics import topics

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def sentences() -> list[str]:
    """All sentences of Python's language reference, in a fixed order."""
    text = re.sub(r"\s+", " ", " ".join(topics[name] for name in sorted(topics)))
    return [sentence for sentence in _SENTENCE.split(text) if len(sentence.split()) > 2]


def texts(kind: str, count: int, seed: int = 1) -> list[str]:
    """`count` texts: `short` (3 to 12 words), `passages` (75 to 150) or `mixed` (3 to 350)."""
    fewest, most = {"short": (3, 12), "passages": (75, 150), "mixed": (3, 350)}[kind]
    chosen = random.Random(seed)
    words = " ".join(sentences()).split()
    result = []
    for _ in range(count):
        length = chosen.randint(fewest, most)
        start = chosen.randrange(len(words) - length)
        result.append(" ".join(words[start : start + length]))
    return result
