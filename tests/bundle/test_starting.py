"""Python starts from the bundle alone, with and without its snapshot."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

STARTS = Path(__file__).parent / "starts.mjs"

EVERYTHING = """
import json, random, sys, traceback
from edgelet import Session, __version__
from edgelet.surrogates import replace_lone_surrogates
try:
    1 / 0
except ZeroDivisionError:
    trace = traceback.format_exc()
json.dumps({
    "edgelet": __version__,
    "python": sys.version.split()[0],
    "surrogate": replace_lone_surrogates("a" + chr(0xD800)),
    "trace": trace.splitlines()[-1],
    "random": random.random(),
})
"""


@pytest.fixture(params=[False, True], ids=["archives", "snapshot"])
def from_snapshot(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def told(python: Path, tmp_path: Path, expression: str, *, from_snapshot: bool) -> Any:
    """What Python says once started: JSON."""
    empty = tmp_path / "empty.zip"
    zipfile.ZipFile(empty, "w").close()
    ended = subprocess.run(
        ["node", str(STARTS), f"{python}/", expression, *["--snapshot"] * from_snapshot],
        env={**os.environ, "EMPTY_ZIP": str(empty)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout)


def test_core_works_and_errors_are_told(
    python: Path, tmp_path: Path, *, from_snapshot: bool
) -> None:
    manifest = json.loads((python / "manifest.json").read_text())
    facts = told(python, tmp_path, EVERYTHING, from_snapshot=from_snapshot)
    assert facts.pop("random") > 0
    assert facts == {
        "edgelet": manifest["edgelet"],
        "python": manifest["python"],
        "surrogate": "a\ufffd",
        "trace": "ZeroDivisionError: division by zero",
    }


def test_pages_that_start_from_one_snapshot_do_not_share_their_chance(
    python: Path, tmp_path: Path
) -> None:
    first, second = (
        told(python, tmp_path, EVERYTHING, from_snapshot=True)["random"] for _ in range(2)
    )
    assert first != second


def test_the_snapshot_holds_the_tokenizer_of_the_default_model(
    python: Path, tmp_path: Path
) -> None:
    question = """
import json
from edgelet.tokenizer import _own_tokenizer
json.dumps(_own_tokenizer.cache_info().currsize)
"""
    assert told(python, tmp_path, question, from_snapshot=True) == 1
    assert told(python, tmp_path, question, from_snapshot=False) == 0
