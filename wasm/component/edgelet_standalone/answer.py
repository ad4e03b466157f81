"""The request that came in, and the answer to it, over `wasi:http/incoming-handler`."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports import types

from edgelet_guest.host import bytes_of, text_of
from edgelet_standalone.bodies import read, written
from edgelet_standalone.tickets import Work


class ClientLeft(Exception):
    """Nobody reads the answer any more."""


class Incoming:
    """The request: its facts, as `handle` of `world.wit` has them, and its body."""

    def __init__(self, request: Any) -> None:
        with request:
            scheme = "https" if isinstance(request.scheme(), types.Scheme_Https) else "http"
            authority = request.authority() or "localhost"
            with request.headers() as fields:
                headers = [(name, value.decode("latin-1")) for name, value in fields.entries()]
            facts = {
                "url": f"{scheme}://{authority}{request.path_with_query() or '/'}",
                "method": _method(request.method()),
                "headers": headers,
                "body": None,
            }
            self._body = request.consume()
        self.facts = json.dumps(facts)
        self._stream = self._body.stream()

    def read(self) -> Work:
        """`read-request` of `world.wit`."""
        return text_of((yield from read(self._stream)))

    def close(self) -> None:
        """Give up what has not been read."""
        self._stream.__exit__(None, None, None)
        self._body.__exit__(None, None, None)


class Answer:
    """`response` of `world.wit`."""

    def __init__(self, outparam: Any) -> None:
        self._outparam = outparam
        self._body: Any = None
        self._stream: Any = None

    @property
    def begun(self) -> bool:
        """Whether its head is sent."""
        return self._body is not None

    def head(self, status: int, headers: str) -> None:
        """See `world.wit`."""
        fields = types.Fields()
        for name, value in json.loads(headers):
            with contextlib.suppress(Err):  # what frames messages is the host's own
                fields.append(name, value.encode("latin-1", "replace"))
        response = types.OutgoingResponse(fields)
        response.set_status_code(status)
        self._body = response.body()
        types.ResponseOutparam.set(self._outparam, Ok(response))
        self._stream = self._body.write()

    def write(self, data: str) -> None:
        """See `world.wit`. Raises `ClientLeft`."""
        try:
            for ready in written(self._stream, bytes_of(data)):
                ready.block()
        except Err:
            raise ClientLeft from None

    def left(self) -> bool:
        """Whether the client has left, as far as the host tells."""
        if self._stream is None:
            return False
        try:
            self._stream.check_write()
        except Err:
            return True
        return False

    def end(self) -> None:
        """The body is complete."""
        self._drop_stream()
        with contextlib.suppress(Err):  # the client has left, or a length was promised and not kept
            types.OutgoingBody.finish(self._body, None)

    def break_off(self) -> None:
        """The body will not be complete, which the client is to notice."""
        self._drop_stream()
        self._body.__exit__(None, None, None)

    def _drop_stream(self) -> None:
        stream, self._stream = self._stream, None
        stream.__exit__(None, None, None)


def _method(method: Any) -> str:
    if isinstance(method, types.Method_Other):
        return str(method.value)
    return type(method).__name__.partition("_")[2].upper()
