"""A thing is made again when what it is made of has changed, or when it has, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundle.stale import Workshop


class Copy:
    """Copies one file, if it is stale."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = folder / "source" / "file", folder / "target"
        self.source.parent.mkdir()
        self.source.write_text("one")
        self._workshop = Workshop(folder / "notes")

    def made(self, *more: str) -> bool:
        def make() -> None:
            self.target.write_text(self.source.read_text())

        inputs: list[Path | str] = [self.source.parent, *more]
        return self._workshop.made("copy", inputs, [self.target], make)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_it_is_made_once(copy: Copy) -> None:
    assert [copy.made(), copy.made()] == [True, False]


def test_a_changed_input_makes_it_again(copy: Copy) -> None:
    copy.made()
    copy.source.write_text("two")
    assert copy.made()
    assert copy.target.read_text() == "two"


def test_a_new_file_in_an_input_folder_makes_it_again(copy: Copy) -> None:
    copy.made()
    copy.source.with_name("another").touch()
    assert copy.made()


def test_another_version_makes_it_again(copy: Copy) -> None:
    copy.made("1")
    assert copy.made("2")


@pytest.mark.parametrize("damage", [lambda file: file.write_text("x"), Path.unlink])
def test_a_damaged_output_is_made_again(copy: Copy, damage: object) -> None:
    copy.made()
    damage(copy.target)  # type: ignore[operator]
    assert copy.made()
    assert copy.target.read_text() == "one"


def test_a_failure_is_not_taken_for_a_result(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("no room")

    workshop = Workshop(tmp_path)
    for _ in range(2):
        with pytest.raises(OSError, match="no room"):
            workshop.made("thing", [], [], fail)
