"""What a model is called, and what that name may mean.

A name comes from a user's configuration or from a request, so it is not to be trusted: everything
that becomes a path or an address passes through here, and what is not plainly a name is refused.

Three kinds of name: a built-in model (`gte-small`, or its hub id), a folder (it starts with `.`,
`/` or `~`), and a hub id `org/name`, to which `@revision` may be added.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from edgelet.errors import ModelError, OptionError
from edgelet.models import BUILT_IN_MODELS, BuiltInModel, built_in_model


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model that is published: `repository` at `revision` on the hub.

    `model` is its canonical name: the short name of a built-in model, else the hub id. `built_in`
    holds the pinned facts, unless another revision than the pinned one was asked for.
    """

    model: str
    repository: str
    revision: str
    built_in: BuiltInModel | None = None

    @property
    def folder_name(self) -> str:
        """The model's folder in the cache. Two repositories never share one: `--` is not allowed in
        hub ids.
        """
        return self.repository.replace("/", "--")

    @property
    def moves(self) -> bool:
        """Whether the revision may mean other files tomorrow: a branch that nothing pins."""
        return self.built_in is None and not is_commit(self.revision)


@dataclass(frozen=True, slots=True)
class FolderModel:
    """A model in a folder of the user's: source files in the hub's layout, or an artefact.

    `model` is the absolute path, so that one folder has one name. It may not exist.
    """

    model: str
    path: Path

    @property
    def folder_name(self) -> str:
        """The folder in the cache for what is built from it; `@` keeps it apart from hub ids."""
        readable = re.sub(r"[^A-Za-z0-9._-]", "_", self.path.name)[:64]
        digest = hashlib.sha256(str(self.path).encode(errors="surrogateescape")).hexdigest()
        return f"folder@{readable}-{digest[:8]}"


def parse_model(model: str) -> HubModel | FolderModel:
    """What the name means.

    >>> parse_model("gte-small").repository
    'thenlper/gte-small'
    >>> parse_model("intfloat/e5-small-v2@main").folder_name
    'intfloat--e5-small-v2'

    Raises `OptionError` for a name that is malformed, `ModelError` for one that names nothing.
    """
    if "\0" in model:
        raise OptionError(f"a model's name cannot hold a null character: {model!r}")
    if model.startswith((".", "/", "~")):
        return _folder_model(model)
    name, at, revision = model.partition("@")
    built_in = built_in_model(name)
    if built_in is not None and (not at or revision == built_in.revision):
        return HubModel(built_in.name, built_in.repository, built_in.revision, built_in)
    repository = name if built_in is None else built_in.repository
    _check_repository(model, repository)
    if at:
        _check_revision(model, revision)
    return HubModel(repository, repository, revision or "main")


def is_commit(revision: str) -> bool:
    """Whether a revision is a whole git commit id, which never means anything else.

    >>> is_commit("main")
    False
    """
    return re.fullmatch(r"[0-9a-f]{40}", revision) is not None


def _folder_model(model: str) -> FolderModel:
    try:
        path = Path(model).expanduser().resolve()
    except RuntimeError as error:
        raise ModelError(f"no folder {model!r}: {error}") from error
    return FolderModel(str(path), path)


_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
"""One half of a hub id, by the hub's own rule: letters, digits, `-`, `_`, `.`; at most 96; neither
`-` nor `.` at its ends, and (below) neither `--` nor `..` inside."""


def _check_repository(model: str, repository: str) -> None:
    organisation, slash, name = repository.partition("/")
    if not slash and _PART.fullmatch(repository):
        known = ", ".join(built_in.name for built_in in BUILT_IN_MODELS)
        raise ModelError(
            f"no built-in model {repository!r}; use one of {known}, a hub id org/name, or a folder "
            f"such as ./{repository}"
        )
    well_formed = _PART.fullmatch(organisation) and _PART.fullmatch(name)
    if not well_formed or "--" in repository or ".." in repository:
        raise OptionError(
            f"malformed model name {model!r}; use a built-in name, a hub id org/name or "
            f"org/name@revision, or a folder that starts with . or / or ~"
        )


def _check_revision(model: str, revision: str) -> None:
    well_formed = re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9._/-]{0,198}[A-Za-z0-9_])?", revision)
    if not well_formed or ".." in revision or "//" in revision:
        raise OptionError(
            f"malformed revision in {model!r}; use a branch, a tag or a commit id after the @"
        )
