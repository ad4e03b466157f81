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
from edgelet.errors import EdgeletError, InferenceHostError, OptionError, ProtocolError

HOST_VARIABLE = "AI_INFERENCE_API_HOST"
KEY_VARIABLE = "AI_INFERENCE_API_KEY"

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2 "Tokens"
_VISIBLE = r"[\x21-\x7e\x80-\xff]"
_HEADER_VALUE = re.compile(rf"(?:{_VISIBLE}(?:[\t\x20-\x7e\x80-\xff]*{_VISIBLE})?)?")
_OURS_TO_SAY = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
"""Headers that frame the message: the client library's business."""

_SHORTEST_KEY = 4
_PART = 8
"""Characters. A key is blotted out of errors if it has so many, another header's value if it has
eight (shorter ones are too likely to be ordinary words), and so is any beginning of that length."""

_LONGEST_MESSAGE = 2000


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
        _check_headers(self.headers)
        key = self.api_key
        if key is not None and (not isinstance(key, str) or not re.fullmatch(r"[\x21-\x7e]+", key)):
            raise OptionError(f"{KEY_VARIABLE} (or api_key=) is not a key that HTTP can carry")

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

    def without_secrets(self, error: EdgeletError) -> EdgeletError:
        """`error` with every secret blotted out, should the server have repeated one.

        Secrets are the key and the caller's headers. What remains of one that was cut off counts.
        """
        match error:
            case InferenceHostError(status=status, server_message=message, body=body):
                return InferenceHostError(status, self._blotted(message), self._blotted(body))
            case ProtocolError():
                return ProtocolError(self._blotted(str(error)))
            case _:
                return error

    def _blotted(self, text: str) -> str:
        values = (part for value in self.headers.values() for part in (value, *value.split()))
        secrets = {value for value in values if len(value) >= _PART}
        if self.api_key is not None and len(self.api_key) >= _SHORTEST_KEY:
            secrets.add(self.api_key)
        for secret in sorted(secrets, key=len, reverse=True):
            for length in range(len(secret), min(_PART, len(secret)) - 1, -1):
                text = text.replace(secret[:length], "***")
        return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"

    def _headers(self) -> dict[str, str]:
        own = {
            "content-type": "application/json",
            "accept": "application/json, application/x-ndjson, text/event-stream",
        }
        if self.api_key is not None:
            own["authorization"] = f"Bearer {self.api_key}"
        return own | {name.lower(): value for name, value in self.headers.items()}


def _check_url(url: object) -> None:
    # What holds none of these characters holds no secret either.
    shown = f", got {url!r}" if not set("@?#") & set(str(url)) else ""
    must = f"{HOST_VARIABLE} (or host=) must be a URL such as http://127.0.0.1:11434{shown}"
    if not isinstance(url, str) or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise OptionError(must)
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_http = False
    if not is_http:
        raise OptionError(must)
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise OptionError(
            f"{HOST_VARIABLE} (or host=) must be a plain URL without user, query or fragment; "
            f"give a key in {KEY_VARIABLE}"
        )


def _check_headers(headers: object) -> None:
    if not isinstance(headers, Mapping):
        raise OptionError("headers must be a mapping of names to values")
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise OptionError(f"{name!r} is not a header name")
        if name.lower() in _OURS_TO_SAY:
            raise OptionError(f"header {name} frames the request and cannot be set")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise OptionError(f"the value of header {name} is not one that HTTP can carry")
