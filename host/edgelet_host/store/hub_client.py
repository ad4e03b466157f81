"""One question to a Hugging Face hub, and the sentence for every way in which it can fail.

`huggingface_hub` supplies the HTTP client (with the proxies, certificates and hooks that a program
may have set up for it) and the user's token. Its own download functions are not used: they retry a
dead hub for minutes, start a broken file over in the next process, drop up to 10 MB of what had
arrived, read the environment only when imported, and ask for a list of coding agents on the way.

A redirect to another host (the hub's CDN) carries no token: the HTTP client strips it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import edgelet
from edgelet.errors import OptionError
from edgelet_host.store.failures import OTHER_WAYS, SourceUnavailable, host_of

if TYPE_CHECKING:
    from httpx2 import Response

DEFAULT_ENDPOINT = "https://huggingface.co"


class Unreachable(SourceUnavailable):
    """The network failed, before or within an answer."""


@dataclass(frozen=True, slots=True)
class Hub:
    """One hub: its address, whether it may be asked, and how long to wait for it, in seconds.

    `connect_timeout` bounds the connection and the answer to a short question; `read_timeout` the
    silence within a file.
    """

    endpoint: str
    offline: bool
    connect_timeout: float
    read_timeout: float

    @classmethod
    def from_environment(cls) -> Hub:
        """The hub that the environment describes now, by `huggingface_hub`'s own variables.

        Raises `OptionError` for an `HF_ENDPOINT` that is no address.
        """
        endpoint = os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT
        if not _is_address(endpoint):
            raise OptionError(f"HF_ENDPOINT must be an address such as {DEFAULT_ENDPOINT}")
        return cls(
            endpoint=endpoint.rstrip("/"),
            offline=_is_true("HF_HUB_OFFLINE") or _is_true("TRANSFORMERS_OFFLINE"),
            connect_timeout=_seconds("HF_HUB_ETAG_TIMEOUT", 10),
            read_timeout=_seconds("HF_HUB_DOWNLOAD_TIMEOUT", 10),
        )

    @property
    def name(self) -> str:
        """The hub's host, for a sentence."""
        return host_of(self.endpoint)

    @contextmanager
    def ask(
        self,
        method: str,
        path: str,
        *,
        about: str,
        headers: Mapping[str, str] | None = None,
        read_timeout: float | None = None,
        unsatisfiable_range: bool = False,
    ) -> Iterator[Response]:
        """The hub's answer to one request, its body not read yet.

        `about` names the model in sentences (`org/name@revision`). Status 416 is an answer only if
        `unsatisfiable_range`. Raises `Unreachable` (from within the block too, when reading fails)
        or, for a hub that refuses, `SourceUnavailable`.
        """
        if self.offline:
            raise SourceUnavailable(
                f"it is not on this machine, and HF_HUB_OFFLINE forbids asking {self.name}",
                "unset HF_HUB_OFFLINE, or give a folder",
            )
        from huggingface_hub import get_session
        from huggingface_hub.errors import (
            HfHubHTTPError,
            OfflineModeIsEnabled,
        )

        # httpx or httpx2, by the version of huggingface_hub: its own error derives from that one's.
        network_error: type[BaseException] = HfHubHTTPError.__bases__[0]
        timeout = (self.connect_timeout, *(read_timeout or self.connect_timeout,) * 3)
        try:
            with get_session().stream(
                method,
                f"{self.endpoint}/{path}",
                headers={**_own_headers(), **(headers or {})},
                timeout=timeout,
                follow_redirects=True,
            ) as response:
                status = response.status_code
                if status >= 400 and not (status == 416 and unsatisfiable_range):
                    raise self._refusal(about, status, response.headers.get("Retry-After", ""))
                yield response
        except network_error as error:
            raise Unreachable(
                f"{self.name} cannot be reached: {_reason(error)}", OTHER_WAYS
            ) from error
        except OfflineModeIsEnabled as error:
            raise SourceUnavailable(
                f"it is not on this machine, and HF_HUB_OFFLINE, set when the program started, "
                f"forbids asking {self.name}",
                "start without HF_HUB_OFFLINE, or give a folder",
            ) from error

    def _refusal(self, about: str, status: int, retry_after: str) -> SourceUnavailable:
        """Why a hub answered with an error status, and what helps."""
        match status:
            case 404:
                return SourceUnavailable(
                    f"{self.name} has no such model or revision ({about})",
                    "check the name, or give a folder",
                )
            case 401 | 403:
                # The hub answers 401 for a missing model too, so as not to tell private ones apart.
                return SourceUnavailable(
                    f"{about} on {self.name} is private, gated or absent (status {status})",
                    "check the name, accept the model's terms there and set HF_TOKEN, or give a "
                    "folder",
                )
            case 429:
                pause = f" for {retry_after} seconds" if retry_after.isdecimal() else ""
                return SourceUnavailable(
                    f"{self.name} asks to slow down{pause} (status 429)",
                    "wait, set HF_TOKEN for a higher limit, or give a folder",
                )
            case _:
                return SourceUnavailable(
                    f"{self.name} answered with status {status} for {about}",
                    "try again later, set HF_ENDPOINT to another hub, or give a folder",
                )


def _own_headers() -> dict[str, str]:
    from huggingface_hub import get_token

    # A compressed answer could not be continued at a byte of the file.
    headers = {"User-Agent": f"edgelet/{edgelet.__version__}", "Accept-Encoding": "identity"}
    token = None if _is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN") else get_token()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _reason(error: BaseException) -> str:
    """The network's own words on one line, and the kind of error, which may be all there is."""
    words = " ".join(str(error).split())
    kind = type(error).__name__
    return f"{words} ({kind})" if words else kind


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").upper() in {"1", "ON", "YES", "TRUE"}


def _seconds(variable: str, default: float) -> float:
    try:
        return float(os.environ.get(variable, "")) or default
    except ValueError:
        return default
