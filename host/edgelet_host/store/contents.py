"""Which files make a model, and what is known of each: its size and its hashes.

A *record* (`edgelet-files.json`) lies in every folder that the store publishes and tells the size
and sha256 of each file, so that what is there can be checked cheaply on every open and thoroughly
when asked. Nothing here fetches or publishes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RECORD = "edgelet-files.json"

WEIGHTS = "model.safetensors"
REQUIRED_FILES = ("config.json", "tokenizer.json")
OPTIONAL_FILES = (
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "modules.json",
    "1_Pooling/config.json",
)
ONNX_GRAPHS = ("onnx/model.onnx", "model.onnx")
_EXTERNAL_DATA = ("_data", ".data")


class MissingFiles(Exception):
    """A folder or repository that lacks a file that every model needs. The message names it."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """The size in bytes and the sha256, in lower-case hexadecimal, of one file."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a published folder says of itself.

    `model` is the canonical name; `origin` says, for a person, where the files came from;
    `revision` is the source's folder name; `precision` is empty for a source; `files` is keyed by
    path relative to the folder, with `/`.
    """

    model: str
    origin: str
    revision: str
    files: Mapping[str, FileRecord]
    precision: str = ""

    @property
    def size(self) -> int:
        """All files together, in bytes."""
        return sum(file.size for file in self.files.values())


def choose_files(available: Collection[str]) -> tuple[str, ...]:
    """The files of a repository, by path, that the builder needs: the weights come last.

    >>> choose_files({"README.md", "config.json", "tokenizer.json", "model.safetensors"})
    ('config.json', 'tokenizer.json', 'model.safetensors')

    Raises `MissingFiles`.
    """
    for name in REQUIRED_FILES:
        if name not in available:
            raise MissingFiles(f"there is no {name}")
    small = [name for name in (*REQUIRED_FILES, *OPTIONAL_FILES) if name in available]
    return (*small, *_weights(available))


def record_of(folder: Path, names: Collection[str]) -> dict[str, FileRecord]:
    """Size and sha256 of the named files, read from the disk."""
    return {
        name: FileRecord((folder / name).stat().st_size, sha256_of(folder / name)) for name in names
    }


def sha256_of(file: Path) -> str:
    """The sha256 of a file, in lower-case hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def git_blob_sha1_of(file: Path) -> str:
    """The id that git gives a file's contents: the hub's ETag of files that are not in LFS."""
    digest = hashlib.sha1(b"blob %d\0" % file.stat().st_size, usedforsecurity=False)
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def write_record(folder: Path, record: Record) -> None:
    """Put the record into a folder that is not published yet."""
    text = json.dumps(asdict(record), indent=2) + "\n"
    (folder / RECORD).write_text(text, encoding="utf-8")


def read_record(folder: Path) -> Record | None:
    """The record of a published folder, or None where there is none that can be read."""
    try:
        facts: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        files = {name: FileRecord(**file) for name, file in facts.pop("files").items()}
        return Record(files=files, **facts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def looks_whole(folder: Path, record: Record) -> bool:
    """Whether every file is there with its size. Cheap: no file is read."""
    try:
        return all(
            (folder / name).stat().st_size == file.size for name, file in record.files.items()
        )
    except OSError:
        return False


def damaged_files(folder: Path, record: Record) -> Iterator[Path]:
    """The files that are missing, or differ from the record. Reads every byte."""
    for name, file in record.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != file.size or sha256_of(path) != file.sha256:
            yield path


def _weights(available: Collection[str]) -> Iterator[str]:
    if WEIGHTS in available:
        yield WEIGHTS
        return
    graph = next((name for name in ONNX_GRAPHS if name in available), None)
    if graph is None:
        raise MissingFiles(f"there is neither {WEIGHTS} nor {' nor '.join(ONNX_GRAPHS)}")
    yield from (graph + ending for ending in _EXTERNAL_DATA if graph + ending in available)
    yield graph
