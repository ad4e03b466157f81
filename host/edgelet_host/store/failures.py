"""The sentences of everything that can go wrong on the way of a model's files.

Each names the model, what was tried, and what the reader can do. None holds a token, a password or
a query string: hosts are named by `host_of`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from edgelet.errors import ModelError
from edgelet_host.store.progress import ListenerFailed

OTHER_WAYS = "get on the network, set HF_ENDPOINT to a hub that is in reach, or give a folder"
"""The ways out when a hub cannot be reached."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SourceUnavailable(Exception):
    """One place could not give the files.

    `why` and `remedy` are parts of a sentence; the remedy ends with "or give a folder".
    """

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


def cannot_fetch(model: str, failures: Sequence[SourceUnavailable]) -> ModelError:
    """The sentence for a model that none of its places gave; the last one's remedy is the best."""
    tried = "; ".join(failure.why for failure in failures)
    folder = model.rpartition("/")[2]
    return ModelError(
        f"cannot fetch {model}: {tried}; {failures[-1].remedy} that holds its files, such as "
        f"./{folder}"
    )


def mismatch(model: str, file: str, origin: str, expected: object, got: object) -> ModelError:
    """The sentence for a file that is not what was promised. It has been deleted."""
    return ModelError(
        f"{file} of {model} from {origin} is damaged or was changed: expected {expected}, got "
        f"{got}; what came was deleted, so try again"
    )


def host_of(url: str) -> str:
    """The host of an address, with its port if it has one, without user, password, path or query.

    >>> host_of("https://user:secret@mirror.example:8443/hub?key=1")
    'mirror.example:8443'
    """
    return urlsplit(url).netloc.rpartition("@")[2]


@contextmanager
def at_the_door(model: str, folder: Path) -> Iterator[None]:
    """What leaves the store: what the disk refuses becomes a `ModelError` that says where, and what
    the listener raised comes out as it was.
    """
    try:
        yield
    except ListenerFailed as failed:
        raise failed.error from failed.error.__cause__
    except OSError as error:
        reason = error.strerror or str(error)
        if isinstance(error.filename, str) and not Path(error.filename).is_relative_to(folder):
            raise ModelError(f"cannot use {error.filename} for {model}: {reason}") from error
        if error.errno in _NO_ROOM:
            raise ModelError(
                f"no room for {model} in {folder}: {reason}; free some space there, or set "
                f"EDGELET_MODELS to another folder"
            ) from error
        raise ModelError(
            f"cannot store {model} in {folder}: {reason}; make the folder writable, or set "
            f"EDGELET_MODELS to another one"
        ) from error
