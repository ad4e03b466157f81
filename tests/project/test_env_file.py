"""Files of secrets: any value comes back as it was, and nothing else in the file is lost."""

import os
import subprocess
import sys
import tempfile
import traceback
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgelet.errors import OptionError
from edgelet_host.project import env_file
from edgelet_host.project.env_file import parse_env, read_env_file, update_env_file

SECRET = "s3cr3t-value"

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.text(
    "ab'\"\\$#{}=nr \t\n\r\u2028\x85-"
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def replace_in(text: str, values: dict[str, str]) -> dict[str, str | None]:
    """What python-dotenv reads after `values` were set in a file of that text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        path.write_bytes(text.encode())
        update_env_file(path, values)
        found = dict(dotenv_values(path, interpolate=False))
        known = {name: value for name, value in found.items() if value is not None}
        assert read_env_file(path) == known
        return found


@settings(deadline=None)
@given(st.dictionaries(NAMES, TEXTS))
@example(
    {"A": "line\nbreak\r\n", "B": "\\", "C": "'\\n\"", "D": " # $A ${B} ", "E": "", "F": "---"}
)
@example({"A": "it's\\", "B": "it's\"", "C": "export B=1", "D": "\ufeff", "E": "\u2028'"})
def test_any_text_comes_back_as_it_was(values: dict[str, str]) -> None:
    assert replace_in("", values) == values


@settings(deadline=None)
@given(st.text("AB='\"\\# \t\r\nx\ufeff\x85export") | st.text("A='\"\\# \n"), TEXTS)
@example("A= # comment", "x")
@example("A='x'#comment", "x")
@example("export A \t= x  # comment\r\n", "x")
@example("'A'='x\\'\n'# comment\nA", "it's")
def test_whatever_else_is_in_the_file_means_what_it_did(text: str, value: str) -> None:
    normal = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    statements = list(parse_stream(StringIO(normal, newline="")))
    if any(each.error for each in statements):
        with pytest.raises(OptionError):
            parse_env(text.encode(), "file")
        return
    before = {each.key: each.value for each in statements if each.key is not None}

    assert replace_in(text, {"A": value}) == before | {"A": value}
    for entry in parse_env(text.encode(), "file"):
        assert entry.name is None or env_file._STATEMENT.fullmatch(entry.text)


def test_values_are_spelled_as_godotenv_reads_them_too(path: Path) -> None:
    values = {
        "PLAIN": "https://example.com/a?b".replace("?", "%3F"),
        "EMPTY": "",
        "DOLLAR": "a$B",
        "SPACES": " # x ",
        "QUOTE": "it's",
        "JSON": '{"a": 1}',
        "LINES": "a\nb\\n",
        "CUT": "abc---",
        "FOLDER": "C:\\x\\",
    }
    update_env_file(path, values)

    assert (
        path.read_text()
        == r"""PLAIN=https://example.com/a%3Fb
EMPTY=''
DOLLAR='a$B'
SPACES=' # x '
QUOTE="it's"
JSON='{"a": 1}'
LINES="a\nb\\n"
CUT='abc---'
FOLDER=C:\x\
"""
    )


def test_comments_blank_lines_and_order_stay(path: Path) -> None:
    path.write_text(
        "# of the project\n\nexport A=old # from the dashboard\n\n  # of B\n  B='1\n2'\nC\n\n"
        "D=${A}\n# the end"
    )
    update_env_file(path, {"NEW": "n", "A": "x y", "C": "3"}, removed=["B", "MISSING"])

    assert path.read_text() == (
        "# of the project\n\nexport A='x y' # from the dashboard\n\n  # of B\nC=3\n\n"
        "D=${A}\n# the end\nNEW=n\n"
    )


def test_of_several_entries_the_one_that_counts_stays(path: Path) -> None:
    path.write_text("A=1\nB=2\n\nA=3\nC=4\nA=5\nB=6\n")
    update_env_file(path, {"A": "new"}, removed=["B"])

    assert path.read_text() == "\nC=4\nA=new\n"


def test_a_comment_at_a_value_needs_quotes(path: Path) -> None:
    path.write_text("A='old'# why\n")
    update_env_file(path, {"A": "new"})

    assert path.read_text() == "A='new' # why\n"
    assert read_env_file(path) == {"A": "new"}


def test_windows_line_ends_stay_and_a_byte_order_mark_goes(path: Path) -> None:
    path.write_bytes("\ufeffA=1\r\n# c\r\nB='x\r\ny'\r\n".encode())
    assert read_env_file(path) == {"A": "1", "B": "x\ny"}

    update_env_file(path, {"A": "2\r\n", "C": "3"})
    assert path.read_bytes() == b"A=\"2\\r\\n\"\r\n# c\r\nB='x\r\ny'\r\nC=3\r\n"
    assert read_env_file(path) == {"A": "2\r\n", "B": "x\ny", "C": "3"}


def test_a_file_that_is_not_there_has_nothing(path: Path) -> None:
    assert read_env_file(path) == {}


def test_a_name_alone_is_passed_over(path: Path) -> None:
    path.write_text("A\nB=\nexport C=c\n")
    assert read_env_file(path) == {"B": "", "C": "c"}

    update_env_file(path, {}, removed=["A"])
    assert path.read_text() == "A\nB=\nexport C=c\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"A=1\n\n\n" + SECRET.encode() + b" = 2 3\nx y\n", "line 5 cannot be read"),
        (b'A=1\r\nB="' + SECRET.encode() + b"\r\nC=1\r\n", "line 2 cannot be read"),
        (b"A=1\rB=" + SECRET.encode() + b"\xff\r", "line 2 is not UTF-8"),
        (b"A=" + SECRET.encode() * (1 << 17), "is larger than 1 MiB"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line_alone(
    path: Path, data: bytes, message: str
) -> None:
    path.write_bytes(data)
    for action in (lambda: read_env_file(path), lambda: update_env_file(path, {"NEW": "1"})):
        with pytest.raises(OptionError, match=message) as raised:
            action()
        shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value)
        assert str(path) in str(raised.value)
        assert SECRET not in shown
        assert "0xff" not in shown
    assert path.read_bytes() == data


def test_an_entry_does_not_show_its_value() -> None:
    [entry] = parse_env(f"A={SECRET}\n".encode(), "file")
    assert entry.value == SECRET
    assert SECRET not in repr(entry)


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be read: Is a directory"):
        read_env_file(tmp_path)
    with pytest.raises(OptionError, match="cannot be read: Is a directory"):
        update_env_file(tmp_path, {"A": "1"})


@pytest.mark.parametrize("name", ["", "1A", "A B", "A\n", "É", "A=B"])
def test_a_name_that_cannot_be_is_refused(path: Path, name: str) -> None:
    with pytest.raises(OptionError, match="a secret's name has letters, digits and _"):
        update_env_file(path, {name: SECRET})
    assert not path.exists()


@pytest.mark.parametrize("value", ["\0", "\udcff"])
def test_a_value_that_cannot_be_is_refused(path: Path, value: str) -> None:
    with pytest.raises(OptionError, match="the value of A is no text") as raised:
        update_env_file(path, {"A": SECRET + value})
    assert SECRET not in str(raised.value)
    assert not path.exists()


def test_a_file_never_grows_past_what_can_be_read(path: Path) -> None:
    update_env_file(path, {"A": "a"})
    with pytest.raises(OptionError, match="would be larger than 1 MiB"):
        update_env_file(path, {"B": "b" * (1 << 20)})
    assert read_env_file(path) == {"A": "a"}


@pytest.mark.parametrize("before", [None, 0o644, 0o666, 0o400])
def test_only_the_owner_can_read_what_is_written(path: Path, before: int | None) -> None:
    if before is not None:
        path.write_text("A=1\n")
        path.chmod(before)
    old = os.umask(0)
    try:
        update_env_file(path, {"B": "2"})
    finally:
        os.umask(old)
    assert mode(path) == 0o600


def test_a_crash_before_the_replacement_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("A=1\n")
    seen = []

    def crash(source: Path, target: Path) -> None:
        seen.append((mode(source), source.parent, source.read_text(), target))
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", crash)
        with pytest.raises(OptionError, match="cannot be written: No space left on device"):
            update_env_file(path, {"A": "2"})

    assert seen == [(0o600, path.parent, "A=2\n", path)]
    assert path.read_text() == "A=1\n"
    assert [each.name for each in path.parent.iterdir()] == [".env"]
    update_env_file(path, {"A": "3"})
    assert path.read_text() == "A=3\n"


def test_a_link_stays_and_its_target_changes(tmp_path: Path, path: Path) -> None:
    (tmp_path / "shared").mkdir()
    target = tmp_path / "shared" / "secrets.env"
    target.write_text("A=1\n")
    path.symlink_to(Path("shared") / "secrets.env")
    update_env_file(path, {"B": "2"})

    assert path.is_symlink()
    assert target.read_text() == "A=1\nB=2\n"
    assert mode(target) == 0o600

    target.unlink()
    update_env_file(path, {"C": "3"})
    assert target.read_text() == "C=3\n"


def test_a_link_to_itself_is_an_error(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(OptionError, match="cannot be read"):
        update_env_file(path, {"A": "1"})


def test_the_lock_lies_outside_the_project(path: Path, cache: Path) -> None:
    update_env_file(path, {"A": "1"})
    assert [each.name for each in path.parent.iterdir()] == [".env"]
    [lock] = (cache / "edgelet" / "locks").iterdir()
    assert lock.suffix == ".lock"


def test_a_writer_that_does_not_end_is_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env_file, "_LOCK_SECONDS", 0.05)
    with env_file._locked(path, path), pytest.raises(OptionError, match="try again"):
        update_env_file(path, {"A": "1"})
    assert not path.exists()


def test_writers_at_once_lose_nothing(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from edgelet_host.project.env_file import update_env_file\n"
        "for n in range(40): update_env_file(Path(sys.argv[1]), {f'{sys.argv[2]}{n}': 'x'})\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), letter]) for letter in "ABC"
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]

    assert read_env_file(path).keys() == {f"{letter}{n}" for letter in "ABC" for n in range(40)}
