"""Chromium gives the vectors of native onnxruntime, on the main thread and in a worker."""

from __future__ import annotations

import pytest

from edgelet.models import DEFAULT_MODEL, PRECISIONS, Precision
from tests.browser.tab import Tab
from tests.conformance.cases import load_rows
from tests.conformance.reference import REQUIRED, nearness
from tests.conftest import NoteVectors


def test_vectors_are_those_of_sentence_transformers(shared_tab: Tab) -> None:
    rows = load_rows("vectors")
    texts = [row["text"] for row in rows]

    answer = shared_tab.call("embed", DEFAULT_MODEL, texts, {"precision": "fp32"})

    for row, vector in zip(rows, answer["vectors"], strict=True):
        assert sum(a * b for a, b in zip(vector, row["vector"], strict=True)) > 0.99999


@pytest.mark.parametrize("precision", PRECISIONS)
def test_vectors_come_as_near_to_native_fp32_as_the_readme_says(
    shared_tab: Tab, precision: Precision, some_texts: list[str], note_vectors: NoteVectors
) -> None:
    answer = shared_tab.call("embed", DEFAULT_MODEL, some_texts, {"precision": precision})

    note_vectors(answer["vectors"], precision)
    found = nearness(answer["vectors"], some_texts)

    assert answer["card"]["precision"] == precision
    assert found.mean >= REQUIRED[precision].mean
    assert found.least >= REQUIRED[precision].least
