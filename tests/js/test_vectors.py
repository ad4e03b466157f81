"""Every JavaScript host gives the vectors of native onnxruntime, in WebAssembly and natively."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgelet.models import DEFAULT_MODEL, PRECISIONS, Precision
from tests.conformance.cases import load_rows
from tests.conformance.reference import REQUIRED, nearness, reference_texts
from tests.conftest import NoteVectors
from tests.js.hosts import JsHost, JsProcess, start_host


@pytest.fixture(scope="module")
def native_process(host: JsHost, native_project: Path, models: Path) -> Iterator[JsProcess]:
    """The host with the package beside onnxruntime-node."""
    with start_host(host, native_project, models, device="native") as process:
        yield process


def test_vectors_are_those_of_sentence_transformers(process: JsProcess) -> None:
    rows = load_rows("vectors")

    answer = process.call(
        "embed", DEFAULT_MODEL, [row["text"] for row in rows], {"precision": "fp32"}
    )

    for row, vector in zip(rows, answer["vectors"], strict=True):
        assert sum(a * b for a, b in zip(vector, row["vector"], strict=True)) > 0.99999


@pytest.mark.parametrize("precision", PRECISIONS)
def test_webassembly_comes_as_near_to_native_fp32_as_the_readme_says(
    process: JsProcess,
    host: JsHost,
    precision: Precision,
    some_texts: list[str],
    note_vectors: NoteVectors,
) -> None:
    # Deno has the compiler of Node.
    texts = some_texts if host.name == "deno" else reference_texts()
    answer = process.call("embed", DEFAULT_MODEL, texts, {"precision": precision})

    note_vectors(answer["vectors"], precision)
    found = nearness(answer["vectors"], texts)

    assert answer["card"]["precision"] == precision
    assert found.mean >= REQUIRED[precision].mean
    assert found.least >= REQUIRED[precision].least


@pytest.mark.parametrize("precision", PRECISIONS)
def test_onnxruntime_node_comes_as_near_to_native_fp32_as_the_readme_says(
    native_process: JsProcess, precision: Precision, note_vectors: NoteVectors
) -> None:
    texts = reference_texts()
    answer = native_process.call("embed", DEFAULT_MODEL, texts, {"precision": precision})

    note_vectors(answer["vectors"], precision)
    found = nearness(answer["vectors"], texts)

    assert found.mean >= REQUIRED[precision].mean
    assert found.least >= REQUIRED[precision].least
