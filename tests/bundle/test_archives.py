"""The archives of bytecode: the same bytes every time, and nothing that cannot be imported."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from bundle.archives import compile_archive, sources_of, write_archive
from bundle.standard_library import imported_modules, standard_library


@pytest.fixture(scope="module")
def packages(root: Path) -> list[Path]:
    return [root / "core" / "edgelet", root / "wasm" / "pyodide" / "edgelet_pyodide"]


def compiled(archive: Path, members: dict[str, bytes], tools: Path) -> bytes:
    write_archive(archive, members)
    compile_archive(archive, tools)
    return archive.read_bytes()


def test_core_compiled_twice_is_the_same_bytes(
    packages: list[Path], tools: Path, tmp_path: Path
) -> None:
    members = sources_of(packages)
    backwards = dict(reversed(members.items()))
    first = compiled(tmp_path / "a" / "core.zip", members, tools)
    assert compiled(tmp_path / "b" / "core.zip", backwards, tools) == first


def test_the_standard_library_made_twice_is_the_same_bytes(
    packages: list[Path], python: Path, root: Path, tools: Path, tmp_path: Path
) -> None:
    whole = root / "js-shim" / "node_modules" / "pyodide" / "python_stdlib.zip"
    tokenizer = python.parent / "models" / "all-MiniLM-L6-v2" / "int8" / "tokenizer.json"
    first, second = (
        compiled(
            tmp_path / name / "stdlib.zip",
            standard_library(["json", "urllib.parse"], python / "core.zip", tokenizer, whole),
            tools,
        )
        for name in ("a", "b")
    )
    assert first == second


@pytest.mark.parametrize("name", ["core.zip", "stdlib.zip"])
def test_archives_hold_bytecode_alone_and_store_it(python: Path, root: Path, name: str) -> None:
    with zipfile.ZipFile(python / name) as archive:
        for member in archive.infolist():
            assert member.filename.endswith(".pyc")
            assert member.compress_type == zipfile.ZIP_STORED
            assert str(root).encode() not in archive.read(member)


def test_the_standard_library_is_a_fraction_of_the_whole(python: Path, root: Path) -> None:
    whole = root / "js-shim" / "node_modules" / "pyodide" / "python_stdlib.zip"
    with zipfile.ZipFile(python / "stdlib.zip") as ours, zipfile.ZipFile(whole) as theirs:
        assert len(ours.namelist()) < len(theirs.namelist()) / 3
        assert {"traceback.pyc", "encodings/utf_16_le.pyc"} <= set(ours.namelist())


def test_imports_and_codecs_are_found_wherever_they_stand(tmp_path: Path) -> None:
    source = tmp_path / "late.py"
    source.write_text(
        "import json, os.path\n"
        "from urllib.parse import urlsplit\n"
        "from . import neighbour\n"
        "def late(text, tokenizer):\n"
        "    import zlib\n"
        "    tokenizer.encode('Hello world')\n"
        "    return text.encode('utf-16-le')\n"
    )
    assert imported_modules([source]) == {
        "encodings.utf_16_le",
        "json",
        "os.path",
        "urllib.parse",
        "zlib",
    }
