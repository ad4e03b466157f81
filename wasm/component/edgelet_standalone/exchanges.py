"""`Send`, `Receive` and `Close` over `wasi:http/outgoing-handler`."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from componentize_py_types import Err
from wit_world.imports import outgoing_handler, types

from edgelet_guest.host import bytes_of, text_of
from edgelet_standalone.bodies import read, words, written
from edgelet_standalone.tickets import Failed, Work

_METHODS = {
    name: getattr(types, f"Method_{name.title()}")
    for name in (
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    )
}  # fmt: skip


@dataclass(slots=True)
class Exchanges:
    """The responses that are open, by their numbers."""

    _open: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))

    def send(
        self, method: str, url: str, headers: str, body: str, connect_within: float | None
    ) -> Work:
        """See `world.wit`."""
        data = bytes_of(body)
        request = _request(method, url, json.loads(headers), data)
        content = request.body() if data else None
        options = types.RequestOptions()
        if connect_within is not None:
            with contextlib.suppress(Err):  # a host need not have it
                options.set_connect_timeout(max(int(connect_within * 1e9), 1))
        try:
            future = outgoing_handler.handle(request, options)
        except Err as error:
            raise _failed(error.value) from None
        with future:
            if content is not None:
                yield from _sent(content, data)
            with future.subscribe() as ready:
                yield ready
            answered = future.get().value
        if isinstance(answered, Err):
            raise _failed(answered.value)
        return self._opened(answered.value)

    def receive(self, response: int) -> Work:
        """See `world.wit`."""
        if response not in self._open:
            return ""
        _, stream = self._open[response]
        return text_of((yield from read(stream)))

    def close(self, response: int) -> None:
        """See `world.wit`."""
        if response in self._open:
            body, stream = self._open.pop(response)
            stream.__exit__(None, None, None)
            body.__exit__(None, None, None)

    def close_all(self) -> None:
        """Give all of them up."""
        for response in list(self._open):
            self.close(response)

    def _opened(self, response: Any) -> str:
        number = next(self._numbers)
        with response:
            status, headers = response.status(), _headers(response)
            body = response.consume()
        self._open[number] = (body, body.stream())
        return json.dumps({"response": number, "status": status, "headers": headers})


def _request(method: str, url: str, headers: list[tuple[str, str]], body: bytes) -> Any:
    parts = urlsplit(url)
    fields = types.Fields()
    if body:
        headers = [*headers, ("content-length", str(len(body)))]
    for name, value in headers:
        with contextlib.suppress(Err):  # what frames messages is the host's own
            fields.append(name, value.encode("latin-1", "replace"))
    request = types.OutgoingRequest(fields)
    known = _METHODS.get(method)
    secure = parts.scheme == "https"
    try:
        request.set_method(known() if known else types.Method_Other(method))
        request.set_scheme(types.Scheme_Https() if secure else types.Scheme_Http())
        request.set_authority(parts.netloc.rpartition("@")[2])
        query = f"?{parts.query}" if parts.query else ""
        request.set_path_with_query(f"{parts.path or '/'}{query}")
    except Err:
        raise Failed("connect", "the host takes no such URL") from None
    return request


def _sent(content: Any, data: bytes) -> Any:
    """Send the body. A server that does not want it all may have answered already."""
    try:
        with content.write() as stream:
            yield from written(stream, data)
        types.OutgoingBody.finish(content, None)
    except Err:
        pass


def _headers(response: Any) -> dict[str, str]:
    joined: dict[str, str] = {}
    with response.headers() as fields:
        for name, value in fields.entries():
            key, text = name.lower(), value.decode("latin-1")
            joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined


_CONNECTING = ("Dns", "Destination", "ConnectionRefused", "ConnectionLimit", "Tls")


def _failed(code: Any) -> Failed:
    name = type(code).__name__.partition("_")[2]
    if name == "ConnectionTimeout":
        return Failed("connect timeout", words(code))
    return Failed("connect" if name.startswith(_CONNECTING) else "exchange", words(code))
