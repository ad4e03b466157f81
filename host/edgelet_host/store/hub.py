"""Files of a model from a Hugging Face hub: which there are, and every byte of them, checked.

The hub states for each file its size and a hash: the sha256 of files in LFS, the git blob id of the
others. A transfer that breaks is continued where it stopped, in this process or in a later one; a
file that is not what was stated is deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from edgelet.errors import ModelError
from edgelet_host.store.contents import (
    WEIGHTS,
    MissingFiles,
    choose_files,
    git_blob_sha1_of,
    sha256_of,
)
from edgelet_host.store.failures import SourceUnavailable, mismatch
from edgelet_host.store.hub_client import Hub, Unreachable
from edgelet_host.store.names import HubModel, is_commit

if TYPE_CHECKING:
    from edgelet_host.store.progress import Reporter

_BARREN_ATTEMPTS = 2
"""A broken transfer is continued as long as it gains bytes, and given up after so many attempts
that gained none."""
_MOST_ATTEMPTS = 50
"""And after so many in all, against a server that gives a byte at a time."""
_LONGEST_LIST = 64 << 20
"""The most bytes read of a list of files: repositories with thousands of files stay far below."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on a hub: its path, its size in bytes, and the one hash that is stated for it."""

    path: str
    size: int
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit of a model on a hub, and the files of it that the builder needs."""

    hub: Hub
    model: HubModel
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def about(self) -> str:
        """What it is called in sentences."""
        return _about(self.model)

    def path_of(self, file: str) -> str:
        """Where a file of it lies on the hub."""
        return f"{self.model.repository}/resolve/{self.commit}/{quote(file)}"


def look_up(hub: Hub, model: HubModel) -> Snapshot:
    """The snapshot that the model's revision means now.

    Raises `SourceUnavailable`, or `ModelError` when the hub's weights are not the pinned ones.
    """
    facts = _model_facts(hub, model)
    # The commit becomes a folder's name, so it must be nothing else.
    commit = str(facts.get("sha"))
    if not is_commit(commit) or (is_commit(model.revision) and commit != model.revision):
        raise SourceUnavailable(
            f"{hub.name} answered for {_about(model)} with the commit {commit!r}",
            "set HF_ENDPOINT to a hub that keeps revisions, or give a folder",
        )
    siblings = {str(sibling["rfilename"]): sibling for sibling in facts.get("siblings") or ()}
    try:
        chosen = choose_files(siblings)
    except MissingFiles as missing:
        raise SourceUnavailable(
            f"{missing} in {_about(model)} on {hub.name}",
            "use a model that has one, or give a folder",
        ) from missing
    bare = Snapshot(hub, model, commit, ())
    files = [_stated(path, siblings[path]) or _ask_for_facts(bare, path) for path in chosen]
    return replace(bare, files=tuple(_pinned(file, model, hub.name) for file in files))


def fetch_file(snapshot: Snapshot, file: RemoteFile, folder: Path, report: Reporter) -> None:
    """Bring one file into `folder`, continuing what is there of it, and check it.

    Raises `SourceUnavailable` and keeps what has arrived, or `ModelError` if the file is not what
    the hub stated, and deletes it.
    """
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch()
    barren = attempts = 0
    while (before := target.stat().st_size) < file.size:
        try:
            _transfer(snapshot, file, target, report)
            failure = Unreachable(f"{snapshot.hub.name} sent too little", "try again")
        except Unreachable as unreachable:
            failure = unreachable
        have = target.stat().st_size
        attempts += 1
        barren = 0 if have > before else barren + 1
        if barren == _BARREN_ATTEMPTS or attempts == _MOST_ATTEMPTS:
            raise SourceUnavailable(
                f"{file.path} stopped at {have:,} of {file.size:,} bytes: {failure.why}",
                "try again to fetch the rest, set HF_ENDPOINT to another hub, or give a folder",
            ) from failure
    report.bytes_done("checking", file.path, file.size, file.size)
    _check(file, target, snapshot)


def _transfer(snapshot: Snapshot, file: RemoteFile, target: Path, report: Reporter) -> None:
    """One attempt: append to `target` what is missing of it, as far as it comes."""
    done = target.stat().st_size
    with snapshot.hub.ask(
        "GET",
        snapshot.path_of(file.path),
        about=snapshot.about,
        headers={"Range": f"bytes={done}-"} if done else {},
        read_timeout=snapshot.hub.read_timeout,
        unsatisfiable_range=True,
    ) as response:
        continues = response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        if response.status_code == 416 or (response.status_code == 206 and not continues):
            target.write_bytes(b"")
            return
        if response.status_code != 206:
            done = 0
        report.bytes_done("downloading", file.path, done, file.size)
        with target.open("ab" if done else "wb") as out:
            for chunk in response.iter_bytes():
                # One byte more than was stated fails the check; a flood need not be stored.
                out.write(chunk[: file.size + 1 - done])
                done += len(chunk)
                if done > file.size:
                    return
                report.bytes_done("downloading", file.path, done, file.size)


def _check(file: RemoteFile, target: Path, snapshot: Snapshot) -> None:
    """Compare what lies on the disk with what was stated; delete it if they differ."""
    expected: object
    got: object
    if target.stat().st_size > file.size:
        expected, got = f"{file.size:,} bytes", "more"
    elif file.sha256 is not None:
        expected, got = f"sha256 {file.sha256}", f"sha256 {sha256_of(target)}"
    else:
        expected, got = f"git blob {file.git_sha1}", f"git blob {git_blob_sha1_of(target)}"
    if got != expected:
        target.unlink()
        raise mismatch(snapshot.model.model, file.path, snapshot.hub.name, expected, got)


def _model_facts(hub: Hub, model: HubModel) -> Mapping[str, Any]:
    """What the hub's API says of a model at a revision: the commit, and the files with hashes."""
    revision = quote(model.revision, safe="")
    path = f"api/models/{model.repository}/revision/{revision}?blobs=true"
    body = bytearray()
    with hub.ask("GET", path, about=_about(model)) as response:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _LONGEST_LIST:
                break
    try:
        facts = json.loads(body)
        if isinstance(facts, dict):
            return facts
    except ValueError:
        pass
    raise SourceUnavailable(
        f"{hub.name} does not answer as a Hugging Face hub does",
        "set HF_ENDPOINT to a hub, or give a folder",
    )


def _stated(path: str, sibling: Mapping[str, Any]) -> RemoteFile | None:
    """The file as the list describes it, or None where the list is bare."""
    size, lfs, blob = sibling.get("size"), sibling.get("lfs") or {}, sibling.get("blobId")
    sha256 = lfs.get("sha256")
    if not isinstance(size, int) or not (sha256 or blob):
        return None
    return RemoteFile(path, size, sha256, None if sha256 else blob)


def _ask_for_facts(snapshot: Snapshot, path: str) -> RemoteFile:
    """Size and hash from the file's own headers, for mirrors that do not list them."""
    with snapshot.hub.ask("HEAD", snapshot.path_of(path), about=snapshot.about) as response:
        # A file in LFS is described by the hub's redirect, not by the CDN's answer.
        answers = [answer.headers for answer in (*response.history, response)]
    linked = next((headers for headers in answers if "X-Linked-Etag" in headers), None)
    plain = answers[-1]
    etag = linked["X-Linked-Etag"] if linked else plain.get("ETag", "")
    size = linked.get("X-Linked-Size", "") if linked else plain.get("Content-Length", "")
    digest = etag.removeprefix("W/").strip('"')
    if not size.isdecimal() or len(digest) not in (40, 64):
        raise SourceUnavailable(
            f"{snapshot.hub.name} does not state size and hash of {path}, so it cannot be checked",
            "set HF_ENDPOINT to a hub that does, or give a folder",
        )
    in_lfs = len(digest) == 64
    return RemoteFile(path, int(size), digest if in_lfs else None, None if in_lfs else digest)


def _pinned(file: RemoteFile, model: HubModel, origin: str) -> RemoteFile:
    """The file with the pinned hash of a built-in model's weights, which must be the hub's too."""
    pin = model.built_in.weights_sha256 if model.built_in else None
    if file.path != WEIGHTS or pin is None:
        return file
    if file.sha256 not in (None, pin):
        raise ModelError(
            f"{WEIGHTS} of {model.model} on {origin} is not the one that edgelet knows: expected "
            f"sha256 {pin}, it has {file.sha256}; set HF_ENDPOINT to another hub, or give a folder"
        )
    return replace(file, sha256=pin)


def _about(model: HubModel) -> str:
    return f"{model.repository}@{model.revision}"
