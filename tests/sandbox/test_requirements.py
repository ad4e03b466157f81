"""Requirements: wheels of pure Python, from an index made for the test."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from edgelet.errors import FunctionError
from edgelet_host.sandbox import read_function
from edgelet_host.sandbox.requirements import vendored


def make_wheel(index: Path, name: str, tag: str, files: dict[str, str]) -> None:
    folder = index / name
    folder.mkdir(parents=True)
    wheel = folder / f"{name}-1.0-{tag}.whl"
    info = f"{name}-1.0.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
        record = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
        archive.writestr(f"{info}/RECORD", record)
    (folder / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index with a pure package, one with native code, and one that hides native code."""
    index = tmp_path / "index"
    make_wheel(index, "greeting", "py3-none-any", {"greeting/__init__.py": "WORD = 'Hello'\n"})
    make_wheel(index, "native", "cp314-cp314-manylinux_2_28_x86_64", {"native/core.so": "ELF"})
    make_wheel(index, "hidden", "py3-none-any", {"hidden/__init__.py": "", "hidden/core.so": "ELF"})
    monkeypatch.setenv("PIP_INDEX_URL", index.as_uri())
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return index


@pytest.fixture
def function(tmp_path: Path) -> Path:
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "main.py").write_text("import greeting\n")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path / "cache")


@pytest.mark.usefixtures("index")
def test_a_pure_package_belongs_to_the_function(function: Path) -> None:
    (function / "requirements.txt").write_text("greeting\n")

    modules = {module.name: module for module in read_function(function).modules}

    assert modules["greeting"].source == "WORD = 'Hello'\n"
    assert modules["greeting"].is_package


def test_packages_are_fetched_once(function: Path, index: Path) -> None:
    (function / "requirements.txt").write_text("greeting\n")
    folder = vendored(function)
    (index / "greeting" / "index.html").unlink()

    assert vendored(function) == folder


@pytest.mark.usefixtures("index")
def test_the_functions_own_module_comes_first(function: Path) -> None:
    (function / "requirements.txt").write_text("greeting\n")
    (function / "greeting.py").write_text("WORD = 'Mine'\n")

    named = [module for module in read_function(function).modules if module.name == "greeting"]

    assert [module.source for module in named] == ["WORD = 'Mine'\n"]


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ("native", "cannot be installed as pure Python: .*native"),
        ("hidden", "needs core.so, which is not pure Python"),
        ("absent", "cannot be installed as pure Python: .*absent"),
    ],
)
def test_what_is_not_pure_python_is_refused(function: Path, package: str, reason: str) -> None:
    (function / "requirements.txt").write_text(f"{package}\n")

    with pytest.raises(FunctionError, match=reason):
        read_function(function)


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_no_requirements_need_no_folder(function: Path, text: str | None) -> None:
    if text is not None:
        (function / "requirements.txt").write_text(text)

    assert vendored(function) is None
