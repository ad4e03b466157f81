"""Where a project keeps its functions, and what they may be called."""

from pathlib import Path

import pytest

from edgelet.errors import FunctionError, OptionError
from edgelet_host.project import find_layout
from edgelet_host.project.layout import ENTRY_FILES, checked_slug, entry_file


def test_a_project_is_plain_unless_it_is_supabases(tmp_path: Path) -> None:
    layout = find_layout(tmp_path)

    assert layout.functions == tmp_path / "functions"
    assert layout.config == tmp_path / "edgelet.toml"
    assert layout.config_name == "edgelet.toml"
    assert layout.env_file == tmp_path / "functions" / ".env"
    assert layout.base == tmp_path


def test_supabases_functions_come_before_plain_ones(tmp_path: Path) -> None:
    (tmp_path / "supabase" / "functions").mkdir(parents=True)
    (tmp_path / "functions").mkdir()

    layout = find_layout(tmp_path)

    assert layout.functions == tmp_path / "supabase" / "functions"
    assert layout.config_name == "supabase/config.toml"
    assert layout.env_file == tmp_path / "supabase" / "functions" / ".env"
    assert layout.base == tmp_path / "supabase"


def test_a_project_of_supabases_may_have_no_functions_yet(tmp_path: Path) -> None:
    (tmp_path / "supabase").mkdir()
    assert find_layout(tmp_path).functions == tmp_path / "functions"

    (tmp_path / "supabase" / "config.toml").touch()
    assert find_layout(tmp_path).functions == tmp_path / "supabase" / "functions"

    (tmp_path / "functions").mkdir()
    assert find_layout(tmp_path).functions == tmp_path / "functions"


@pytest.mark.parametrize("name", ["a", "A1", "ollama-test", "send_mail", "x--"])
def test_a_slug_is_a_name(name: str) -> None:
    assert checked_slug(name) == name


@pytest.mark.parametrize(
    "name", ["", "1a", "-a", "_shared", ".", "..", "a/b", "a\\b", "a.b", "a b", "a\n", "é", "aé"]
)
def test_what_is_no_slug_is_no_name(name: str) -> None:
    with pytest.raises(OptionError, match="cannot be the name of a function; use letters") as error:
        checked_slug(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ENTRY_FILES)
def test_a_function_begins_in_any_entry_file(tmp_path: Path, file: str) -> None:
    (tmp_path / "deno.json").touch()
    assert entry_file(tmp_path) is None
    (tmp_path / file).touch()
    assert entry_file(tmp_path) == tmp_path / file


def test_two_entry_files_are_one_too_many(tmp_path: Path) -> None:
    for name in ("main.py", "index.ts"):
        (tmp_path / name).touch()

    with pytest.raises(FunctionError, match=r"has index\.ts and main\.py; keep one, or name one"):
        entry_file(tmp_path)


def test_a_folder_is_no_entry_file(tmp_path: Path) -> None:
    (tmp_path / "main.py").mkdir()
    assert entry_file(tmp_path) is None
    assert entry_file(tmp_path / "nowhere") is None
