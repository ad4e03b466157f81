"""However editors save, and wherever links lead, a change is seen once; all else is passed over."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving.served import Served, served, write
from tests.serving.test_reload import LANGUAGES, answers, code, loaded, save, until

SLOW_SECONDS = 0.1
"""What a save may take on a busy machine, between its steps."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = tmp_path_factory.mktemp("project")
    for language in LANGUAGES:
        write(project / "functions" / language, code(language, "first"))
    with served(project) as running:
        yield running


def by_vim(file: Path, text: str) -> None:
    """With `backupcopy=no`: it tries whether it may write, moves the file away, writes it anew."""
    swap = file.with_name(f".{file.name}.swp")
    swap.write_text("swap")
    probe = file.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = file.with_name(f"{file.name}~")
    file.rename(backup)
    time.sleep(SLOW_SECONDS)
    file.write_text(text)
    backup.unlink()
    swap.unlink()


def by_jetbrains(file: Path, text: str) -> None:
    """A safe write: beside the file, then in its place."""
    new, old = (file.with_name(f"{file.name}___jb_{which}___") for which in ("tmp", "old"))
    new.write_text(text)
    file.rename(old)
    new.rename(file)
    old.unlink()


def by_vscode(file: Path, text: str) -> None:
    """Truncated, then written."""
    with file.open("r+") as opened:
        opened.truncate(0)
        opened.flush()
        time.sleep(SLOW_SECONDS)
        opened.write(text)


def by_replacing(file: Path, text: str) -> None:
    """As many tools do: one name for another."""
    temporary = file.with_name(f"{file.name}.tmp")
    temporary.write_text(text)
    temporary.replace(file)


@pytest.mark.parametrize("by", [by_vim, by_jetbrains, by_vscode, by_replacing])
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_editors_way_of_saving_is_one_change_without_a_failure(
    server: Served, language: str, by: Callable[[Path, str], None]
) -> None:
    save(server, language, code(language, "before"))
    answers(server, language, "before")
    settled(server)
    times = loaded(server, language)
    ((name, text),) = code(language, by.__name__).items()
    by(server.project / "functions" / language / name, text)
    heard = set()
    until(lambda: heard.add(answer := server.get(language).text) or answer, by.__name__)
    assert heard <= {"before", by.__name__}
    settled(server)
    assert loaded(server, language) == times + 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_burst_of_saves_is_a_few_changes(server: Served, language: str) -> None:
    times = loaded(server, language)
    for number in range(50):
        save(server, language, code(language, f"burst {number}"))
    answers(server, language, "burst 49")
    settled(server)
    assert server.get(language).text == "burst 49"
    assert loaded(server, language) - times <= 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_editors_and_interpreters_leave_behind_is_no_change(
    server: Served, language: str
) -> None:
    times = loaded(server, language)
    folder = server.project / "functions" / language
    for number in range(3):
        left = {
            ".main.py.swp": f"{number}",
            "index.ts~": f"{number}",
            "index.ts.tmp": f"{number}",
            "4913": f"{number}",
            ".#index.ts": f"{number}",
            "#index.ts#": f"{number}",
            ".DS_Store": f"{number}",
            "__pycache__/main.cpython-311.pyc": f"{number}",
            "node_modules/package/index.js": f"{number}",
        }
        write(folder, left)
        settled(server)
    assert loaded(server, language) == times


def test_a_change_of_one_function_leaves_the_others_alone(server: Served) -> None:
    times = loaded(server, "py")
    save(server, "js", code("js", "alone"))
    answers(server, "js", "alone")
    settled(server)
    assert loaded(server, "py") == times


def test_a_change_is_told_before_another_is_looked_at(server: Served) -> None:
    save(server, "a", code("js", "sound"))
    save(server, "b", {"main.py": "def handler(:\n"})
    server.wait_for(r"^\[b\] .*SyntaxError")
    assert "[a] loaded anew\n" in server.output.partition("[b] ")[0]


def test_a_shared_folder_may_be_a_link_out_of_the_project(server: Served, tmp_path: Path) -> None:
    write(tmp_path, {"shared/word.ts": "export const word = 'one';"})
    link = server.project / "functions" / "_shared"
    link.symlink_to(os.path.relpath(tmp_path / "shared", link.parent))
    uses = "import { word } from '../_shared/word.ts';\nDeno.serve(() => new Response(word));"
    save(server, "sharing", {"index.ts": uses})
    answers(server, "sharing", "one")
    write(tmp_path, {"shared/word.ts": "export const word = 'two';"})
    answers(server, "sharing", "two")
    write(tmp_path, {"other/word.ts": "export const word = 'six';"})
    link.unlink()
    link.symlink_to(tmp_path / "other")
    answers(server, "sharing", "six")
    write(tmp_path, {"other/word.ts": "export const word = 'ten';"})
    answers(server, "sharing", "ten")


def test_a_module_may_be_a_link_to_a_file_that_is_replaced(server: Served, tmp_path: Path) -> None:
    write(tmp_path, {"word.ts": "export const word = 'one';"})
    folder = write(server.project / "functions" / "linked", {"readme.txt": ""})
    (folder / "word.ts").symlink_to(tmp_path / "word.ts")
    uses = "import { word } from './word.ts';\nDeno.serve(() => new Response(word));"
    save(server, "linked", {"index.ts": uses})
    answers(server, "linked", "one")
    for word in ("two", "six"):
        by_replacing(tmp_path / "word.ts", f"export const word = '{word}';")
        answers(server, "linked", word)


def test_a_folder_within_a_function_may_be_a_link(server: Served, tmp_path: Path) -> None:
    write(tmp_path, {"words/word.ts": "export const word = 'one';"})
    folder = write(server.project / "functions" / "nested", {"readme.txt": ""})
    (folder / "words").symlink_to(tmp_path / "words")
    uses = "import { word } from './words/word.ts';\nDeno.serve(() => new Response(word));"
    save(server, "nested", {"index.ts": uses})
    answers(server, "nested", "one")
    write(tmp_path, {"words/word.ts": "export const word = 'two';"})
    answers(server, "nested", "two")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_function_may_be_a_link_to_a_folder(
    server: Served, tmp_path: Path, language: str
) -> None:
    name = f"elsewhere-{language}"
    write(tmp_path / "function", code(language, "one"))
    (server.project / "functions" / name).symlink_to(tmp_path / "function")
    answers(server, name, "one")
    write(tmp_path / "function", code(language, "two"))
    answers(server, name, "two")


def settled(server: Served) -> None:
    """A change of another function has been seen: so has all that was before it."""
    name, times = "marker", loaded(server, "marker")
    save(server, name, code("py", f"{time.monotonic_ns()}"))
    until(lambda: loaded(server, name) > times, True)
