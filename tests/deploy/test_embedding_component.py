"""A function that embeds, as a component: its folder's own commands, OpenVINO, wasmtime."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgelet import Session
from tests.deploy.deployed import Running, deployed
from tests.deploy.test_component import serving, wasmtime
from tests.serving.served import write

MAIN = """
from edgelet import EdgeletError, Request, Response, Session, serve

asked = []


@serve
async def handler(request: Request) -> Response:
    asked.append(request.url)
    options = await request.json()
    session = Session(options.pop("model", "all-MiniLM-L6-v2"), **options.pop("session", {}))
    try:
        vectors = await session.run(options.pop("texts"), **options)
    except EdgeletError as refused:
        return Response(str(refused), status=400)
    return Response.json({"vectors": vectors, "asked": len(asked)})
"""

TEXTS = [
    "Hello world",
    "Hello there",
    "The quick brown fox jumps over the lazy dog. " * 12,
    "naïve Ünïcödé 中文",
    "",
    "word " * 600,
]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the folder's command gets OpenVINO for Linux"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wasmtime()
    project = tmp_path_factory.mktemp("embeds")
    write(project, {"functions/embeds/main.py": MAIN})
    return project


@pytest.fixture(scope="module")
def commands(folder: Path) -> list[str]:
    commands: list[str] = deployed(folder, "embeds", "wasm", folder / "out")["next"]
    subprocess.run(["sh", "-c", commands[0]], cwd=folder / "out", check=True)
    return commands


@pytest.fixture(scope="module")
def embeds(folder: Path, commands: list[str]) -> Iterator[Running]:
    with serving(folder / "out", commands[-1]) as function:
        yield function


def answered(function: Running, **asked: Any) -> Any:
    answer = function.post(json.dumps(asked))
    assert answer.status_code == 200, (answer.text, function.printed)
    return answer.json()["vectors"]


async def test_its_vectors_are_those_of_native_onnxruntime(embeds: Running) -> None:
    native = np.asarray(await Session("all-MiniLM-L6-v2", precision="fp32").run(TEXTS))
    vectors = np.asarray(answered(embeds, texts=TEXTS))
    # OpenVINO computes in bfloat16 where the processor can.
    cosines = (native * vectors).sum(axis=1) / np.linalg.norm(vectors, axis=1)
    assert cosines.min() > 0.9999
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    alone = [answered(embeds, texts=text) for text in TEXTS]
    assert ((np.asarray(alone) * vectors).sum(axis=1)).min() > 0.9999


async def test_every_output_is_its_own(embeds: Running) -> None:
    native = Session("all-MiniLM-L6-v2", precision="fp32")
    for options in (
        {"normalize": False},
        {"mean_pool": False},
        {"mean_pool": False, "normalize": False},
    ):
        ours = np.asarray(answered(embeds, texts=TEXTS[0], **options))
        theirs = np.asarray(await native.run(TEXTS[0], **options))
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 0.02 * np.abs(theirs).max(), options


def test_an_instance_serves_one_request_after_another_and_several_at_once(embeds: Running) -> None:
    counts = [embeds.post(json.dumps({"texts": "Hello"})).json()["asked"] for _ in range(3)]
    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]
    with ThreadPoolExecutor(8) as clients:
        first, *others = clients.map(lambda _: answered(embeds, texts="Hello"), range(8))
    assert all(other == first for other in others)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (
            {"model": "gte-small"},
            "this component embeds with all-MiniLM-L6-v2 alone, not gte-small",
        ),
        (
            {"session": {"precision": "int8"}},
            "this component has all-MiniLM-L6-v2 as fp32, not as int8",
        ),
    ],
)
def test_what_it_does_not_have_is_refused(
    embeds: Running, asked: dict[str, Any], reason: str
) -> None:
    answer = embeds.post(json.dumps({"texts": "Hello", **asked}))
    assert (answer.status_code, answer.text) == (400, reason)
    assert len(answered(embeds, texts="Hello")) == 384


def test_a_host_that_was_not_given_the_model_is_named(folder: Path, commands: list[str]) -> None:
    without = commands[-1].replace(" -Snn-graph=openvino::models/all-MiniLM-L6-v2", "")
    with serving(folder / "out", without) as function:
        answer = function.post(json.dumps({"texts": "Hello"}))
        assert answer.status_code == 400
        assert answer.text.startswith("the host cannot run all-MiniLM-L6-v2 (")
