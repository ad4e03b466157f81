"""The native host with real weights: one opened model for all, failures forgotten."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgelet import ModelError, OptionError, Session, SyncSession, TotalTimeout, use_host
from edgelet.models import OpenedModel
from edgelet_host.native import NativeHost
from edgelet_host.store import ModelStore

MODEL = "all-MiniLM-L6-v2"


class CountingHost(NativeHost):
    """A native host that counts how often it loads a model."""

    loads = 0

    def _load(self, *key: Any) -> OpenedModel:
        self.loads += 1
        return super()._load(*key)


def test_fifty_first_calls_at_once_open_a_model_once(model_folder: Path) -> None:
    async def calls() -> list[Any]:
        return await asyncio.gather(*(Session(MODEL).run(f"text {i % 5}") for i in range(50)))

    with use_host(CountingHost()) as host:
        vectors = asyncio.run(calls())

    assert isinstance(host, CountingHost)
    assert host.loads == 1
    for i in range(5):
        assert all(vector == vectors[i] for vector in vectors[i::5])


def test_an_opened_model_serves_one_event_loop_after_another(model_folder: Path) -> None:
    with use_host(CountingHost()) as host:
        first = asyncio.run(Session(MODEL).run("Hello world"))
        second = asyncio.run(Session(MODEL).run("Hello world"))

    assert isinstance(host, CountingHost)
    assert host.loads == 1
    assert first == second


def test_a_failed_open_does_not_poison_the_next(minilm_source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with (
        use_host(NativeHost(store=ModelStore(tmp_path / "cache"))),
        SyncSession(str(folder)) as session,
    ):
        with pytest.raises(ModelError):
            session.run("Hello world")
        shutil.copytree(minilm_source, folder)
        assert len(session.run("Hello world")) == 384


def test_precisions_are_models_of_their_own(model_folder: Path) -> None:
    with (
        use_host(NativeHost()),
        SyncSession(MODEL) as reference,
        SyncSession(MODEL, precision="int8") as fast,
    ):
        exact, coarse = reference.run("Hello world"), fast.run("Hello world")

    assert exact != coarse
    assert sum(a * b for a, b in zip(exact, coarse, strict=True)) > 0.99


def test_lists_and_single_texts_give_the_same_vectors(model_folder: Path) -> None:
    texts = ["", "a", "Hello world", "word " * 300, "Ünïcödé ☃", "\ud800 lone", *["same"] * 40]
    with use_host(NativeHost()), SyncSession(MODEL) as session:
        together = session.run(texts)
        alone = [session.run(text) for text in texts]

    for a, b in zip(together, alone, strict=True):
        assert max(abs(x - y) for x, y in zip(a, b, strict=True)) < 1e-5


def test_ten_megabytes_of_text_are_cut_and_said_so(model_folder: Path) -> None:
    with use_host(NativeHost()), SyncSession(MODEL) as session:
        embeddings = session.embed(["word " * 2_000_000, "x" * 10_000_000])

    assert embeddings.truncated == (0,)
    assert embeddings.token_counts == (256, 3)


def test_a_model_may_take_more_tokens_than_it_was_trained_for(model_folder: Path) -> None:
    with use_host(NativeHost()), SyncSession(MODEL) as session:
        assert session.embed("word " * 600, max_tokens=512).token_counts == (512,)
        with pytest.raises(OptionError, match="from 3 to 512"):
            session.embed("word", max_tokens=513)


async def test_a_call_that_stops_waiting_leaves_the_model_to_the_others(
    model_folder: Path,
) -> None:
    with use_host(CountingHost()) as host:
        with pytest.raises(TotalTimeout):
            await Session(MODEL).run("Hello world", timeout=0.001)
        assert len(await Session(MODEL).run("Hello world")) == 384

    assert isinstance(host, CountingHost)
    assert host.loads == 1


async def test_cancelling_a_long_list_stops_before_the_next_batch(model_folder: Path) -> None:
    done: list[int] = []
    with use_host(NativeHost()):
        session = Session(MODEL)
        await session.run("warm up")
        call = session.embed(["word " * 200] * 400, progress=lambda count, _: done.append(count))
        task = asyncio.create_task(call)
        while not done:  # noqa: ASYNC110 (the first batch is what is waited for)
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = len(done)
        await asyncio.sleep(0.3)

    assert len(done) == before
    assert done[-1] < 400


def test_the_environment_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELET_TEST", "here")

    assert NativeHost().env("EDGELET_TEST") == os.environ["EDGELET_TEST"]
    assert NativeHost().env("EDGELET_NOT_SET") is None


def test_a_library_tokenizer_serves_models_that_core_does_not_cover(
    minilm_source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(minilm_source, folder)
    text = (folder / "tokenizer.json").read_text("utf-8")
    # A normalizer that core does not know, and that changes nothing on ASCII.
    other = text.replace(
        '"normalizer":{', '"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{', 1
    ).replace('"lowercase":true}', '"lowercase":true}]}', 1)
    (folder / "tokenizer.json").write_text(other, "utf-8")
    with (
        use_host(NativeHost(store=ModelStore(tmp_path / "cache"))),
        SyncSession(str(folder)) as library,
        SyncSession(str(minilm_source)) as core,
    ):
        assert library.embed("Hello world").values == core.embed("Hello world").values
        cut = library.embed("word " * 600)

    assert cut.truncated == (0,)
    assert cut.token_counts == (256,)
