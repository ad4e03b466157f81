import json
import sys
from array import array
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from edgelet.testing import FakeHost
from edgelet_host.cli.journal import Journal
from tests.cli.conftest import Call
from tests.cli.processes import run

TEXTS = ["the cat", "", "a much longer text about a cat", "the cat"]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text("".join(text + "\n" for text in TEXTS))
    return path


def vectors_of(edgelet: Call, texts: list[str]) -> list[list[float]]:
    return [json.loads(edgelet("run", "gte-small", text, host=FakeHost()).out) for text in texts]


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name)


def test_npy_holds_a_row_for_every_line(edgelet: Call, notes: Path, tmp_path: Path) -> None:
    ended = edgelet("embed", notes, "-o", "notes.npy", host=FakeHost())
    loaded = np.load(tmp_path / "notes.npy")
    assert (loaded.shape, loaded.dtype) == ((4, 8), np.float32)
    assert np.array_equal(loaded, np.array(vectors_of(edgelet, TEXTS), np.float32))
    assert ended.code == 0
    assert ended.out == ""
    assert ended.err.startswith("notes.npy: 4 texts, 8 dimensions, ")
    assert leftovers(tmp_path) == []


def test_jsonl_holds_text_and_embedding(edgelet: Call, notes: Path, tmp_path: Path) -> None:
    edgelet("embed", notes, "-o", "notes.jsonl", host=FakeHost())
    rows = [json.loads(line) for line in (tmp_path / "notes.jsonl").read_text().splitlines()]
    assert [list(row) for row in rows] == [["text", "embedding"]] * 4
    assert [row["text"] for row in rows] == TEXTS
    assert [row["embedding"] for row in rows] == vectors_of(edgelet, TEXTS)


def test_jsonl_keeps_the_fields_of_the_input(edgelet: Call, tmp_path: Path) -> None:
    given: list[dict[str, object]] = [
        {"id": 1, "body": "é \ud800", "tags": ["a", None], "embedding": "old"},
        {"body": "", "big": 12345678901234567890},
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, given)))
    edgelet("embed", "in.jsonl", "--field", "body", "-o", "out.jsonl", host=FakeHost())
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    for row, original in zip(rows, given, strict=True):
        assert len(row.pop("embedding")) == 8
        original.pop("embedding", None)
        assert row == original


def test_several_files_of_several_kinds_become_one(edgelet: Call, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.csv").write_text("id,text\n7,two\n")
    ended = edgelet(
        "embed", "a.txt", "b.csv", "-", "-o", "out.jsonl", host=FakeHost(), stdin=b"three"
    )
    assert ended.code == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ["one", "two", "three"]
    assert rows[1]["id"] == "7"


def test_parquet_has_the_fields_and_a_fixed_size_list(edgelet: Call, tmp_path: Path) -> None:
    lines = [{"text": "one", "n": 1}, {"text": "two", "n": 2.5, "more": {"a": [1]}}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    ended = edgelet("embed", "in.jsonl", "-o", "out.parquet", host=FakeHost())
    assert ended.code == 0, ended.err
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["text", "n", "more", "embedding"]
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[8]"
    assert table["n"].to_pylist() == [1.0, 2.5]
    assert table["more"].to_pylist() == [None, {"a": [1]}]
    vectors = vectors_of(edgelet, ["one", "two"])
    assert table["embedding"].to_pylist() == [array("f", vector).tolist() for vector in vectors]


def test_parquet_finds_types_that_fit_rows_far_apart(edgelet: Call, tmp_path: Path) -> None:
    rows = [{"text": "x", "n": None}] * 1500 + [{"text": "x", "n": 3, "late": True}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    edgelet("embed", "in.jsonl", "-o", "out.parquet", host=FakeHost())
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table["n"].to_pylist()[-2:] == [None, 3]
    assert table["late"].to_pylist()[-2:] == [None, True]


@pytest.mark.parametrize("bad", [{"n": "three"}, {"n": {}}, {"n": "\ud800"}, {"n": 2**70}])
def test_fields_that_parquet_cannot_hold_are_refused_before_anything_is_embedded(
    edgelet: Call, tmp_path: Path, bad: dict[str, object]
) -> None:
    rows = [{"text": "x", "n": 3 if bad["n"] == "three" else bad["n"]}, {"text": "x", **bad}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    host = FakeHost()
    ended = edgelet("embed", "in.jsonl", "-o", "out.parquet", host=host)
    assert ended.code == 1
    assert "write .jsonl instead" in ended.err
    assert host.opened == []


def test_parquet_without_pyarrow_says_what_to_install(
    edgelet: Call, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ended = edgelet("embed", notes, "-o", "out.parquet", host=FakeHost())
    assert ended.code == 1
    assert "pip install 'edgelet[parquet]'" in ended.err


@pytest.mark.parametrize("ending", ["npy", "jsonl", "parquet"])
def test_no_texts_give_an_output_without_rows(edgelet: Call, tmp_path: Path, ending: str) -> None:
    (tmp_path / "empty.txt").touch()
    assert edgelet("embed", "empty.txt", "-o", f"out.{ending}", host=FakeHost()).code == 0
    if ending == "npy":
        assert np.load(tmp_path / "out.npy").shape == (0, 8)
    if ending == "parquet":
        assert parquet.read_table(tmp_path / "out.parquet").num_rows == 0


def test_the_summary_is_json_on_demand_and_counts_what_was_cut(edgelet: Call, notes: Path) -> None:
    ended = edgelet(
        "embed", notes, "-o", "notes.npy", "--json", "--max-tokens", "4", host=FakeHost()
    )
    summary = json.loads(ended.out)
    assert summary["texts"] == 4
    assert summary["truncated"] == 1
    assert summary["output"] == "notes.npy"
    assert summary["seconds"] > 0
    assert summary["texts_per_second"] > 0
    assert ended.err == ""


def test_cut_texts_are_never_cut_silently(edgelet: Call, notes: Path) -> None:
    ended = edgelet("embed", notes, "-o", "notes.npy", host=FakeHost(max_tokens=4))
    assert "1 texts were longer than 4 tokens and were cut" in ended.err


def test_no_truncate_names_the_line_that_is_too_long(edgelet: Call, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\n" * 700 + "a b c d e f\n")
    ended = edgelet(
        "embed", "a.txt", "-o", "a.npy", "--no-truncate", "--max-tokens", "4", host=FakeHost()
    )
    assert ended.code == 1
    assert ended.err.startswith("error: a.txt:701: the text is longer than 4 tokens")


def test_quiet_says_nothing(edgelet: Call, notes: Path) -> None:
    ended = edgelet("embed", notes, "-o", "notes.npy", "--quiet", host=FakeHost())
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_the_model_and_the_options_are_passed_on(
    edgelet: Call, notes: Path, tmp_path: Path
) -> None:
    host = FakeHost()
    edgelet("embed", notes, "-o", "a.npy", "--model", "gte-small", "--no-normalize", host=host)
    edgelet("embed", notes, "-o", "b.npy", host=host)
    assert dict.fromkeys(host.opened) == dict.fromkeys(["gte-small", "all-MiniLM-L6-v2"])
    lengths = np.linalg.norm(np.load(tmp_path / "a.npy"), axis=1)
    assert not np.allclose(lengths, 1.0)


def test_a_bad_line_is_found_before_anything_is_embedded(edgelet: Call, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n' * 2000 + "oops\n")
    host = FakeHost()
    ended = edgelet("embed", "a.jsonl", "-o", "a.npy", host=host)
    assert ended.code == 1
    assert ended.err.startswith("error: a.jsonl:2001: expected a JSON object")
    assert host.batches == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.txt", "-o", "a.npy"],
        [".", "-o", "a.npy"],
        ["notes.txt", "-o", "a.txt"],
        ["notes.txt", "-o", "folder.npy"],
        ["notes.txt", "-o", "nowhere/a.npy"],
        ["rows.jsonl", "-o", "rows.jsonl", "--overwrite"],
        ["-", "-", "-o", "a.npy"],
        ["-", "-o", "a.npy", "--resume"],
        ["notes.txt"],
    ],
)
def test_bad_file_names_are_usage_errors_and_found_first(
    edgelet: Call, notes: Path, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "rows.jsonl").write_text('{"text": "x"}\n')
    host = FakeHost()
    assert edgelet("embed", *arguments, host=host).code == 2
    assert host.opened == []


def test_an_output_that_exists_is_replaced_only_on_demand(
    edgelet: Call, notes: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.npy").write_text("precious")
    for more in ([], ["--resume"]):
        refused = edgelet("embed", notes, "-o", "notes.npy", *more, host=FakeHost())
        assert refused.code == 1
        assert "--overwrite" in refused.err
        assert (tmp_path / "notes.npy").read_text() == "precious"
    assert edgelet("embed", notes, "-o", "notes.npy", "--overwrite", host=FakeHost()).code == 0
    assert np.load(tmp_path / "notes.npy").shape == (4, 8)


def test_an_output_stays_untouched_while_another_run_of_it_fails(
    edgelet: Call, notes: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.npy").write_text("precious")
    ended = edgelet(
        "embed", notes, "-o", "notes.npy", "--overwrite", "--model", "./missing", host=FakeHost()
    )
    assert ended.code == 1
    assert (tmp_path / "notes.npy").read_text() == "precious"


def test_two_processes_do_not_write_the_same_output(
    edgelet: Call, notes: Path, tmp_path: Path
) -> None:
    with Journal(tmp_path / "notes.npy").locked():
        ended = edgelet("embed", notes, "-o", "notes.npy", host=FakeHost())
    assert ended.code == 1
    assert "another edgelet" in ended.err
    assert edgelet("embed", notes, "-o", "notes.npy", host=FakeHost()).code == 0


def test_an_input_that_changes_meanwhile_is_noticed(
    edgelet: Call, notes: Path, tmp_path: Path
) -> None:
    class WritingHost(FakeHost):
        async def run_model(self, effect):  # type: ignore[no-untyped-def]
            with notes.open("a") as file:
                file.write("more\n")
            return await super().run_model(effect)

    ended = edgelet("embed", notes, "-o", "notes.npy", host=WritingHost())
    assert ended.code == 1
    assert "changed while it was being read" in ended.err
    assert not (tmp_path / "notes.npy").exists()


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    script = """
import resource, sys
from array import array
from edgelet.testing import FakeHost
from edgelet_host.cli import main

class ZeroHost(FakeHost):
    async def run_model(self, effect):
        return array("f", bytes(4 * 512 * len(effect.lengths)))

try:
    main(sys.argv[1:], host=ZeroHost(dimensions=512))
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    megabytes = []
    for count in (1_000, 16_000):
        (tmp_path / "many.txt").write_text("a b\n" * count)
        out = tmp_path / f"{count}.npy"
        ended = run([sys.executable, "-c", script], "embed", tmp_path / "many.txt", "-o", out, "-q")
        megabytes.append(int(ended.out))
    assert out.stat().st_size > 30_000_000
    assert megabytes[1] - megabytes[0] < 10
