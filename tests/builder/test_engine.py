"""The engine: padding, threads, silence, and processors whose int8 product saturates."""

from __future__ import annotations

import base64
import subprocess
import sys
from array import array
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgelet.errors import ModelError
from edgelet.models import Precision
from edgelet_host import engine as engines
from edgelet_host.engine import Engine, padded
from tests.builder.conftest import Reference, cosines, embed
from tests.builder.test_artefacts import build
from tests.builder.test_graph import TEXTS


def test_a_batch_of_one_length_is_not_copied() -> None:
    token_ids = array("i", [1, 2, 3, 4, 5, 6])
    batch = padded(token_ids, array("i", [3, 3]))
    assert batch.tolist() == [[1, 2, 3], [4, 5, 6]]
    token_ids[0] = 9
    assert batch[0, 0] == 9


def test_shorter_texts_are_padded_with_zeros() -> None:
    batch = padded(array("i", [1, 2, 3, 4, 5, 6]), array("i", [1, 3, 2]))
    assert batch.tolist() == [[1, 0, 0], [2, 3, 4], [5, 6, 0]]
    assert batch.dtype == np.int32


def test_the_answer_is_one_flat_buffer_of_floats(tmp_path: Path) -> None:
    engine = Engine.open(build(tmp_path))
    token_ids, lengths = array("i", [2, 7, 3, 2, 3]), array("i", [3, 2])
    sentences = engine.run(token_ids, lengths, "sentence_embedding")
    tokens = engine.run(token_ids, lengths, "token_embeddings_raw")
    for buffer, count in ((sentences, 2), (tokens, 2 * 3)):
        assert (buffer.format, buffer.itemsize, buffer.ndim) == ("f", 4, 1)
        assert buffer.contiguous
        assert len(buffer) == count * engine.card.dimensions


def test_a_text_alone_gets_all_cores_and_the_same_vector(tmp_path: Path) -> None:
    engine = Engine.open(build(tmp_path), cores=3)
    assert engine.lanes == 3
    token_ids, lengths = array("i", TEXTS[0]), array("i", [len(TEXTS[0])])
    alone = engine.run(token_ids, lengths, "sentence_embedding", alone=True)
    assert set(engine._sessions) == {3}
    listed = engine.run(token_ids, lengths, "sentence_embedding")
    assert set(engine._sessions) == {1, 3}
    assert np.asarray(alone) == pytest.approx(np.asarray(listed), abs=1e-6)


def test_texts_that_meet_do_not_ask_for_each_others_cores(tmp_path: Path) -> None:
    engine = Engine.open(build(tmp_path), cores=3)
    engine._busy = 1  # as another thread's call leaves it while it runs
    engine.run(array("i", TEXTS[0]), array("i", [len(TEXTS[0])]), "sentence_embedding", alone=True)
    assert set(engine._sessions) == {1}
    assert engine._busy == 1


def test_many_threads_share_one_engine(
    minilm: Callable[[Precision], Engine], reference: Reference
) -> None:
    texts = [ids for ids in reference.ids if len(ids) < 40][:40]
    shared = minilm("fp32")
    engine = Engine.open(shared.artefact, cores=2)
    with ThreadPoolExecutor(4) as threads:
        vectors = list(threads.map(lambda ids: embed(engine, [ids])[0], texts))
    assert set(engine._sessions) == {1}
    expected = np.stack([embed(shared, [ids])[0] for ids in texts])
    assert np.abs(np.stack(vectors) - expected).max() <= 1e-6


def test_ids_outside_of_the_vocabulary_are_refused_in_one_sentence(tmp_path: Path) -> None:
    engine = Engine.open(build(tmp_path))
    with pytest.raises(ModelError, match="cannot run a batch: ") as caught:
        engine.run(array("i", [2, 1000, 3]), array("i", [3]), "sentence_embedding")
    assert "\n" not in str(caught.value)
    assert engine._busy == 0


def test_more_tokens_than_positions_are_refused(tmp_path: Path) -> None:
    engine = Engine.open(build(tmp_path))
    with pytest.raises(ModelError, match="cannot run a batch: "):
        engine.run(array("i", [2] * 41), array("i", [41]), "sentence_embedding")


def test_a_graph_that_onnxruntime_refuses_is_refused_in_one_sentence(tmp_path: Path) -> None:
    artefact = build(tmp_path)
    size = (artefact / "model.onnx").stat().st_size
    (artefact / "model.onnx").write_bytes(b"\x07" * size)
    with pytest.raises(ModelError, match=r"the model in .* cannot be opened: ") as caught:
        Engine.open(artefact).run(array("i", [2, 3]), array("i", [2]), "sentence_embedding")
    assert "\n" not in str(caught.value)


def test_a_folder_without_an_artefact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no model artefact"):
        Engine.open(tmp_path)


@pytest.mark.parametrize("precision", ["fp32", "q8", "int8"])
def test_nothing_is_printed(tmp_path: Path, precision: Precision) -> None:
    program = f"""
from array import array
from pathlib import Path
from edgelet.errors import ModelError
from edgelet_host.engine import Engine
engine = Engine.open(Path({str(build(tmp_path, precision))!r}))
engine.run(array("i", [2, 5, 3, 2, 3]), array("i", [3, 2]), "token_embeddings", True)
try:
    engine.run(array("i", [1000]), array("i", [1]), "sentence_embedding")
except ModelError:
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_the_probe_is_the_product_that_saturates() -> None:
    nodes = [
        helper.make_node("Expand", ["c", "s"], ["w"]),
        helper.make_node("MatMulInteger", ["a", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [8, 64])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [8, 64])],
        [
            numpy_helper.from_array(np.array(127, np.int8), "c"),
            numpy_helper.from_array(np.array([64, 64], np.int64), "s"),
        ],
    )
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    assert onnx.load_model_from_string(base64.b64decode(engines._PROBE)) == model


def test_a_processor_that_saturates_gets_the_same_vectors(
    minilm: Callable[[Precision], Engine], reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = minilm("int8")
    texts = reference.ids[:20]
    expected = np.concatenate([embed(usual, [ids]) for ids in texts])
    monkeypatch.setattr(engines, "int8_saturates", lambda: True)
    careful = Engine.open(usual.artefact)
    vectors = np.concatenate([embed(careful, [ids]) for ids in texts])
    assert cosines(vectors, expected).min() >= 0.999
