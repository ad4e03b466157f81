"""`ModelStore`: from a model's name to a folder that is whole.

Everything blocks, and every method may be called from many threads and processes at once: what is
at hand is found without a lock, what has to be made is made by the holder of the model's lock while
the others wait for it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from edgelet.errors import ModelError, OptionError
from edgelet.models import PRECISIONS, Precision, built_in_model
from edgelet_host.store.contents import (
    Record,
    damaged_files,
    looks_whole,
    read_record,
    record_of,
    write_record,
)
from edgelet_host.store.failures import at_the_door
from edgelet_host.store.names import FolderModel, HubModel, parse_model
from edgelet_host.store.progress import Progress, Reporter
from edgelet_host.store.publishing import (
    delete,
    exclusive,
    is_hidden,
    publish,
    staging,
    sweep,
)
from edgelet_host.store.sources import Source, fetch_source, find_source, folder_source

Kind = Literal["built-in", "hub", "folder"]

_CARD = "edgelet.json"
_ARTEFACT_FILES = ("model.onnx", "model.onnx.data", "tokenizer.json", _CARD)


@dataclass(frozen=True, slots=True)
class StoredModel:
    """What the cache holds of one model.

    `model` is the name to use for it; `precisions` are those that are built; `size` is everything
    on the disk, in bytes, unfinished downloads too; `where` are its folders in the cache.
    """

    model: str
    kind: Kind
    precisions: tuple[Precision, ...]
    size: int
    where: tuple[Path, ...]


def cache_folder() -> Path:
    """The folder of the cache: `EDGELET_MODELS`, or `models` in the user's cache folder."""
    chosen = os.environ.get("EDGELET_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("edgelet") / "models"


class ModelStore:
    """The models in one cache folder, fetched and built when they are first asked for.

    `folder` is the cache (default: `cache_folder()`); `progress` is called with each `Progress`, in
    the thread that works. An exception that it raises stops the work, and nothing half-made shows.

    >>> ModelStore().artefact("gte-small", "fp32")  # doctest: +SKIP
    PosixPath('/home/me/.cache/edgelet/models/artefacts/thenlper--gte-small/fp32-1f0c…')

    All methods raise `OptionError` for a malformed name or precision, and `ModelError`, one
    sentence, for a model that cannot be found, fetched, checked, built or stored.
    """

    def __init__(
        self, folder: Path | None = None, progress: Callable[[Progress], None] | None = None
    ) -> None:
        self.folder = (folder or cache_folder()).absolute()
        self._progress = progress

    def artefact(self, model: str, precision: Precision) -> Path:
        """The folder of the artefact, fetched and built if it is not there.

        When it is there, this takes about a millisecond and touches no network: each file is looked
        at for its size only (`check` reads them). A branch of a hub model means the commit that was
        pulled last. A folder that holds an artefact is returned as it is, if its precision is the
        one asked for.
        """
        named = self._parse(model, precision)
        if isinstance(named, FolderModel) and _is_artefact(named.path):
            return _given_artefact(named, precision)
        with self._door(named):
            source = self._find(named)
            if source is not None and (ready := self._ready(named, source, precision)):
                return ready
            with self._exclusive(named) as report:
                source = self._sound_source(named, report)
                ready = self._ready(named, source, precision)
                return ready or self._build(named, source, precision, report)

    def build(self, model: str, precision: Precision) -> Path:
        """Build the artefact again, even if it is there. Its source is fetched if it is not."""
        named = self._parse(model, precision)
        if isinstance(named, FolderModel) and _is_artefact(named.path):
            raise ModelError(f"{model} is an artefact already; give a folder with source files")
        with self._door(named), self._exclusive(named) as report:
            return self._build(named, self._sound_source(named, report), precision, report)

    def pull(self, model: str) -> Path:
        """The folder of the source files, fetched if they are not there.

        A branch of a hub model is followed: the hub is asked whether it has moved. A user's folder
        is returned as it is.
        """
        named = parse_model(model)
        with self._door(named):
            if isinstance(named, FolderModel):
                return self._folder_source(named).folder
            if not named.moves and (source := self._whole(named)):
                return source.folder
            with self._exclusive(named) as report:
                source = None if named.moves else self._whole(named)
                return (source or fetch_source(self._sources(named), named, report)).folder

    def check(self, model: str) -> tuple[Path, ...]:
        """Read all that is stored of a model; return the files that are missing or changed.

        An empty answer means that all is sound. To mend: `remove` the model and ask for it again.
        """
        named = parse_model(model)
        stored = list(_published(self._homes(named)))
        if not stored:
            raise ModelError(f"nothing is stored of {model} in {self.folder}")
        with self._door(named):
            return tuple(
                path for folder, record in stored for path in damaged_files(folder, record)
            )

    def remove(self, model: str, precision: Precision | None = None) -> int:
        """Remove what is stored of a model, or its artefacts of one precision; return bytes freed.

        All its revisions go; a `@revision` in the name is refused. A user's own folder stays: only
        what was built from it goes.
        """
        named = parse_model(model)
        if precision is not None:
            _check_precision(precision)
        if isinstance(named, HubModel) and "@" in model:
            raise OptionError(
                f"remove {named.model} as a whole: a @revision cannot be removed alone"
            )
        homes = [home for home in self._homes(named) if home.is_dir()]
        freed = 0
        with self._door(named), self._exclusive(named):
            for home in homes:
                sweep(home)
                for path in list(home.iterdir()):
                    record = read_record(path)
                    if precision is None or (record and record.precision == precision):
                        freed += _size_on_disk(path)
                        delete(path)
                if not any(home.iterdir()):
                    home.rmdir()
        return freed

    def list(self) -> tuple[StoredModel, ...]:
        """What the cache holds, by name."""
        names = {
            home.name
            for room in ("sources", "artefacts")
            for home in (self.folder / room).glob("*")
            if home.is_dir() and not is_hidden(home)
        }
        found = (_stored(name, self._homes_named(name)) for name in sorted(names))
        return tuple(stored for stored in found if stored is not None)

    def _parse(self, model: str, precision: Precision) -> HubModel | FolderModel:
        _check_precision(precision)
        return parse_model(model)

    def _find(self, named: HubModel | FolderModel) -> Source | None:
        if isinstance(named, FolderModel):
            return self._folder_source(named)
        return find_source(self._sources(named), named)

    def _whole(self, hub_model: HubModel) -> Source | None:
        source = find_source(self._sources(hub_model), hub_model)
        return source if source and looks_whole(source.folder, source.record) else None

    def _sound_source(self, named: HubModel | FolderModel, report: Reporter) -> Source:
        """A source whose bytes were just checked. The caller holds the model's lock."""
        source = self._find(named)
        if isinstance(named, FolderModel):
            return source or self._folder_source(named)
        if source is not None:
            report.say("checking", f"checking the files of {named.model}")
            if not any(damaged_files(source.folder, source.record)):
                return source
            delete(source.folder)
        return fetch_source(self._sources(named), named, report)

    def _folder_source(self, named: FolderModel) -> Source:
        return folder_source(named, self._artefacts(named) / "hashes.json")

    def _ready(
        self, named: HubModel | FolderModel, source: Source, precision: Precision
    ) -> Path | None:
        folder = self._artefact_folder(named, source, precision)
        record = read_record(folder)
        return folder if record and looks_whole(folder, record) else None

    def _build(
        self, named: HubModel | FolderModel, source: Source, precision: Precision, report: Reporter
    ) -> Path:
        """Build and publish. The caller holds the model's lock."""
        from edgelet_host.builder import build_artefact

        home, final = self._artefacts(named), self._artefact_folder(named, source, precision)
        home.mkdir(parents=True, exist_ok=True)
        sweep(home)
        with staging(home) as folder:
            build_artefact(
                source.folder,
                folder,
                model=named.model,
                precision=precision,
                progress=partial(report.say, "building"),
            )
            names = [path.name for path in sorted(folder.iterdir()) if path.is_file()]
            files = record_of(folder, names)
            facts = source.record
            write_record(
                folder, Record(facts.model, facts.origin, facts.revision, files, precision)
            )
            publish(folder, final)
        return final

    def _artefact_folder(
        self, named: HubModel | FolderModel, source: Source, precision: Precision
    ) -> Path:
        """Where an artefact belongs: another source or another builder leads to another folder."""
        from edgelet_host.builder import BUILDER_VERSION

        parts = [f"builder {BUILDER_VERSION}", named.model]
        parts += [f"{file.sha256} {name}" for name, file in sorted(source.record.files.items())]
        key = hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()[:12]
        return self._artefacts(named) / f"{precision}-{key}"

    def _sources(self, named: HubModel | FolderModel) -> Path:
        return self.folder / "sources" / named.folder_name

    def _artefacts(self, named: HubModel | FolderModel) -> Path:
        return self.folder / "artefacts" / named.folder_name

    def _homes(self, named: HubModel | FolderModel) -> tuple[Path, ...]:
        return self._homes_named(named.folder_name)

    def _homes_named(self, folder_name: str) -> tuple[Path, ...]:
        return (self.folder / "sources" / folder_name, self.folder / "artefacts" / folder_name)

    @contextmanager
    def _exclusive(self, named: HubModel | FolderModel) -> Iterator[Reporter]:
        report = Reporter(named.model, self._progress)
        waiting = f"another process is at work on {named.model}; waiting for it"
        lock_file = self.folder / "locks" / f"{named.folder_name}.lock"
        with exclusive(lock_file, partial(report.say, "waiting", waiting)):
            yield report

    def _door(self, named: HubModel | FolderModel) -> AbstractContextManager[None]:
        return at_the_door(named.model, self.folder)


def _check_precision(precision: str) -> None:
    if precision not in PRECISIONS:
        raise OptionError.unknown("precision", precision, PRECISIONS)


def _is_artefact(folder: Path) -> bool:
    return (folder / _CARD).is_file()


def _given_artefact(named: FolderModel, precision: Precision) -> Path:
    from edgelet_host.builder import read_card

    for name in _ARTEFACT_FILES:
        if not (named.path / name).is_file():
            raise ModelError(f"the artefact {named.path} lacks {name}; build it again")
    card = read_card(named.path)
    if card.precision != precision:
        raise ModelError(
            f"the artefact {named.path} holds {card.precision}, but {precision} was asked for; ask "
            f"for {card.precision}, or give the folder of its source files"
        )
    return named.path


def _published(homes: tuple[Path, ...]) -> Iterator[tuple[Path, Record]]:
    """The published folders of a model, with their records."""
    for home in homes:
        for folder in sorted(home.glob("*")):
            if not is_hidden(folder) and (record := read_record(folder)):
                yield folder, record


def _stored(folder_name: str, homes: tuple[Path, ...]) -> StoredModel | None:
    """What there is of one model, or None where there is nothing worth a line."""
    records = [record for _, record in _published(homes)]
    size = sum(_size_on_disk(home) for home in homes)
    is_folder = folder_name.startswith("folder@")
    if not size or (is_folder and not records):
        return None
    built = {record.precision for record in records}
    # An unfinished download has no record yet, but its folder is named after its hub id.
    name = records[0].model if records else folder_name.replace("--", "/")
    known = built_in_model(name)
    return StoredModel(
        model=known.name if known else name,
        kind="folder" if is_folder else "built-in" if known else "hub",
        precisions=tuple(precision for precision in PRECISIONS if precision in built),
        size=size,
        where=tuple(home for home in homes if home.is_dir()),
    )


def _size_on_disk(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
