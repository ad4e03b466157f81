"""Runs the TypeScript tests, which meet the real onnxruntime-web and onnxruntime-node in Node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.js.engine.material import write_material
from tests.js.package import needs

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the tests read."""
    folder = tmp_path_factory.mktemp("engine-material")
    write_material(folder)
    return folder


@pytest.mark.parametrize("name", sorted(file.stem[:-5] for file in HERE.glob("*.test.ts")))
def test_the_tests_in_typescript_pass(name: str, material: Path) -> None:
    command = [needs("node"), str(HERE / "run.mjs"), str(material), name]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
