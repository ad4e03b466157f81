"""Reads texts from files: lines of text, JSONL, and CSV or TSV, one record at a time.

A source can be read again and again, always the same: once to count and check it, once to embed,
once to write. What cannot be read twice (stdin, a pipe) is copied to a temporary file first.
"""

from __future__ import annotations

import csv
import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any, Literal, TypeAlias

from edgelet.errors import OptionError

Format: TypeAlias = Literal["text", "jsonl", "csv"]

STDIN = Path("-")
_ENDINGS: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv"}
_BOM = b"\xef\xbb\xbf"
_LONGEST_CELL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Record:
    """One text, all fields of the object or row it came from, and its place: `file:line`."""

    text: str
    fields: dict[str, Any]
    place: str


@dataclass(frozen=True, slots=True)
class Source:
    """One input. `copy` holds the bytes of what cannot be read twice."""

    path: Path
    format: Format
    field: str
    copy: IO[bytes] | None = None

    @property
    def name(self) -> str:
        """What an error calls it."""
        return "standard input" if self.path == STDIN else str(self.path)

    @property
    def separator(self) -> str:
        """What stands between the cells of a row."""
        return "\t" if self.path.suffix.lower() == ".tsv" else ","

    def identity(self) -> dict[str, Any]:
        """What tells whether the input is still the same one."""
        if self.copy is not None:
            return {"path": self.name, "size": os.fstat(self.copy.fileno()).st_size, "mtime_ns": 0}
        found = self.path.stat()
        path = str(self.path.absolute())
        return {"path": path, "size": found.st_size, "mtime_ns": found.st_mtime_ns}

    def records(self) -> Iterator[Record]:
        """All records, from the first.

        Raises `OptionError`, naming file and line, where something else stands than was expected.
        """
        match self.format:
            case "text":
                return _text_records(self)
            case "jsonl":
                return _jsonl_records(self)
            case "csv":
                return _csv_records(self)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The bytes, from the first."""
        if self.copy is None:
            with self.path.open("rb") as stream:
                yield stream
        else:
            self.copy.seek(0)
            yield self.copy


def can_be_read_again(path: Path) -> bool:
    """Whether this is an ordinary file."""
    return path != STDIN and stat.S_ISREG(path.stat().st_mode)


@contextmanager
def open_sources(
    files: Sequence[Path], format: Format | None, field: str, folder: Path
) -> Iterator[tuple[Source, ...]]:
    """The sources of these files; copies are made in `folder` and vanish with the context."""
    with ExitStack() as copies:
        sources = []
        for path in files:
            copy = None
            if not can_be_read_again(path):
                copy = copies.enter_context(TemporaryFile(dir=folder))
                with ExitStack() as opened:
                    stream = (
                        sys.stdin.buffer if path == STDIN else opened.enter_context(path.open("rb"))
                    )
                    copyfileobj(stream, copy)
            named = _ENDINGS.get(path.suffix.lower(), "text")
            sources.append(Source(path, format or named, field, copy))
        yield tuple(sources)


def all_records(sources: Sequence[Source]) -> Iterator[Record]:
    """The records of all sources, one source after another."""
    for source in sources:
        yield from source.records()


def _text_records(source: Source) -> Iterator[Record]:
    """Every line counts, an empty one too."""
    name = source.name
    for number, line in _lines(source):
        text = line.removesuffix("\n").removesuffix("\r")
        yield Record(text, {"text": text}, f"{name}:{number}")


def _jsonl_records(source: Source) -> Iterator[Record]:
    """Blank lines are skipped, as https://github.com/ndjson/ndjson-spec allows."""
    name = source.name
    for number, line in _lines(source):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"{place}: expected a JSON object, but {error}") from None
        if not isinstance(fields, dict):
            kind = type(fields).__name__
            raise OptionError(f"{place}: expected a JSON object, got {kind}")
        if source.field not in fields:
            raise OptionError(_no_field(place, "field", source.field, fields))
        text = fields[source.field]
        if not isinstance(text, str):
            kind = type(text).__name__
            raise OptionError(f"{place}: expected a string in {source.field!r}, got {kind}")
        yield Record(text, fields, place)


def _csv_records(source: Source) -> Iterator[Record]:
    """The first row names the columns; a quoted cell may hold line breaks (RFC 4180)."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = (line for _, line in _lines(source))
    reader = csv.reader(lines, delimiter=source.separator, strict=True)
    columns: list[str] | None = None
    name, start = source.name, 1
    try:
        for row in reader:
            place, start = f"{name}:{start}", reader.line_num + 1
            if not row:
                continue
            if columns is None:
                columns = _checked_columns(row, source, place)
            elif len(row) != len(columns):
                raise OptionError(f"{place}: expected {len(columns)} cells, got {len(row)}")
            else:
                fields = dict(zip(columns, row, strict=True))
                yield Record(fields[source.field], fields, place)
    except csv.Error as error:
        raise OptionError(f"{name}:{start}: expected CSV, but {error}") from None
    if columns is None:
        raise OptionError(f"{name}:1: expected a row of column names, got nothing")


def _checked_columns(columns: list[str], source: Source, place: str) -> list[str]:
    if source.field not in columns:
        raise OptionError(_no_field(place, "column", source.field, columns))
    twice = {column for column in columns if columns.count(column) > 1}
    if twice:
        names = ", ".join(map(repr, sorted(twice)))
        raise OptionError(f"{place}: expected every column once, but found twice: {names}")
    return columns


def _no_field(place: str, what: str, field: str, found: Sequence[str] | dict[str, Any]) -> str:
    names = ", ".join(map(repr, list(found)[:10])) or "nothing"
    return f"{place}: expected the {what} {field!r}, found {names}; name another with --field"


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    """Numbered lines with their ends. Only LF ends a line: others may stand within a text."""
    with source.open() as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield number, (line.removeprefix(_BOM) if number == 1 else line).decode()
            except UnicodeDecodeError as error:
                raise OptionError(
                    f"{source.name}:{number}: expected UTF-8, but byte {error.start + 1} of the "
                    f"line is 0x{line[error.start]:02x}"
                ) from None
