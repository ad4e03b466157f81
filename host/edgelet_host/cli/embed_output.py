"""Writes texts and their vectors to a file: JSONL, NumPy's `.npy`, or Parquet.

Every writer streams: it reads records and vectors side by side and keeps one block of them at most.
Knows formats; nothing of models, of journals, or of how a file is put in its place.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeVar

import typer

from edgelet.errors import EdgeletError
from edgelet_host.cli.console import json_text
from edgelet_host.cli.embed_input import Record
from edgelet_host.cli.vectors import json_vector

T = TypeVar("T")

Rows: TypeAlias = Iterable[tuple[Record, "array[float]"]]
"""Records with their vectors, in order."""

EMBEDDING = "embedding"
"""The field that holds the vector; a field of that name in the input is replaced."""

_BLOCK = 1024


class Writer:
    """Writes one format. `check` comes first, before anything is embedded."""

    def check(self, records: Iterable[Record]) -> int:
        """Read all records, refuse those that could not be written, and return their number."""
        return sum(1 for _ in records)

    def write(self, file: IO[bytes], rows: Rows, count: int, dimensions: int) -> None:
        """Write `count` rows into a binary file, with vectors of length `dimensions`."""
        raise NotImplementedError


def writer_for(output: Path) -> Writer:
    """The writer that the ending of `output` asks for.

    Raises `typer.BadParameter` for another ending, `EdgeletError` if a library is missing.
    """
    match output.suffix.lower():
        case ".jsonl":
            return JsonlWriter()
        case ".npy":
            return NpyWriter()
        case ".parquet":
            return ParquetWriter()
    raise typer.BadParameter(
        f"{str(output)!r} must end in .jsonl, .npy or .parquet", param_hint="--output"
    )


class JsonlWriter(Writer):
    """A line an object: the input's own fields, then "embedding"."""

    def write(self, file: IO[bytes], rows: Rows, count: int, dimensions: int) -> None:
        """See `Writer.write`."""
        del count, dimensions
        for record, vector in rows:
            kept = {name: value for name, value in record.fields.items() if name != EMBEDDING}
            own = json_text(kept)
            comma = ", " if kept else ""
            line = f'{own[:-1]}{comma}"{EMBEDDING}": {json_vector(vector)}}}\n'
            file.write(line.encode())


class NpyWriter(Writer):
    """A float32 array of shape [count, dimensions], without the texts."""

    def write(self, file: IO[bytes], rows: Rows, count: int, dimensions: int) -> None:
        """See `Writer.write`."""
        import numpy as np
        from numpy.lib.format import write_array_header_1_0

        header = {"descr": np.dtype("f4").str, "fortran_order": False, "shape": (count, dimensions)}
        write_array_header_1_0(file, header)
        for _, vector in rows:
            file.write(vector)


class ParquetWriter(Writer):
    """The input's fields as columns, and "embedding" as a list of float32 of fixed size.

    A column's type is the one that fits all rows; a field that a row lacks is null there.
    """

    def __init__(self) -> None:
        self._arrow, self._parquet = _import_parquet()
        self._schema = self._arrow.schema([])

    def check(self, records: Iterable[Record]) -> int:
        """See `Writer.check`. Raises `EdgeletError` where rows fit into no common columns."""
        count = 0
        with self._misfits():
            for block in _blocks(records):
                count += len(block)
                names = dict.fromkeys(name for record in block for name in record.fields)
                types = {name: _column(self._arrow, block, name).type for name in names}
                types.pop(EMBEDDING, None)
                self._schema = self._arrow.unify_schemas(
                    [self._schema, self._arrow.schema(types.items())], promote_options="permissive"
                )
            with self._parquet.ParquetWriter(self._arrow.BufferOutputStream(), self._schema):
                pass  # Parquet itself refuses some types, such as a struct without fields
        return count

    def write(self, file: IO[bytes], rows: Rows, count: int, dimensions: int) -> None:
        """See `Writer.write`."""
        del count
        embedding = self._arrow.list_(self._arrow.float32(), dimensions)
        schema = self._schema.append(self._arrow.field(EMBEDDING, embedding))
        with self._misfits(), self._parquet.ParquetWriter(file, schema) as writer:
            for block in _blocks(rows):
                records = [record for record, _ in block]
                columns = [
                    _column(self._arrow, records, field.name, field.type) for field in self._schema
                ]
                values = array("f")
                for _, vector in block:
                    values.extend(vector)
                flat = self._arrow.Array.from_buffers(
                    self._arrow.float32(), len(values), [None, self._arrow.py_buffer(values)]
                )
                vectors = self._arrow.FixedSizeListArray.from_arrays(flat, dimensions)
                writer.write_table(self._arrow.table([*columns, vectors], schema=schema))

    @contextmanager
    def _misfits(self) -> Iterator[None]:
        try:
            yield
        except (self._arrow.ArrowException, UnicodeEncodeError, OverflowError) as error:
            reason = str(error).partition("\n")[0]
            raise EdgeletError(
                f"the input's fields do not fit into Parquet columns ({reason}); write .jsonl "
                f"instead"
            ) from None


def _column(arrow: Any, records: list[Record], name: str, type: Any = None) -> Any:
    return arrow.array([record.fields.get(name) for record in records], type)


def _blocks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while block := list(islice(iterator, _BLOCK)):
        yield block


def _import_parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise EdgeletError(
            "writing .parquet needs pyarrow; run: pip install 'edgelet[parquet]'"
        ) from None
    return pyarrow, parquet
