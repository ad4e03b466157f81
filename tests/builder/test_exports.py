"""Published ONNX exports get the same face as artefacts made of weights."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edgelet.errors import ModelError
from edgelet.models import Precision
from edgelet_host.builder import build_artefact
from edgelet_host.engine import Engine
from tests.builder.conftest import embed
from tests.builder.hub_export import hub_export
from tests.builder.test_graph import CLS, TEXTS, normalised
from tests.builder.tiny_bert import SMALL_FILES, Folder, encode, random_weights


def build(
    model: onnx.ModelProto | bytes,
    where: Path,
    *,
    folder: Folder | None = None,
    name: str = "onnx/model.onnx",
    precision: Precision = "fp32",
) -> Engine:
    source = (folder or Folder(weights=None)).write(where)
    file = source / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    artefact = where / "artefact"
    artefact.mkdir()
    build_artefact(source, artefact, model="tiny", precision=precision)
    return Engine.open(artefact, cores=1)


def check(engine: Engine) -> None:
    raw, tokens = (
        embed(engine, TEXTS, "token_embeddings_raw"),
        embed(engine, TEXTS, "token_embeddings"),
    )
    for i, ids in enumerate(TEXTS):
        states = encode(random_weights(), ids)
        assert raw[i, : len(ids)] == pytest.approx(states, abs=1e-5)
        assert tokens[i, : len(ids)] == pytest.approx(normalised(states), abs=1e-5)
        mean = states.mean(axis=0)
        assert embed(engine, TEXTS, "sentence_embedding_raw")[i] == pytest.approx(mean, abs=1e-5)
        assert embed(engine, TEXTS)[i] == pytest.approx(normalised(mean), abs=1e-5)


@pytest.mark.parametrize("opset", [11, 14, 20])
def test_an_export_of_any_opset_is_wrapped(tmp_path: Path, opset: int) -> None:
    check(build(hub_export(random_weights(), opset=opset), tmp_path))


@pytest.mark.parametrize("output", ["last_hidden_state", "token_embeddings"])
def test_an_export_may_take_no_token_types(tmp_path: Path, output: str) -> None:
    model = hub_export(random_weights(), inputs=("input_ids", "attention_mask"), output=output)
    check(build(model, tmp_path, name="model.onnx"))


def test_an_export_is_pooled_by_its_first_token_where_asked(tmp_path: Path) -> None:
    folder = Folder(weights=None, files={**SMALL_FILES, "1_Pooling/config.json": CLS})
    engine = build(hub_export(random_weights()), tmp_path, folder=folder)
    first = encode(random_weights(), TEXTS[0])[0]
    assert embed(engine, TEXTS, "sentence_embedding_raw")[0] == pytest.approx(first, abs=1e-5)


def test_weights_beside_an_export_are_taken_in(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    onnx.save_model(
        hub_export(random_weights()),
        file,
        save_as_external_data=True,
        location="model.onnx_data",
        size_threshold=0,
    )
    engine = build(file.read_bytes(), tmp_path, name="model.onnx")
    (tmp_path / "model.onnx_data").unlink()
    check(engine)


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "a/b", "", "absent"])
def test_weights_elsewhere_are_not_read(tmp_path: Path, location: str) -> None:
    model = hub_export(random_weights())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    with pytest.raises(ModelError, match=r"outside of its folder|cannot be read"):
        build(model, tmp_path)


def test_an_unsupported_family_is_served_by_its_export(tmp_path: Path) -> None:
    config = {**SMALL_FILES["config.json"], "model_type": "nomic_bert"}
    folder = Folder(files={**SMALL_FILES, "config.json": config})
    check(build(hub_export(random_weights()), tmp_path, folder=folder))


def test_weights_are_preferred_to_an_export(tmp_path: Path) -> None:
    check(build(b"never looked at", tmp_path, folder=Folder()))


def test_the_positions_of_roberta_start_after_its_padding(tmp_path: Path) -> None:
    config = {**SMALL_FILES["config.json"], "model_type": "roberta", "pad_token_id": 1}
    small = {**SMALL_FILES, "config.json": config, "sentence_bert_config.json": None}
    engine = build(hub_export(random_weights()), tmp_path, folder=Folder(None, files=small))
    assert (engine.card.positions, engine.card.max_tokens) == (38, 38)


@pytest.mark.parametrize("precision", ["q8", "int8"])
def test_eight_bits_cannot_be_made_of_an_export(tmp_path: Path, precision: Precision) -> None:
    with pytest.raises(ModelError, match=f"{precision} cannot be built from model.onnx .*fp32"):
        build(hub_export(random_weights()), tmp_path, precision=precision)


def with_input(name: str) -> onnx.ModelProto:
    model = hub_export(random_weights())
    model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT64, [1]))
    return model


def of_other_width() -> Folder:
    config = {**SMALL_FILES["config.json"], "hidden_size": 64}
    return Folder(weights=None, files={**SMALL_FILES, "config.json": config})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (b"", "holds no graph"),
        (b"not a graph", "cannot be read as ONNX"),
        (hub_export(random_weights()).SerializeToString()[:-500], "cannot be read as ONNX"),
        (with_input("position_ids"), "has the inputs .*position_ids"),
        (hub_export(random_weights(), output="logits"), "has the outputs logits"),
        (hub_export(random_weights(), opset=9), "opset 9"),
    ],
)
def test_what_is_no_encoder_is_refused(
    tmp_path: Path, model: onnx.ModelProto | bytes, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build(model, tmp_path)


def test_an_export_of_another_width_than_its_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        build(hub_export(random_weights()), tmp_path, folder=of_other_width())


def test_an_export_that_onnxruntime_refuses_is_refused_in_one_sentence(tmp_path: Path) -> None:
    model = hub_export(random_weights())
    model.graph.node[3].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="cannot be opened") as caught:
        build(model, tmp_path)
    assert "\n" not in str(caught.value)
