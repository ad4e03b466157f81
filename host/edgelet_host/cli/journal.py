"""Keeps the finished rows of `edgelet embed` while it runs, so that no stop loses them.

Beside the output `OUT` lie, until it is complete:

    OUT.part        one row a text, in order: the vector and one number more, 1 if the text was cut
                    and else 0; all float32, native byte order
    OUT.part.json   what the rows are of: model, options, inputs; written before the first row
    OUT.part.lock   held while a process is at work

A row torn by a kill is dropped when the rows are opened again. Knows files and rows; nothing of
models, inputs or formats.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from edgelet.errors import EdgeletError

FORMAT = 1
_FLOAT_BYTES = 4
_ROWS_READ = 256


@dataclass(frozen=True, slots=True)
class Description:
    """What the rows of a journal are of.

    `dimensions` is the length of a vector; `options` are those that change vectors or texts;
    `inputs` hold path, size in bytes, and mtime_ns of each input.
    """

    model: str
    precision: str
    dimensions: int
    options: Mapping[str, Any]
    inputs: Sequence[Mapping[str, Any]]
    format: int = FORMAT

    def differences(self, now: Description) -> list[str]:
        """What is not as it was, as halves of a sentence; empty if rows may be added."""
        found = [
            f"{name} was {before!r} and is {after!r}"
            for name in ("format", "model", "precision", "dimensions")
            if (before := getattr(self, name)) != (after := getattr(now, name))
        ]
        for name in {**self.options, **now.options}:
            before, after = self.options.get(name), now.options.get(name)
            if before != after:
                found.append(f"{name} was {json.dumps(before)} and is {json.dumps(after)}")
        then = {entry["path"]: entry for entry in self.inputs}
        if list(then) != [entry["path"] for entry in now.inputs]:
            found.append(f"the inputs were {', '.join(then)}")
        else:
            changed = [entry["path"] for entry in now.inputs if then[entry["path"]] != entry]
            found += [f"{path} has changed since" for path in changed]
        return found


class Journal:
    """The rows of one output file on their way."""

    def __init__(self, output: Path) -> None:
        self.path = output.with_name(output.name + ".part")
        self._description_path = output.with_name(output.name + ".part.json")
        self._lock_path = output.with_name(output.name + ".part.lock")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes away. Raises `EdgeletError` if one is at work."""
        lock = FileLock(self._lock_path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise EdgeletError(
                f"another edgelet is writing {self.path}; wait for it, or stop it"
            ) from None
        try:
            yield
        finally:
            lock.release()
            with suppress(OSError):
                self._lock_path.unlink()

    def exists(self) -> bool:
        """Whether a stopped run left rows, or at least their description."""
        return self._description_path.exists() or self.path.exists()

    def description(self) -> Description | None:
        """What a stopped run wrote of its rows; None if it cannot be read."""
        try:
            return Description(**json.loads(self._description_path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def row_count(self, dimensions: int) -> int:
        """The number of whole rows."""
        if not self.path.exists():
            return 0
        return self.path.stat().st_size // _row_bytes(dimensions)

    def begin(self, description: Description) -> None:
        """Start an empty journal, in place of one that is there."""
        self.path.unlink(missing_ok=True)
        fresh = self._description_path.with_name(self._description_path.name + ".new")
        fresh.write_text(json.dumps(asdict(description), indent=2) + "\n", encoding="utf-8")
        fresh.replace(self._description_path)

    @contextmanager
    def appending(self, dimensions: int) -> Iterator[IO[bytes]]:
        """The file of rows, open at its end, after a torn last row has been dropped."""
        with self.path.open("ab") as rows:
            rows.truncate(self.row_count(dimensions) * _row_bytes(dimensions))
            yield rows

    def rows(self, dimensions: int) -> Iterator[tuple[array[float], bool]]:
        """Every vector, and whether its text was cut."""
        width = dimensions + 1
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            while data := stream.read(_row_bytes(dimensions) * _ROWS_READ):
                values = array("f", data)
                for start in range(0, len(values), width):
                    row = values[start : start + width]
                    was_cut = bool(row.pop())
                    yield row, was_cut

    def remove(self) -> None:
        """Remove rows and description: the output is complete, or they are of no use."""
        self.path.unlink(missing_ok=True)
        self._description_path.unlink(missing_ok=True)


def append(
    rows: IO[bytes], vectors: array[float], dimensions: int, cut: Sequence[int], count: int
) -> None:
    """Append `count` rows: their vectors, one after another; `cut` lists the texts cut short."""
    marks = [0.0] * count
    for index in cut:
        marks[index] = 1.0
    block = array("f")
    for index, mark in enumerate(marks):
        block.extend(vectors[index * dimensions : (index + 1) * dimensions])
        block.append(mark)
    rows.write(block)
    rows.flush()


def _row_bytes(dimensions: int) -> int:
    return (dimensions + 1) * _FLOAT_BYTES
