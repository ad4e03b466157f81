import random
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgelet import AbortController, Aborted, ModelError, OptionError, Session, TextTooLong
from edgelet.embedding import TOKEN_BUDGET, cut
from edgelet.testing import FakeHost

SESSION = Session("gte-small")


@pytest.fixture
def host() -> Iterator[FakeHost]:
    with FakeHost(lanes=2) as fake:
        yield fake


async def test_a_string_gives_one_flat_vector(host: FakeHost) -> None:
    vector = await SESSION.run("a b")

    assert isinstance(vector, array)
    assert vector.typecode == "f"
    assert len(vector) == 8
    assert sum(value * value for value in vector) == pytest.approx(1.0)


async def test_a_list_gives_a_list_in_the_order_it_came(host: FakeHost) -> None:
    texts = [" ".join("abcdefgh"[: length % 7]) for length in range(40)]

    together = await SESSION.run(texts)

    assert together == [await SESSION.run(text) for text in texts]


async def test_an_empty_list_gives_an_empty_list(host: FakeHost) -> None:
    assert await SESSION.run([]) == []
    assert host.batches == []


async def test_an_empty_string_has_the_vector_of_its_special_tokens(host: FakeHost) -> None:
    embeddings = await SESSION.embed("")

    assert embeddings.token_counts == (2,)
    assert len(embeddings[0]) == 8


async def test_without_pooling_each_token_has_a_row_and_padding_has_none(host: FakeHost) -> None:
    short, long = await SESSION.run(["a", "a b c"], mean_pool=False)

    assert (len(short), len(long)) == (3, 5)
    assert short == await SESSION.run("a", mean_pool=False)
    assert all(sum(x * x for x in row) == pytest.approx(1.0) for row in [*short, *long])


async def test_without_normalising_vectors_keep_their_length(host: FakeHost) -> None:
    raw = await SESSION.run("a b c", normalize=False)
    rows = await SESSION.run("a b c", mean_pool=False, normalize=False)

    assert raw.tolist() == pytest.approx([sum(column) / 5 for column in zip(*rows, strict=True)])
    assert sum(value * value for value in raw) != pytest.approx(1.0)


async def test_a_long_text_is_cut_and_reported() -> None:
    with FakeHost(max_tokens=4):
        embeddings = await SESSION.embed(["a", "a b c d e", "a b"])

    assert embeddings.truncated == (1,)
    assert embeddings.token_counts == (3, 4, 4)


async def test_a_long_text_is_refused_with_truncate_false() -> None:
    with (
        FakeHost(max_tokens=4, lanes=2),
        pytest.raises(TextTooLong, match="text 1 is longer than the 4 tokens") as caught,
    ):
        await SESSION.embed(["a", "a b c d e"], truncate=False)

    assert (caught.value.index, caught.value.max_tokens) == (1, 4)


async def test_max_tokens_cuts_earlier(host: FakeHost) -> None:
    assert (await SESSION.embed("a b c d e f", max_tokens=5)).token_counts == (5,)


@pytest.mark.parametrize("max_tokens", [0, 2, 513])
async def test_max_tokens_outside_the_model_is_refused(host: FakeHost, max_tokens: int) -> None:
    with pytest.raises(OptionError, match="max_tokens must be from 3 to 512"):
        await SESSION.embed("a", max_tokens=max_tokens)


@pytest.mark.parametrize("prompt", [None, 1, b"bytes", {"a": 1}, {"a"}, iter(["a"])])
async def test_what_is_no_text_is_refused(host: FakeHost, prompt: object) -> None:
    with pytest.raises(OptionError, match="expected a string or a list of strings to embed, got"):
        await SESSION.run(prompt)


async def test_a_list_with_something_else_in_it_is_refused_by_place(host: FakeHost) -> None:
    with pytest.raises(OptionError, match="text 1 is NoneType"):
        await SESSION.run(["a", None])


async def test_a_model_that_cannot_be_had_says_so(host: FakeHost) -> None:
    with pytest.raises(ModelError, match=r"there is no model '\./missing'"):
        await Session("./missing").run("a")


async def test_progress_counts_up_to_all_texts(host: FakeHost) -> None:
    seen: list[tuple[int, int]] = []

    await SESSION.embed(["a b c"] * 600, progress=lambda done, total: seen.append((done, total)))

    assert seen == sorted(seen)
    assert seen[-1] == (600, 600)


async def test_an_aborted_call_runs_no_further_batch(host: FakeHost) -> None:
    controller = AbortController()

    with pytest.raises(Aborted, match="enough"):
        await SESSION.embed(
            ["a b c d"] * 1000,
            progress=lambda *_: controller.abort("enough"),
            signal=controller.signal,
        )

    assert len(host.batches) <= 2


async def test_a_single_text_may_have_all_cores_and_lists_may_not() -> None:
    alone: list[bool] = []

    class Watching(FakeHost):
        async def run_model(self, effect: Any) -> Any:
            alone.append(effect.alone)
            return await super().run_model(effect)

    with Watching(lanes=4):
        await SESSION.run("a")
        await SESSION.run(["a"])
        await SESSION.run(["a", "b"])

    assert alone == [True, True, False]


async def test_embeddings_are_a_sequence_over_one_flat_buffer(host: FakeHost) -> None:
    embeddings = await SESSION.embed(["a", "b", "c"])

    assert len(embeddings) == 3
    assert embeddings[-1] == embeddings[2]
    assert embeddings[0:2] == [embeddings[0], embeddings[1]]
    assert list(embeddings) == embeddings[:]
    assert len(embeddings.values) == 3 * embeddings.dimensions
    with pytest.raises(IndexError):
        embeddings[3]


async def test_memory_holds_one_window_of_ids_and_no_batch_is_over_budget(host: FakeHost) -> None:
    lengths = random.Random(1).choices(range(1, 300), k=700)

    await SESSION.embed([" ".join(["w"] * length) for length in lengths])

    assert sum(map(len, host.batches)) == 700
    assert all(len(batch) * max(batch) <= TOKEN_BUDGET for batch in host.batches if len(batch) > 1)


@given(st.lists(st.integers(1, 600), min_size=1, max_size=300))
def test_cutting_keeps_every_text_once_and_within_the_budget(lengths: list[int]) -> None:
    encoded = {index: [0] * length for index, length in enumerate(lengths)}

    batches = list(cut(encoded))

    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or len(batch) * longest <= TOKEN_BUDGET


def test_no_texts_make_no_batch() -> None:
    assert list(cut({})) == []


async def test_a_host_without_a_tokenizer_library_says_which_models_it_takes() -> None:
    class Bare(FakeHost):
        async def open_model(self, effect: Any) -> Any:
            return replace(await super().open_model(effect), encode=None)

    with Bare(), pytest.raises(ModelError, match="needs a tokenizer that this host does not have"):
        await SESSION.run("a")


def test_equal_lengths_travel_together() -> None:
    encoded = {index: [0] * (100 if index % 2 else 90) for index in range(8)}

    batches = list(cut(encoded))

    assert [{len(encoded[index]) for index in batch} for batch in batches] == [{100}, {90}]


def test_long_texts_of_different_lengths_travel_alone() -> None:
    encoded = {index: [0] * (60 + index) for index in range(4)}

    assert list(cut(encoded)) == [[3], [2], [1], [0]]


def test_short_texts_of_different_lengths_travel_together() -> None:
    encoded = {index: [0] * (5 + index) for index in range(4)}

    assert list(cut(encoded)) == [[3, 2, 1, 0]]


async def test_a_list_that_changes_meanwhile_does_not_matter(host: FakeHost) -> None:
    texts = ["a b"] * 300

    embeddings = await SESSION.embed(texts, progress=lambda *_: texts.clear())

    assert len(embeddings) == 300


async def test_any_sequence_of_strings_will_do(host: FakeHost) -> None:
    assert len(await SESSION.run(("a", "b"))) == 2
    assert len(await SESSION.run(deque(["a", "b"]))) == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"max_tokens": "10"}, "max_tokens must be a whole number, got '10'"),
        ({"max_tokens": 10.0}, "max_tokens must be a whole number"),
        ({"progress": 5}, "progress must be a function"),
        ({"timeout": 10**400}, "timeout must be a positive number of seconds"),
    ],
)
async def test_options_of_the_wrong_type_are_refused(
    host: FakeHost, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(OptionError, match=complaint):
        await SESSION.embed("a", **options)


async def test_long_texts_are_tokenised_a_few_at_a_time() -> None:
    asked: list[int] = []

    class Watching(FakeHost):
        async def open_model(self, effect: Any) -> Any:
            opened = await super().open_model(effect)

            def encode(text: str) -> list[int]:
                asked.append(len(self.batches))
                return [1, 3, 2]

            return replace(opened, encode=encode)

    with Watching():
        await SESSION.embed(["x" * 60_000] * 6)

    assert asked == [0, 0, 1, 1, 2, 2]
