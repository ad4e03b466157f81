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
from typing import overload

from edgelet.effects import DeadlinePassed, OpenModel, Output, RunModel, Steps, Together
from edgelet.errors import OptionError, TextTooLong, TotalTimeout
from edgelet.models import ModelCard, OpenedModel, Precision

TOKEN_BUDGET = 512
"""Tokens of one batch: larger ones fall out of the processor's caches and are slower."""

_WINDOW = 256
"""Texts tokenised at once: enough to find equal lengths, too few to hold up an event loop."""

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


@dataclass(frozen=True, slots=True)
class Embeddings(Sequence["array[float] | list[array[float]]"]):
    """Vectors of a list of texts, in their order.

    `values` holds all rows, one after another, as float32: shape `[rows, dimensions]`. With
    `mean_pool` a text has one row, else one a token. `token_counts[i]` is the number of tokens of
    text `i` after cutting, special tokens included; `truncated` lists the texts that were cut.

    >>> numpy.asarray(embeddings.values).reshape(-1, embeddings.dimensions)  # doctest: +SKIP
    """

    card: ModelCard
    # Not in the repr: `asyncio.run` makes one of every result when it restores signal handlers.
    values: array[float] = field(repr=False)
    pooled: bool
    token_counts: tuple[int, ...] = field(repr=False)
    truncated: tuple[int, ...]

    @property
    def dimensions(self) -> int:
        """The length of a row."""
        return self.card.dimensions

    def __len__(self) -> int:
        return len(self.token_counts)

    @overload
    def __getitem__(self, index: int) -> array[float] | list[array[float]]: ...
    @overload
    def __getitem__(self, index: slice) -> list[array[float] | list[array[float]]]: ...
    def __getitem__(
        self, index: int | slice
    ) -> array[float] | list[array[float]] | list[array[float] | list[array[float]]]:
        """The vector of a text (`array('f')`), or the list of its rows."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        if self.pooled:
            return self._row(index)
        first = sum(self.token_counts[:index])
        return [self._row(first + token) for token in range(self.token_counts[index])]

    def _row(self, row: int) -> array[float]:
        return self.values[row * self.dimensions : (row + 1) * self.dimensions]


def embed(
    model: str,
    precision: Precision | None,
    texts: object,
    options: EmbedOptions,
    now: float,
) -> Steps[Embeddings]:
    """Embed a list of texts. `now` is the present instant on the host's clock, in seconds.

    Raises `OptionError` for anything but strings, `TextTooLong`, `ModelError`, `TotalTimeout`.
    """
    checked = _checked_texts(texts)
    deadline = None if options.timeout is None else now + options.timeout
    try:
        opened: OpenedModel = yield OpenModel(model, precision, deadline)
        work = _Work(opened, checked, options, deadline)
        lanes = min(max(opened.lanes, 1), len(checked))
        yield Together(tuple(work.lane() for _ in range(lanes)))
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
        self._rows: list[memoryview] = [memoryview(b"")] * len(texts)
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
            self._place(batch, memoryview(rows).cast("B"))
            self._done += len(batch.texts)
            if self._options.progress is not None:
                self._options.progress(self._done, len(self._texts))

    def result(self) -> Embeddings:
        """All rows, in the caller's order."""
        values = array("f")
        values.frombytes(b"".join(self._rows))
        return Embeddings(
            self._opened.card,
            values,
            self._options.mean_pool,
            tuple(self._token_counts),
            tuple(sorted(self._truncated)),
        )

    def _cut_batches(self) -> Iterator[_Batch]:
        """Batches of near-equal lengths, longest first: the last ones to finish are short."""
        by_length = sorted(range(len(self._texts)), key=lambda i: -len(self._texts[i]))
        for start in range(0, len(by_length), _WINDOW):
            encoded = {i: self._encode(i) for i in by_length[start : start + _WINDOW]}
            for texts in cut(encoded):
                token_ids = array("i")
                for i in texts:
                    token_ids.extend(encoded[i])
                yield _Batch(texts, token_ids, array("i", [len(encoded[i]) for i in texts]))

    def _encode(self, index: int) -> list[int]:
        ids, cut_off = self._opened.tokenizer.encode(self._texts[index], self._max_tokens)
        if cut_off and not self._options.truncate:
            raise TextTooLong(index, self._max_tokens, self._opened.card.model)
        if cut_off:
            self._truncated.append(index)
        self._token_counts[index] = len(ids)
        return ids

    def _place(self, batch: _Batch, rows: memoryview) -> None:
        row_bytes = self._opened.card.dimensions * _FLOAT_BYTES
        stride = row_bytes if self._options.mean_pool else row_bytes * max(batch.lengths)
        for place, index in enumerate(batch.texts):
            used = row_bytes if self._options.mean_pool else row_bytes * batch.lengths[place]
            self._rows[index] = rows[place * stride : place * stride + used]


def cut(encoded: dict[int, list[int]], budget: int = TOKEN_BUDGET) -> Iterator[list[int]]:
    """Cut texts, given as index → token ids, into batches of at most `budget` tokens with padding.

    A batch of equal lengths needs no padding and no mask, so a batch ends where the length changes
    once it is half full; before that, a little padding costs less than a batch more.

    >>> list(cut({0: [1] * 9, 1: [1] * 4, 2: [1] * 4, 3: [1] * 3}, budget=12))
    [[0], [1, 2], [3]]
    """
    batch: list[int] = []
    longest = 0
    for index in sorted(encoded, key=lambda i: -len(encoded[i])):
        length = len(encoded[index])
        full = (len(batch) + 1) * longest > budget
        changes = length != len(encoded[batch[-1]]) if batch else False
        if batch and (full or (changes and len(batch) * longest * 2 >= budget)):
            yield batch
            batch = []
        if not batch:
            longest = length
        batch.append(index)
    if batch:
        yield batch


def _checked_texts(texts: object) -> Sequence[str]:
    if not isinstance(texts, list | tuple):
        raise OptionError(
            f"expected a string or a list of strings to embed, got {type(texts).__name__}"
        )
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise OptionError(
                f"expected strings to embed, but text {index} is {type(text).__name__}"
            )
    return texts


def _max_tokens(card: ModelCard, options: EmbedOptions) -> int:
    if options.max_tokens is None:
        return card.max_tokens
    if not _FEWEST_TOKENS <= options.max_tokens <= card.positions:
        raise OptionError(
            f"max_tokens must be from {_FEWEST_TOKENS} to {card.positions} for {card.model}, "
            f"got {options.max_tokens}"
        )
    return options.max_tokens
