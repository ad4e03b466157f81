"""What a person sees, on a pseudo-terminal; and that nothing of it reaches a pipe."""

import re
import sys
from pathlib import Path

import pytest

from tests.cli.processes import FAKE, run, run_on_terminal

ESCAPE = "\x1b["


def without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_the_demo_fits_80_columns_and_is_coloured_on_a_terminal_only() -> None:
    shown, piped = run_on_terminal(FAKE, "demo"), run(FAKE, "demo")
    assert ESCAPE in shown.out
    assert ESCAPE not in piped.out
    for text in (without_colour(shown.out), piped.out):
        assert max(map(len, text.splitlines())) <= 80
        assert "1.00" in text
        assert "edgelet embed notes.txt -o notes.npy" in text
    assert shown.code == piped.code == 0


def test_no_color_is_honoured() -> None:
    shown = run_on_terminal(FAKE, "run", "gte-small", "Hello", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown.out)


def test_an_embedding_is_drawn_for_a_person() -> None:
    shown = without_colour(run_on_terminal(FAKE, "run", "gte-small", "Hello").out)
    assert shown.startswith("8 dimensions in ")
    assert re.search("^[▁▂▃▄▅▆▇█]{8}$", shown, re.MULTILINE)
    rows = without_colour(run_on_terminal(FAKE, "run", "gte-small", "Hello", "--no-mean-pool").out)
    assert rows.startswith("3 tokens × 8 dimensions in ")
    assert run_on_terminal(FAKE, "run", "gte-small", "Hello", "--json").out.startswith("[")


def test_an_answer_streams_on_a_terminal_and_cannot_control_it(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import sys\n"
        "from edgelet.testing import FakeHost\n"
        "from edgelet_host.cli import main\n"
        "host = FakeHost(reply='red \\x1b[31m alert')\n"
        "try:\n"
        "    main(sys.argv[1:], host=host)\n"
        "finally:\n"
        "    print(b'\"stream\": true' in host.requests[0].body)\n"
    )

    shown = run_on_terminal([sys.executable, str(script)], "run", "mistral", "Hi")
    assert shown.out == "red \N{REPLACEMENT CHARACTER}[31m alert\nTrue\n"


def test_reasoning_is_shown_apart_from_the_answer(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import sys, json\n"
        "from edgelet.testing import FakeHost, FakeResponse\n"
        "from edgelet_host.cli import main\n"
        "chunks = [{'thinking': 'Hm, '}, {'thinking': 'well.'}]\n"
        "chunks += [{'response': 'Yes'}, {'done': True}]\n"
        "lines = [json.dumps(chunk).encode() + b'\\n' for chunk in chunks]\n"
        "response = FakeResponse(lines, headers={'content-type': 'application/x-ndjson'})\n"
        "main(sys.argv[1:], host=FakeHost(responses=[response]))\n"
    )
    program = [sys.executable, str(script)]
    assert without_colour(run_on_terminal(program, "run", "m", "Hi").out) == "Hm, well.\nYes\n"
    piped = run(program, "run", "m", "Hi", "--stream")
    assert (piped.out, piped.err) == ("Yes\n", "")


def test_model_files_on_their_way_are_lines_in_a_pipe_and_bars_on_a_terminal() -> None:
    script = (
        "from edgelet_host.cli.model_progress import ModelProgress\n"
        "from edgelet_host.store import Progress\n"
        "with ModelProgress() as progress:\n"
        "    for done in range(0, 101, 10):\n"
        "        progress(Progress('m', 'downloading', 'a.bin', done * 1000, 100_000))\n"
        "    progress(Progress('m', 'building', message='building m'))\n"
        "progress(Progress('m', 'building', message='too late'))\n"
    )
    program = [sys.executable, "-c", script]
    assert run(program).err == "downloading a.bin (100.0 kB)\nbuilding m\n"
    shown = without_colour(run_on_terminal(program).out)
    assert "100.0/100.0 kB" in shown
    assert "too late" not in shown


def test_no_input_on_a_terminal_is_a_usage_error() -> None:
    for arguments in (["run", "gte-small"], ["run", "gte-small", "-"]):
        shown = run_on_terminal(FAKE, *arguments)
        assert shown.code == 2
        assert "Usage:" in without_colour(shown.out)


def test_an_error_is_red() -> None:
    shown = run_on_terminal(FAKE, "run", "./missing", "Hi")
    assert shown.out == f"{ESCAPE}31merror: there is no model './missing'{ESCAPE}0m\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_embedding_shows_progress_unless_told_not_to(tmp_path: Path, quiet: bool) -> None:
    (tmp_path / "notes.txt").write_text("a b c\n" * 700)
    more = ["--quiet"] if quiet else []
    shown = run_on_terminal(
        FAKE, "embed", tmp_path / "notes.txt", "-o", tmp_path / "notes.npy", *more
    )
    assert ("700/700" in shown.out) is not quiet
    assert ("texts/s" in shown.out) is not quiet
