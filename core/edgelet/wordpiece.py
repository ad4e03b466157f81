"""The BERT tokenizer in pure Python: text to the same WordPiece ids as Rust's `tokenizers`.

A text is cut into *slices* (so that a long text costs no more than the tokens that are kept), a
slice into *chunks* at its whitespace, a chunk into added tokens and normalised *words*, a word into
*pieces* of the vocabulary. Chunks are what natural text repeats, so their ids are remembered.

What happens to a code point is read from `edgelet.wordpiece_tables`, which were probed from Rust.
The interpreter's own Unicode tables, which differ between versions, are asked only for what no
version changes. This module knows nothing of models, batches or hosts.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import chain, groupby
from typing import TypeVar

from edgelet import wordpiece_tables as tables
from edgelet.errors import OptionError
from edgelet.surrogates import replace_lone_surrogates
from edgelet.tokenizer_json import CONTINUATION, Normalization, WordPieceModel, read_wordpiece

K = TypeVar("K")
V = TypeVar("V")


class WordPiece:
    """A WordPiece tokenizer, usually made by `from_json`. Safe to share between threads."""

    slice_characters = 2048
    """A longer text is cut into slices of at least this many characters, tokenized in turn."""

    def __init__(self, model: WordPieceModel) -> None:
        self._model = model
        self._words = _Words(model.normalization)
        # Hostile text cannot make this grow past some 20 MB.
        self._chunks = _Cache(self._encode_chunk, most=32_768, keep=lambda chunk: len(chunk) <= 32)
        self._starts = {
            piece: token
            for piece, token in model.vocabulary.items()
            if len(piece) <= model.longest_word
        }
        self._continuations = {
            piece.removeprefix(CONTINUATION): token
            for piece, token in model.vocabulary.items()
            if piece.startswith(CONTINUATION)
        }
        self._longest_piece = max(map(len, model.vocabulary))
        # Rust finds the leftmost added token, of several the longest; `(?!)` finds nothing.
        longest_first = sorted(model.added, key=len, reverse=True)
        self._added = re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")
        self._boundary = _boundary(model)

    @classmethod
    def from_json(cls, tokenizer_json: bytes) -> WordPiece | None:
        """Make the tokenizer that a `tokenizer.json` describes, or None.

        None means that this class does not reproduce that tokenizer exactly: another kind of model,
        normalizer or template, or added tokens that are matched in another way than as plain text.
        The file's own truncation and padding are ignored.

        Raises `ModelError` when the file is broken.
        """
        model = read_wordpiece(tokenizer_json)
        return None if model is None else cls(model)

    def encode(self, text: str, max_tokens: int) -> tuple[list[int], bool]:
        """Token ids of `text`, `[CLS]` and `[SEP]` included, and whether the text was cut.

        At most `max_tokens` ids are returned; the last one is always `[SEP]`. A text that will be
        cut is read only as far as needed. Lone surrogates count as U+FFFD.

        Raises `OptionError` when `max_tokens` is less than two, which leaves no room for the
        special tokens. (Rust's tokenizer does not cut at all then.)
        """
        room = max_tokens - 2
        if room < 0:
            raise OptionError(f"max_tokens is {max_tokens}; it must be at least 2")
        ids: list[int] = []
        for part in self._slices(text):
            # `str.split` also splits at control characters that Rust deletes.
            chunks = _CHUNK.findall(part) if _NO_SPACE.search(part) else part.split()
            ids.extend(chain.from_iterable(map(self._chunks.__getitem__, chunks)))
            if len(ids) > room:
                return [self._model.opening, *ids[:room], self._model.closing], True
        return [self._model.opening, *ids, self._model.closing], False

    def _slices(self, text: str) -> Iterator[str]:
        start = 0
        while len(text) - start > self.slice_characters:
            boundary = self._boundary.search(text, start + self.slice_characters)
            if boundary is None:
                break
            yield text[start : boundary.start()]
            start = boundary.start()
        yield text[start:]

    def _encode_chunk(self, chunk: str) -> tuple[int, ...]:
        ids: list[int] = []
        # Splitting at a group gives, in turn, what is between added tokens and the tokens.
        for index, part in enumerate(self._added.split(replace_lone_surrogates(chunk))):
            if index % 2:
                ids.append(self._model.added[part])
            else:
                for word in self._words(part):
                    token = self._starts.get(word)
                    if token is not None:
                        ids.append(token)
                    else:
                        ids += self._encode_word(word)
        return tuple(ids)

    def _encode_word(self, word: str) -> list[int]:
        """Take the longest piece that fits, again and again; without one, the word is unknown."""
        length = len(word)
        if length > self._model.longest_word:
            return [self._model.unknown]
        ids: list[int] = []
        start, pieces = 0, self._starts
        while start < length:
            for end in range(min(length, start + self._longest_piece), start, -1):
                token = pieces.get(word[start:end])
                if token is not None:
                    ids.append(token)
                    start, pieces = end, self._continuations
                    break
            else:
                return [self._model.unknown]
        return ids


class _Cache(dict[K, V]):
    """Values computed when first asked for; it starts afresh when it holds `most` of them.

    `keep` says whether a key is worth keeping. A plain dict underneath makes a hit as fast as can
    be, also for `str.translate`, and safe between threads.
    """

    def __init__(
        self, compute: Callable[[K], V], most: int, keep: Callable[[K], bool] = lambda _: True
    ) -> None:
        super().__init__()
        self._compute = compute
        self._most = most
        self._keep = keep

    def __missing__(self, key: K) -> V:
        value = self._compute(key)
        if self._keep(key):
            if len(self) >= self._most:
                self.clear()
            self[key] = value
        return value


class _Words:
    """A chunk to its words: Rust's `BertNormalizer` and `BertPreTokenizer` in one step.

    Both treat each code point by itself, but for one thing: NFD puts neighbouring marks into
    canonical order. Nearly all marks are deleted right after, so that their order does not matter.
    """

    def __init__(self, normalization: Normalization) -> None:
        self._normalization = normalization
        self._spellings = _Cache(self._spell, most=16_384)
        self._decompositions = _Cache(self._decompose, most=16_384)
        self._endings = _Cache(self._finish, most=16_384)

    def __call__(self, chunk: str) -> list[str]:
        spelled = chunk.translate(self._spellings)
        if self._normalization.strip_accents and _TWO_MARKS.search(spelled):
            ordered = _MARKS.sub(_canonical_order, chunk.translate(self._decompositions))
            spelled = ordered.translate(self._endings)
        return spelled.split()

    def _spell(self, code: int) -> str:
        return "".join([self._finish(ord(char)) for char in self._decompose(code)])

    def _decompose(self, code: int) -> str:
        """Clean, set Chinese characters apart, and decompose if accents will be stripped."""
        if code in _REMOVED:
            return ""
        apart = self._normalization.handle_chinese_chars and code in _CHINESE
        char = chr(code)
        if self._normalization.strip_accents and code in _DECOMPOSED:
            char = unicodedata.normalize("NFD", char)
        return f" {char} " if apart else char

    def _finish(self, code: int) -> str:
        """Strip accents, lowercase, and set punctuation apart."""
        if self._normalization.strip_accents and code in _STRIPPED:
            return ""
        char = _LOWERCASE.get(code, chr(code)) if self._normalization.lowercase else chr(code)
        return f" {char} " if code in _PUNCTUATION else char


def _canonical_order(marks: re.Match[str]) -> str:
    """Sort each run of marks by combining class; marks of class 0 stay, and part the runs."""
    runs = groupby(marks[0], key=lambda mark: unicodedata.combining(mark) > 0)
    return "".join(chain.from_iterable(sorted(run, key=unicodedata.combining) for _, run in runs))


def _boundary(model: WordPieceModel) -> re.Pattern[str]:
    """Match any character before which a slice may end: no word or added token goes across it.

    Only characters of the basic plane, which regular expressions find many times faster.
    """
    sets = [_SPACES, _PUNCTUATION]
    if model.normalization.handle_chinese_chars:
        sets.append(_CHINESE)
    inside_added = "".join({re.escape(char) for token in model.added for char in token[1:]})
    return re.compile(
        f"[{''.join(one.pattern(last=0xFFFF) for one in sets)}]"
        + (f"(?<![{inside_added}])" if inside_added else "")
    )


class _CodePoints:
    """A table's set of code points."""

    def __init__(self, table: str) -> None:
        self._spans = [_span(span) for span in table.split()]
        self._firsts = [first for first, _ in self._spans]

    def pattern(self, last: int = 0x10FFFF) -> str:
        """Write the set, up to `last`, as it stands inside a regular expression's `[]`."""
        return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in self._spans if b <= last)

    def __contains__(self, code: int) -> bool:
        index = bisect_right(self._firsts, code)
        return index > 0 and code <= self._spans[index - 1][1]


def _span(span: str) -> tuple[int, int]:
    first, _, last = span.partition("-")
    return int(first, 16), int(last or first, 16)


def _lowercase() -> dict[int, str]:
    mapping = dict(tables.LOWERCASED_TO_SEVERAL)
    for entry in tables.LOWERCASED.split():
        stepped, offset = entry.split(":")
        span, _, step = stepped.partition("/")
        first, last = _span(span)
        for code in range(first, last + 1, int(step or "1")):
            mapping[code] = chr(code + int(offset, 16))
    return mapping


_REMOVED = _CodePoints(tables.REMOVED)
_SPACES = _CodePoints(tables.SPACES)
_CHINESE = _CodePoints(tables.CHINESE)
_DECOMPOSED = _CodePoints(tables.DECOMPOSED)
_REORDERED = _CodePoints(tables.REORDERED)
_STRIPPED = _CodePoints(tables.STRIPPED)
_PUNCTUATION = _CodePoints(tables.PUNCTUATION)
_LOWERCASE = _lowercase()

_CHUNK = re.compile(f"[^{_SPACES.pattern()}]+")
_NO_SPACE = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
_TWO_MARKS = re.compile(f"[{_REORDERED.pattern()}]{{2}}")
_MARKS = re.compile(f"[{_REORDERED.pattern()}{_STRIPPED.pattern()}]+")
