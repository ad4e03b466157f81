import contextlib
import io
import os
import sys
from pathlib import Path

import pytest

from edgelet.errors import OptionError
from edgelet_host.cli.embed_input import Format, Record, Source, all_records, open_sources


def records(path: Path, content: bytes, kind: Format, field: str = "text") -> list[Record]:
    path.write_bytes(content)
    return list(Source(path, kind, field).records())


def texts(path: Path, content: bytes, kind: Format, field: str = "text") -> list[str]:
    return [record.text for record in records(path, content, kind, field)]


def test_every_line_of_a_text_file_counts(tmp_path: Path) -> None:
    content = "\N{BYTE ORDER MARK}one\r\n\n  two \r\nthree\u2028still three\n\n".encode()
    assert texts(tmp_path / "a", content, "text") == [
        "one", "", "  two ", "three\u2028still three", "",
    ]  # fmt: skip
    assert texts(tmp_path / "a", b"no end of line", "text") == ["no end of line"]
    assert texts(tmp_path / "a", b"", "text") == []


def test_jsonl_keeps_the_whole_object_and_skips_blank_lines(tmp_path: Path) -> None:
    found = records(tmp_path / "a", b'{"id": 1, "body": "x"}\n\n {"body": "y"}', "jsonl", "body")
    assert [record.fields for record in found] == [{"id": 1, "body": "x"}, {"body": "y"}]
    assert found[1].place == f"{tmp_path / 'a'}:3"


def test_csv_cells_may_hold_separators_quotes_and_lines(tmp_path: Path) -> None:
    content = '\N{BYTE ORDER MARK}id,text\r\n1,"a, ""b""\nc"\r\n\r\n2,d\r\n'.encode()
    found = records(tmp_path / "a.csv", content, "csv")
    assert [record.text for record in found] == ['a, "b"\nc', "d"]
    assert [record.fields["id"] for record in found] == ["1", "2"]
    assert [record.place.rpartition(":")[2] for record in found] == ["2", "5"]


def test_a_tsv_file_is_separated_by_tabs(tmp_path: Path) -> None:
    assert texts(tmp_path / "a.tsv", b"id\ttext\n1\ta, b\n", "csv") == ["a, b"]


def test_a_cell_may_be_longer_than_the_csv_modules_own_limit(tmp_path: Path) -> None:
    assert texts(tmp_path / "a.csv", b"text\n" + b"x" * 200_000, "csv") == ["x" * 200_000]


@pytest.mark.parametrize(
    ("kind", "content", "line", "says"),
    [
        ("text", b"fine\nnot \xff fine\n", 2, "UTF-8, but byte 5 of the line is 0xff"),
        ("jsonl", b'{"text": "a"}\n{"text"\n', 2, "expected a JSON object, but"),
        ("jsonl", b"[1]\n", 1, "expected a JSON object, got list"),
        ("jsonl", b'{"a": 1, "b": 2}\n', 1, "expected the field 'text', found 'a', 'b'"),
        ("jsonl", b"{}\n", 1, "found nothing"),
        ("jsonl", b'{"text": null}\n', 1, "expected a string in 'text', got NoneType"),
        ("jsonl", b"[" * 100_000, 1, "expected a JSON object, but"),
        ("csv", b"id,title\n1,2\n", 1, "expected the column 'text', found 'id', 'title'"),
        ("csv", b"text,id,text\n", 1, "found twice: 'text'"),
        ("csv", b"text,id\na,1\nb\n", 3, "expected 2 cells, got 1"),
        ("csv", b'text\na\n"b\n', 3, "expected CSV, but"),
        ("csv", b"text\n\xe9\n", 2, "UTF-8"),
        ("csv", b"", 1, "expected a row of column names, got nothing"),
    ],
)
def test_a_bad_line_is_named_with_what_was_expected(
    tmp_path: Path, kind: Format, content: bytes, line: int, says: str
) -> None:
    with pytest.raises(OptionError) as error:
        records(tmp_path / "bad", content, kind)
    assert str(error.value).startswith(f"{tmp_path / 'bad'}:{line}: ")
    assert says in str(error.value)


def test_the_ending_tells_the_format_unless_one_is_given(tmp_path: Path) -> None:
    names = ["a.txt", "a.md", "a.JSONL", "a.ndjson", "a.csv", "a.tsv"]
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.touch()
    with open_sources(paths, None, "text", tmp_path) as sources:
        assert [source.format for source in sources] == [
            "text", "text", "jsonl", "jsonl", "csv", "csv",
        ]  # fmt: skip
    with open_sources(paths, "jsonl", "text", tmp_path) as sources:
        assert {source.format for source in sources} == {"jsonl"}


def test_stdin_and_pipes_can_be_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped\n")
    os.close(writing)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"typed\n")))
    with contextlib.closing(os.fdopen(reading)):
        paths = [Path("-"), Path(f"/dev/fd/{reading}")]
        with open_sources(paths, None, "text", tmp_path) as sources:
            for _ in range(2):
                assert [record.text for record in all_records(sources)] == ["typed", "piped"]
            assert next(sources[0].records()).place == "standard input:1"
    assert list(tmp_path.iterdir()) == []
