"""`edgelet embed`, stopped: by Ctrl-C, by a kill, by a failure; and going on afterwards."""

from __future__ import annotations

import errno
import itertools
import json
import signal
import subprocess
from array import array
from pathlib import Path
from typing import Any

import pytest

from edgelet.effects import RunModel
from edgelet.errors import ModelError
from edgelet.testing import FakeHost
from edgelet_host.cli import journal
from tests.cli.conftest import Call
from tests.cli.processes import FAKE, run, start
from tests.cli.program import STALLED

COUNT = 1200
DIMENSIONS = 8
ROW_BYTES = (DIMENSIONS + 1) * 4


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Texts of two to ten words, some over the eight tokens that the program's host takes."""
    path = tmp_path / "notes.txt"
    words = itertools.cycle(range(1, 10))
    path.write_text("".join(f"{'word ' * next(words)}{number}\n" for number in range(COUNT)))
    return path


class FailingHost(FakeHost):
    """Embeds so many texts, and then fails."""

    def __init__(self, texts: int) -> None:
        super().__init__(max_tokens=8)
        self._left = texts

    async def run_model(self, effect: RunModel) -> array[float]:
        if self._left <= 0:
            raise ModelError("the model broke")
        self._left -= len(effect.lengths)
        return await super().run_model(effect)


def stalled(texts: int, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """A run that has embedded so many texts and waits for ever in the next batch."""
    process = start(FAKE, "--stall-after", str(texts), *arguments)
    assert process.stderr is not None
    assert process.stderr.readline().decode() == STALLED + "\n"
    return process


def test_a_killed_run_goes_on_to_the_very_same_output(notes: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    uninterrupted = run(FAKE, "embed", notes, "-o", whole, "--json")
    process = stalled(1024, "embed", notes, "-o", killed)
    process.kill()
    process.communicate()
    assert not killed.exists()
    with (tmp_path / "killed.jsonl.part").open("ab") as part:
        part.write(b"torn row")

    refused = run(FAKE, "embed", notes, "-o", killed)
    assert refused.code == 1
    assert "holds 1,024 finished texts" in refused.err
    assert "--resume" in refused.err
    assert "--overwrite" in refused.err

    resumed = run(FAKE, "embed", notes, "-o", killed, "--resume", "--json")
    assert resumed.code == 0, resumed.err
    assert killed.read_bytes() == whole.read_bytes()
    before, after = json.loads(uninterrupted.out), json.loads(resumed.out)
    assert after["resumed"] == 1024
    assert after["truncated"] == before["truncated"] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "killed.jsonl", "notes.txt", "whole.jsonl",
    ]  # fmt: skip


def test_ctrl_c_says_what_is_done_and_how_to_go_on(notes: Path, tmp_path: Path) -> None:
    process = stalled(1024, "embed", notes, "-o", tmp_path / "a.npy")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert err.decode() == "stopped after 1,024 of 1,200 texts; go on with --resume\n"
    assert process.returncode == 130
    assert not (tmp_path / "a.npy").exists()


def test_ctrl_c_exits_with_130_in_any_command() -> None:
    process = stalled(0, "run", "gte-small", "Hello")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 130


def test_a_run_that_failed_keeps_what_was_done(edgelet: Call, notes: Path, tmp_path: Path) -> None:
    failed = edgelet("embed", notes, "-o", "a.npy", host=FailingHost(600))
    assert failed.code == 1
    assert failed.err.startswith("error: the model broke")
    assert (tmp_path / "a.npy.part").stat().st_size == 512 * ROW_BYTES
    host = FakeHost(max_tokens=8)
    assert edgelet("embed", notes, "-o", "a.npy", "--resume", host=host).code == 0
    assert sum(map(len, host.batches)) == COUNT - 512
    edgelet("embed", notes, "-o", "b.npy", host=FakeHost(max_tokens=8))
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "gte-small"], "model was 'all-MiniLM-L6-v2' and is 'gte-small'"),
        (["--precision", "int8"], "precision was 'fp32' and is 'int8'"),
        (["--no-normalize"], "normalize was true and is false"),
        (["--max-tokens", "7"], "max_tokens was null and is 7"),
        (["--format", "csv", "--field", "word 0"], 'field was "text" and is "word 0"'),
    ],
)
def test_a_run_is_not_resumed_with_other_options(
    edgelet: Call, notes: Path, arguments: list[str], says: str
) -> None:
    edgelet("embed", notes, "-o", "a.npy", host=FailingHost(600))
    ended = edgelet("embed", notes, "-o", "a.npy", "--resume", *arguments, host=FakeHost())
    assert ended.code == 1
    assert says in ended.err
    assert "start over with --overwrite" in ended.err


def test_a_run_is_not_resumed_with_changed_or_other_inputs(
    edgelet: Call, notes: Path, tmp_path: Path
) -> None:
    edgelet("embed", notes, "-o", "a.npy", host=FailingHost(600))
    (tmp_path / "more.txt").write_text("more\n")
    other = edgelet("embed", notes, "more.txt", "-o", "a.npy", "--resume", host=FakeHost())
    assert (other.code, f"the inputs were {notes}" in other.err) == (1, True)
    with notes.open("a") as file:
        file.write("one more\n")
    changed = edgelet("embed", notes, "-o", "a.npy", "--resume", host=FakeHost())
    assert (changed.code, f"{notes} has changed since" in changed.err) == (1, True)


def test_a_description_that_cannot_be_read_is_not_guessed(
    edgelet: Call, notes: Path, tmp_path: Path
) -> None:
    edgelet("embed", notes, "-o", "a.npy", host=FailingHost(600))
    (tmp_path / "a.npy.part.json").write_text("{")
    ended = edgelet("embed", notes, "-o", "a.npy", "--resume", host=FakeHost())
    assert (ended.code, "cannot be read" in ended.err) == (1, True)


def test_overwrite_starts_over(edgelet: Call, notes: Path, tmp_path: Path) -> None:
    edgelet("embed", notes, "-o", "a.npy", host=FailingHost(600))
    host = FakeHost(max_tokens=8)
    assert edgelet("embed", notes, "-o", "a.npy", "--overwrite", host=host).code == 0
    assert sum(map(len, host.batches)) == COUNT
    assert not (tmp_path / "a.npy.part").exists()


def test_resume_with_nothing_to_resume_starts(edgelet: Call, notes: Path, tmp_path: Path) -> None:
    assert edgelet("embed", notes, "-o", "a.npy", "--resume", host=FakeHost()).code == 0
    assert (tmp_path / "a.npy").exists()


def test_a_run_that_was_killed_while_it_wrote_the_output_embeds_nothing_again(
    edgelet: Call, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", killed)
        ended = edgelet("embed", notes, "-o", "a.npy", host=FakeHost())
    assert ended.code == 130
    assert ended.err == "stopped after 1,200 of 1,200 texts; go on with --resume\n"
    assert not (tmp_path / "a.npy").exists()
    host = FakeHost()
    assert edgelet("embed", notes, "-o", "a.npy", "--resume", host=host).code == 0
    assert host.batches == []


def test_a_full_disk_is_a_sentence_and_loses_nothing(
    edgelet: Call, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = iter([journal.append])

    def append(*arguments: Any) -> None:
        block = next(blocks, None)
        if block is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        block(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("edgelet_host.cli.embed.append", append)
        ended = edgelet("embed", notes, "-o", "a.npy", host=FakeHost())
    assert ended.code == 1
    assert "a.npy: No space left on device; mend that, and run the same again" in ended.err
    resumed = edgelet("embed", notes, "-o", "a.npy", "--resume", "--json", host=FakeHost())
    assert json.loads(resumed.out)["resumed"] == 512


def test_stdin_cannot_be_resumed_and_a_stop_says_so(
    edgelet: Call, notes: Path, tmp_path: Path
) -> None:
    class InterruptedHost(FailingHost):
        async def run_model(self, effect: RunModel) -> array[float]:
            try:
                return await super().run_model(effect)
            except ModelError:
                raise KeyboardInterrupt from None

    ended = edgelet(
        "embed", "-", "-o", "a.npy", host=InterruptedHost(600), stdin=notes.read_bytes()
    )
    assert ended.code == 130
    assert ended.err == "stopped after 512 of 1,200 texts; standard input cannot be resumed\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt"]
