"""An artefact outside the cache: a folder that any web server, or any other host, can give out.

    <folder>/<model, "/" written as "--">/<precision>/edgelet.json, and the files that it names

Hosts in JavaScript read exactly this; the card tells them the size and sha256 of each file.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from edgelet.errors import ModelError
from edgelet_host.store.contents import sha256_of
from edgelet_host.store.publishing import publish, staging

_CARD = "edgelet.json"


def export_artefact(artefact: Path, directory: Path) -> Path:
    """Copy the artefact into its place below `directory`, and return that place.

    What is there already and is the same stays; anything else there is replaced, in one step. A
    model that was built from a folder is named by that folder's last part.

    >>> export_artefact(artefact, Path("public/models"))  # doctest: +SKIP
    PosixPath('public/models/gte-small/int8')

    Raises `ModelError` when the artefact is damaged, or when `directory` cannot be written.
    """
    from edgelet_host.builder import read_card

    card = read_card(artefact)
    final = directory / _exported_name(card.model) / card.precision
    try:
        if not _is_copy(final, artefact):
            final.parent.mkdir(parents=True, exist_ok=True)
            with staging(final.parent) as folder:
                _copy(artefact, folder)
                publish(folder, final)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(
            f"cannot write {final}: {reason}; free some space there, or give another folder"
        ) from error
    return final


def _exported_name(model: str) -> str:
    is_path = Path(model).is_absolute()
    return Path(model).name if is_path else model.replace("/", "--")


def _is_copy(final: Path, artefact: Path) -> bool:
    card = final / _CARD
    if not card.is_file() or card.read_bytes() != (artefact / _CARD).read_bytes():
        return False
    return all(
        (final / name).is_file() and sha256_of(final / name) == sha256
        for name, sha256 in _hashes(artefact).items()
    )


def _copy(artefact: Path, folder: Path) -> None:
    shutil.copyfile(artefact / _CARD, folder / _CARD)
    for name, sha256 in _hashes(artefact).items():
        shutil.copyfile(artefact / name, folder / name)
        if sha256_of(folder / name) != sha256:
            raise ModelError(
                f"{artefact / name} is not what its card says; build the artefact again with "
                f"`edgelet models build --again`"
            )


def _hashes(artefact: Path) -> dict[str, str]:
    """The sha256 of each file of a sound artefact."""
    facts = json.loads((artefact / _CARD).read_text(encoding="utf-8"))
    return {name: file["sha256"] for name, file in facts["files"].items()}
