"""Texts to vectors: options, batching, and the result.

Texts are sorted by length, tokenised a window at a time, cut into batches under a token budget, run
in as many lanes as the host has, and put back in the caller's order. Memory stays flat: beside the
result, only one window of token ids and one batch a lane exist at any moment.

Knows nothing of where vectors are computed.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from typing import Any, Generic, TypeVar, cast, overload

from edgelet.effects import DeadlinePassed, OpenModel, Output, RunModel, Steps, Together
from edgelet.errors import OptionError, TextTooLong, TotalTimeout
from edgelet.models import ModelCard, OpenedModel, Precision

V = TypeVar("V")

TOKEN_BUDGET = 512
"""Tokens of one batch: larger ones fall out of the processor's caches and are slower."""

ENOUGH_TOKENS = 48
"""A batch of so many tokens is not padded to take in more texts: that costs up to a sixth of its
speed, more than another batch does, natively and in WebAssembly, in fp32 and int8."""

_WINDOW = 256
_WINDOW_CHARACTERS = 100_000
"""Texts and characters tokenised at once: enough to find equal lengths, too few to hold up an event
loop."""

_FEWEST_TOKENS = 3
"""The two special tokens and one of the text."""

_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """How texts become vectors.

    `mean_pool` gives one vector a text, pooled as the model was trained to be; without it, one row
    a token, special tokens included. `normalize` scales every vector (or row) to length 1.
    `truncate` cuts texts at `max_tokens` (None: the model's own limit); without it a longer text
    raises `TextTooLong`. `timeout` bounds the whole call, in seconds. `progress` is called with the
    number of texts done and of all texts, after every batch.
    """

    mean_pool: bool = True
    normalize: bool = True
    truncate: bool = True
    max_tokens: int | None = None
    timeout: float | None = None
    progress: Callable[[int, int], object] | None = None

    @property
    def output(self) -> Output:
        """The output of the model artefact that these options ask for."""
        if self.mean_pool:
            return "sentence_embedding" if self.normalize else "sentence_embedding_raw"
        return "token_embeddings" if self.normalize else "token_embeddings_raw"


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings(Sequence[V], Generic[V]):
    """Vectors of a list of texts, in their order.

    A sequence: with `mean_pool`, item `i` is the vector of text `i` (`array('f')`), else the list
    of its rows, one a token. `values` holds all rows, one after another, as float32: shape
    `[rows, dimensions]`. `token_counts[i]` is the number of tokens of text `i` after cutting,
    special tokens included; `truncated` lists the texts that were cut.

    >>> numpy.asarray(embeddings.values).reshape(-1, embeddings.dimensions)  # doctest: +SKIP
    """

    card: ModelCard
    # Not in the repr: `asyncio.run` makes one of every result when it restores signal handlers.
    values: array[float] = field(repr=False)
    pooled: bool
    token_counts: tuple[int, ...] = field(repr=False)
    truncated: tuple[int, ...]
    _first_rows: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Note where each text's rows begin."""
        rows = repeat(1, len(self.token_counts)) if self.pooled else self.token_counts
        object.__setattr__(self, "_first_rows", tuple(accumulate(rows, initial=0)))

    @property
    def dimensions(self) -> int:
        """The length of a row."""
        return self.card.dimensions

    def __len__(self) -> int:
        return len(self.token_counts)

    @overload
    def __getitem__(self, index: int) -> V: ...
    @overload
    def __getitem__(self, index: slice) -> list[V]: ...
    def __getitem__(self, index: int | slice) -> V | list[V]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        text = index + len(self) if index < 0 else index
        if not 0 <= text < len(self):
            raise IndexError(f"there are {len(self)} texts, and no text {index}")
        rows = [self._row(row) for row in range(*self._first_rows[text : text + 2])]
        return cast("V", rows[0] if self.pooled else rows)

    def _row(self, row: int) -> array[float]:
        return self.values[row * self.dimensions : (row + 1) * self.dimensions]


def embed(
    model: str,
    precision: Precision | None,
    texts: object,
    options: EmbedOptions,
    now: float,
) -> Steps[Embeddings[Any]]:
    """Embed a list of texts. `now` is the present instant on the host's clock, in seconds.

    Raises `OptionError` for anything but strings, `TextTooLong`, `ModelError`, `TotalTimeout`.
    """
    checked = _checked_texts(texts)
    deadline = None if options.timeout is None else now + options.timeout
    try:
        opened: OpenedModel = yield OpenModel(model, precision, deadline)
        work = _Work(opened, checked, options, deadline)
        lanes = min(max(opened.lanes, 1), len(checked))
        if lanes > 1:
            yield Together(tuple(work.lane() for _ in range(lanes)))
        else:
            yield from work.lane()
        return work.result()
    except DeadlinePassed:
        raise TotalTimeout(options.timeout or 0.0) from None


@dataclass(frozen=True, slots=True)
class _Batch:
    texts: list[int]
    token_ids: array[int]
    lengths: array[int]


class _Work:
    """The texts of one call, shared by its lanes."""

    def __init__(
        self,
        opened: OpenedModel,
        texts: Sequence[str],
        options: EmbedOptions,
        deadline: float | None,
    ) -> None:
        self._opened = opened
        self._texts = texts
        self._options = options
        self._deadline = deadline
        self._max_tokens = _max_tokens(opened.card, options)
        self._rows = _Rows(opened.card.dimensions, len(texts), options.mean_pool)
        self._token_counts = [0] * len(texts)
        self._truncated: list[int] = []
        self._done = 0
        self._batches = self._cut_batches()

    def lane(self) -> Steps[None]:
        """Run batches, one at a time, until none is left."""
        for batch in self._batches:
            rows: memoryview | array[float] = yield RunModel(
                self._opened.handle,
                batch.token_ids,
                batch.lengths,
                self._options.output,
                alone=len(self._texts) == 1,
                deadline=self._deadline,
            )
            self._rows.place(batch, memoryview(rows).cast("B"))
            self._done += len(batch.texts)
            if self._options.progress is not None:
                self._options.progress(self._done, len(self._texts))

    def result(self) -> Embeddings[Any]:
        """All rows, in the caller's order."""
        return Embeddings(
            self._opened.card,
            self._rows.joined(),
            self._options.mean_pool,
            tuple(self._token_counts),
            tuple(sorted(self._truncated)),
        )

    def _cut_batches(self) -> Iterator[_Batch]:
        """Batches of near-equal lengths, longest first: the last ones to finish are short."""
        by_length = sorted(range(len(self._texts)), key=lambda i: -len(self._texts[i]))
        for window in self._windows(by_length):
            encoded = {index: self._encode(index) for index in window}
            for texts in cut(encoded):
                token_ids = array("i")
                for i in texts:
                    token_ids.extend(encoded[i])
                yield _Batch(texts, token_ids, array("i", [len(encoded[i]) for i in texts]))

    def _windows(self, by_length: list[int]) -> Iterator[list[int]]:
        window: list[int] = []
        characters = 0
        for index in by_length:
            window.append(index)
            characters += len(self._texts[index])
            if len(window) == _WINDOW or characters > _WINDOW_CHARACTERS:
                yield window
                window, characters = [], 0
        if window:
            yield window

    def _encode(self, index: int) -> list[int]:
        ids, cut_off = self._opened.tokenizer.encode(self._texts[index], self._max_tokens)
        if cut_off and not self._options.truncate:
            raise TextTooLong(index, self._max_tokens, self._opened.card.model)
        if cut_off:
            self._truncated.append(index)
        self._token_counts[index] = len(ids)
        return ids


class _Rows:
    """The rows of all texts as they arrive, in bytes.

    Pooled, each text has one, whose place is known beforehand: rows are written there, and nothing
    else is kept. Otherwise a text's are kept until all are there.
    """

    def __init__(self, dimensions: int, texts: int, pooled: bool) -> None:
        self._row = dimensions * _FLOAT_BYTES
        self._pooled = array("f", [0.0]) * (dimensions * texts) if pooled else None
        self._of_texts = [memoryview(b"")] * (0 if pooled else texts)

    def place(self, batch: _Batch, rows: memoryview) -> None:
        """Take a batch's rows, with padding where texts have several."""
        if self._pooled is None:
            stride = self._row * max(batch.lengths)
            for number, text in enumerate(batch.texts):
                begin = number * stride
                self._of_texts[text] = rows[begin : begin + self._row * batch.lengths[number]]
            return
        with memoryview(self._pooled).cast("B") as pooled:
            for number, text in enumerate(batch.texts):
                to, begin = text * self._row, number * self._row
                pooled[to : to + self._row] = rows[begin : begin + self._row]

    def joined(self) -> array[float]:
        """All rows, in the order of the texts."""
        if self._pooled is not None:
            return self._pooled
        values = array("f")
        values.frombytes(b"".join(self._of_texts))
        return values


def cut(
    encoded: dict[int, list[int]], budget: int = TOKEN_BUDGET, enough: int = ENOUGH_TOKENS
) -> Iterator[list[int]]:
    """Cut texts, given as index → token ids, into batches of at most `budget` tokens with padding.

    A batch of equal lengths needs no padding and no mask, so a batch of `enough` tokens ends where
    the length changes; before that, a little padding costs less than a batch more.

    >>> list(cut({0: [1] * 9, 1: [1] * 4, 2: [1] * 4, 3: [1] * 3}, budget=12, enough=6))
    [[0], [1, 2], [3]]
    """
    batch: list[int] = []
    longest = 0
    for index in sorted(encoded, key=lambda i: -len(encoded[i])):
        length = len(encoded[index])
        full = (len(batch) + 1) * longest > budget
        changes = length != len(encoded[batch[-1]]) if batch else False
        if batch and (full or (changes and len(batch) * longest >= enough)):
            yield batch
            batch = []
        if not batch:
            longest = length
        batch.append(index)
    if batch:
        yield batch


def _checked_texts(texts: object) -> Sequence[str]:
    if not isinstance(texts, Sequence) or isinstance(texts, str | bytes | bytearray | memoryview):
        raise OptionError(
            f"expected a string or a list of strings to embed, got {type(texts).__name__}"
        )
    checked = tuple(texts)  # a list that the caller changes meanwhile must not matter
    for index, text in enumerate(checked):
        if not isinstance(text, str):
            raise OptionError(
                f"expected strings to embed, but text {index} is {type(text).__name__}"
            )
    return checked


def _max_tokens(card: ModelCard, options: EmbedOptions) -> int:
    if options.max_tokens is None:
        return card.max_tokens
    if not _FEWEST_TOKENS <= options.max_tokens <= card.positions:
        raise OptionError(
            f"max_tokens must be from {_FEWEST_TOKENS} to {card.positions} for {card.model}, "
            f"got {options.max_tokens}"
        )
    return options.max_tokens
