"""Make a thing again only when what it is made of has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_MAKERS = Path(__file__).parent


class Workshop:
    """Remembers, in the folder `notes`, what each thing was made of."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes

    def made(
        self,
        name: str,
        inputs: Iterable[Path | str],
        outputs: Sequence[Path],
        make: Callable[[], object],
    ) -> bool:
        """Call `make` unless `outputs` are as it left them when `inputs` were as they are now.

        `inputs` and `outputs` are files, or folders with all that is in them; a text stands for
        itself. The programs of this package are an input of everything. Returns whether `make` was
        called.
        """
        before = digest([*inputs, _MAKERS])
        note = self._notes / f"{name}.json"
        if _read(note) == [before, digest(outputs)]:
            return False
        make()
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps([before, digest(outputs)]), encoding="utf-8")
        return True


def digest(parts: Iterable[Path | str]) -> str:
    """One sha256 of names and contents; a file that is not there counts as such."""
    whole = hashlib.sha256()
    for part in parts:
        for piece in [part] if isinstance(part, str) else _files(part):
            whole.update(f"{piece}\n".encode())
            if isinstance(piece, Path):
                whole.update(sha256_of(piece).encode() if piece.is_file() else b"missing")
    return whole.hexdigest()


def sha256_of(file: Path) -> str:
    """The sha256 of a file, in lower-case hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts
    )


def _read(note: Path) -> object:
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
