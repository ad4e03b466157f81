"""`edgelet secrets`: the installed program, and a project's own file."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import EDGELET, Ended, run, run_on_terminal

SECRET = "s3cr3t-välue"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "functions").mkdir()
    return tmp_path


@pytest.fixture
def secrets(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Runs the command; whatever it says, the secret is not in it, nor in a traceback."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))

    def call(*arguments: str | Path, stdin: bytes = b"", debug: str = "1") -> Ended:
        ended = run(EDGELET, "secrets", *arguments, stdin=stdin, EDGELET_DEBUG=debug)
        assert "s3cr3t" not in ended.out + ended.err
        return ended

    return call


def text(project: Path) -> str:
    return (project / "functions" / ".env").read_text()


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def test_secrets_are_set_listed_and_removed(secrets: Any, project: Path) -> None:
    ended = secrets("set", f"API_KEY={SECRET}", "OTHER=a=b $c")
    assert (ended.code, ended.out) == (0, "Set API_KEY, OTHER in functions/.env\n")
    assert ended.err == ""
    assert text(project) == f"API_KEY='{SECRET}'\nOTHER='a=b $c'\n"
    assert (project / "functions" / ".env").stat().st_mode & 0o777 == 0o600

    listed = secrets("list")
    assert [line.split() for line in listed.out.splitlines()] == [
        ["NAME", "DIGEST"],
        ["API_KEY", digest(SECRET)],
        ["OTHER", digest("a=b $c")],
    ]
    assert listed.err == ""

    ended = secrets("unset", "API_KEY")
    assert (ended.code, ended.out) == (0, "Removed API_KEY from functions/.env\n")
    assert text(project) == "OTHER='a=b $c'\n"


def test_the_list_as_json_is_sorted(secrets: Any) -> None:
    assert json.loads(secrets("list", "--json").out) == []
    secrets("set", "B=1", f"A={SECRET}")

    assert json.loads(secrets("list", "--json").out) == [
        {"name": "A", "digest": digest(SECRET)},
        {"name": "B", "digest": digest("1")},
    ]


def test_nothing_set_is_said(secrets: Any) -> None:
    ended = secrets("list")
    assert (ended.code, ended.out) == (0, "")
    assert "no secrets are set in functions/.env" in ended.err


def test_a_terminal_shows_the_whole_digest(secrets: Any) -> None:
    secrets("set", f"A_RATHER_LONG_NAME_OF_A_SECRET={SECRET}")
    assert digest(SECRET) in run_on_terminal(EDGELET, "secrets", "list").out


def test_supabases_project_has_its_own_place(secrets: Any, project: Path) -> None:
    (project / "supabase" / "functions").mkdir(parents=True)

    assert secrets("set", "A=1").out == "Set A in supabase/functions/.env\n"
    assert (project / "supabase" / "functions" / ".env").read_text() == "A=1\n"


def test_values_come_from_a_file_and_arguments_win(secrets: Any, project: Path) -> None:
    (project / "prod.env").write_text(f"# of prod\nexport A={SECRET}\nB='x\ny'\nC\n")
    ended = secrets("set", "B=mine", "--env-file", "prod.env")

    assert (ended.code, ended.out) == (0, "Set A, B in functions/.env\n")
    assert text(project) == f"A='{SECRET}'\nB=mine\n"


def test_values_come_from_stdin(secrets: Any, project: Path) -> None:
    ended = secrets("set", "--env-file", "-", stdin=f"A={SECRET}".encode())

    assert (ended.code, ended.out) == (0, "Set A in functions/.env\n")
    assert text(project) == f"A='{SECRET}'\n"


def test_the_runtimes_own_names_are_skipped(secrets: Any, project: Path) -> None:
    ended = secrets("set", f"SUPABASE_URL={SECRET}", "A=1")
    assert (ended.code, ended.out) == (0, "Set A in functions/.env\n")
    assert ended.err == "SUPABASE_URL is set by the runtime, and was skipped\n"
    assert text(project) == "A=1\n"

    ended = secrets("set", f"SUPABASE_URL={SECRET}", debug="")
    assert ended.code == 1
    assert "there is nothing to set" in ended.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        ([], "", "there is nothing to set; give NAME=VALUE, or --env-file FILE"),
        (["A=1", SECRET], "", "argument 2 has no =; expected NAME=VALUE"),
        (["A=1", f"--{SECRET}--"], "", "argument 2 has no ="),
        ([f"-{SECRET}"], "", "argument 1 has no ="),
        ([f"-----{SECRET} KEY-----\n{SECRET}=="], "", "the name in argument 1 cannot be"),
        ([f"1A={SECRET}"], "", "the name in argument 1 cannot be a secret's; use letters"),
        (["A=s3cr3t\udcff"], "", "the value of A is no text"),
        (["--env-file", f"A={SECRET}"], "", "the --env-file cannot be read: No such file"),
        (["--env-file", "-"], "", "there is nothing to set"),
        (["--env-file", "-"], SECRET, "there is nothing to set"),
        (["--env-file", "-"], f"A=1\n\n{SECRET} x", "stdin: line 3 cannot be read"),
        (["--env-file", "-"], f"A=1\n\n{SECRET}=1", "stdin: the name in line 3 is not allowed"),
    ],
)
def test_bad_input_is_one_sentence_without_a_value(
    secrets: Any, project: Path, arguments: list[str], stdin: str, message: str
) -> None:
    ended = secrets("set", *arguments, stdin=stdin.encode(), debug="")

    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.startswith(f"error: {message}")
    assert ended.err.count("\n") == 1
    assert not (project / "functions" / ".env").exists()
    assert secrets("set", *arguments, stdin=stdin.encode()).code == 1


def test_a_file_that_cannot_be_read_keeps_its_secrets(secrets: Any, project: Path) -> None:
    (project / "functions" / ".env").write_text(f"A=1\nB='{SECRET}\n")
    for arguments in (["list"], ["set", "C=1"], ["unset", "A"]):
        ended = secrets(*arguments)
        assert ended.code == 1
        assert "functions/.env: line 2 cannot be read; expected NAME=VALUE" in ended.err
    assert text(project) == f"A=1\nB='{SECRET}\n"


def test_removing_what_is_not_set_changes_nothing(secrets: Any, project: Path) -> None:
    secrets("set", f"A={SECRET}")
    ended = secrets("unset", "A", "MISSING", debug="")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: MISSING is not set in functions/.env; nothing was removed\n"

    for mistaken in (f"A={SECRET}", f"-{SECRET}"):
        ended = secrets("unset", mistaken)
        assert ended.code == 1
        assert "what argument 1 names is not set" in ended.err
    assert text(project) == f"A='{SECRET}'\n"


def test_a_file_that_others_can_read_is_warned_of(secrets: Any, project: Path) -> None:
    (project / "functions" / ".env").write_text(f"A={SECRET}\n")
    (project / "functions" / ".env").chmod(0o640)
    ended = secrets("list")
    assert ended.code == 0
    assert "others on this machine can read functions/.env" in ended.err
    assert "chmod 600 functions/.env" in ended.err

    secrets("set", "B=1")
    assert secrets("list").err == ""


@pytest.mark.parametrize("arguments", [["set", "A=1"], ["list"], ["unset", "A"]])
def test_a_folder_without_functions_is_no_project(
    secrets: Any, project: Path, arguments: list[str]
) -> None:
    (project / "functions").rmdir()
    ended = secrets(*arguments)

    assert ended.code == 1
    assert "no supabase/functions or functions folder; make a function with" in ended.err
    assert list(project.iterdir()) == []


def test_help_says_where_values_are_seen(secrets: Any) -> None:
    shown = " ".join(secrets("set", "--help").out.split())
    assert "ps" in shown
    assert "history" in shown
    assert "next request" in shown
