"""Which inference host to ask, and with which headers: the request's envelope.

Knows URLs, headers and the key; knows nothing of prompts. A key or a header value never appears in
an error made here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from edgelet.effects import HttpRequest
from edgelet.errors import EdgeletError, InferenceHostError, OptionError

HOST_VARIABLE = "AI_INFERENCE_API_HOST"
KEY_VARIABLE = "AI_INFERENCE_API_KEY"

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2 "Tokens"
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class InferenceHost:
    """An inference host: where it is, and what identifies the caller to it.

    `url` may carry a path prefix; `headers` are sent with every request and win over edgelet's own.
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse, in a sentence, what could not be sent."""
        _check_url(self.url)
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name):
                raise OptionError(f"{name!r} is not a header name")
            if not _HEADER_VALUE.fullmatch(value):
                raise OptionError(f"the value of header {name} holds characters that HTTP forbids")
        if self.api_key is not None and not re.fullmatch(r"[\x21-\x7e]+", self.api_key):
            raise OptionError(f"{KEY_VARIABLE} holds characters that a bearer key cannot have")

    @property
    def origin(self) -> str:
        """Scheme, host name and port: what an error may name."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def request(self, path: str, body: Mapping[str, Any]) -> HttpRequest:
        """A POST of `body` as JSON to `path` below the host's prefix.

        A prefix that ends in `/v1` and a path that starts with it are joined once.

        Raises `OptionError` when `body` holds what JSON cannot.
        """
        prefix = self.url.rstrip("/")
        if prefix.endswith("/v1") and path.startswith("/v1/"):
            prefix = prefix.removesuffix("/v1")
        try:
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode(
                "utf-8", "surrogatepass"
            )
            content.decode("utf-8")
        except UnicodeDecodeError:  # lone surrogates: JSON can only carry them escaped
            content = json.dumps(body, allow_nan=False).encode("ascii")
        except (TypeError, ValueError, RecursionError) as error:
            raise OptionError(f"the request cannot be written as JSON: {error}") from None
        return HttpRequest("POST", prefix + path, self._headers(), content)

    def without_secret(self, error: EdgeletError) -> EdgeletError:
        """`error`, with the key blotted out of the server's words, should it repeat it."""
        key = self.api_key
        if key is None or len(key) < _SHORTEST_SECRET or not isinstance(error, InferenceHostError):
            return error
        if key not in error.server_message and key not in error.body:
            return error
        return InferenceHostError(
            error.status, error.server_message.replace(key, "***"), error.body.replace(key, "***")
        )

    def _headers(self) -> dict[str, str]:
        own = {
            "content-type": "application/json",
            "accept": "application/json, application/x-ndjson, text/event-stream",
        }
        if self.api_key is not None:
            own["authorization"] = f"Bearer {self.api_key}"
        return own | {name.lower(): value for name, value in self.headers.items()}


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        valid = False
    if not valid or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise OptionError(
            f"{HOST_VARIABLE} (or host=) must be a URL such as http://127.0.0.1:11434, got {url!r}"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise OptionError(
            f"{HOST_VARIABLE} (or host=) must be a plain URL without user, query or fragment; "
            f"give a key in {KEY_VARIABLE}"
        )
