"""`fetch`: one request to any server, and its response, whose body arrives while it is read.

Steps over `Send`, `Receive` and `Close`, as everything that waits; `Stream` of the driver reads
them. What may be reached, how, and through which proxy is the host's to decide. Redirects are not
followed: a response with a status from 300 to 399 is returned as it is.

Source: https://fetch.spec.whatwg.org/#fetch-method
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from edgelet.abort import AbortSignalLike
from edgelet.body import encoded
from edgelet.drive import Stream, clock, drive
from edgelet.effects import (
    Close,
    DeadlinePassed,
    HttpRequest,
    Receive,
    ResponseHead,
    Send,
    Steps,
    TransportFailed,
)
from edgelet.errors import ConnectionFailed, EdgeletError, TotalTimeout
from edgelet.generation import check_seconds
from edgelet.headers import HeadersInit
from edgelet.host import current_host
from edgelet.http import NULL_BODY_STATUSES, Request, Response

NOT_THE_CALLERS = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive"}
    | {"proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Request headers that frame the message or belong to one connection: they are left out, so that a
request that was received can be passed on. The fetch standard leaves out these and, in browsers,
more: https://fetch.spec.whatwg.org/#forbidden-request-header"""


async def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: HeadersInit = None,
    body: str | bytes | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 (it covers the body too)
    signal: AbortSignalLike | None = None,
) -> Response:
    """Send a request and return the response as soon as its head is here.

    The arguments are those of `Request`, but the body is given whole. `timeout`, in seconds, covers
    the call and the reading of the body; `signal` ends both. Every status is a response, and
    redirects are not followed. Headers that frame the message (`Host`, `Content-Length`, …) are
    left out. A response that is left early (`aclose()`, or dropped) closes its connection.

    Raises `OptionError`, `ConnectionFailed`, `TotalTimeout` or `Aborted`; so does reading the body.

    >>> response = await fetch("https://example.com/items?page=1")  # doctest: +SKIP
    >>> items = await response.json()  # doctest: +SKIP
    """
    steps = fetch_steps(
        url, method=method, headers=headers, body=body, timeout=timeout, now=clock()
    )
    host = current_host()
    exchange = await drive(steps, host, signal)
    stream = Stream[bytes](exchange, bytes, host, signal)
    if not exchange.has_body:
        await stream.aclose()
    content = stream if exchange.has_body else None
    return Response.received(exchange.status, exchange.headers, content)


def fetch_steps(
    url: str,
    *,
    method: str = "GET",
    headers: HeadersInit = None,
    body: str | bytes | None = None,
    timeout: float | None = None,
    now: float,
) -> Steps[Exchange]:
    """The meaning of `fetch`: an `Exchange`, whose body is still to be received or closed.

    `now` is the host's instant. Raises as `fetch` does.

    >>> steps = fetch_steps("https://example.com/", now=0.0)
    >>> next(steps).request.url
    'https://example.com/'
    """
    exchange = Exchange(_http_request(url, method, headers, body), timeout)
    yield from exchange.open(now)
    return exchange


class Exchange:
    """A request that is sent, and the response to it.

    `open`, then `receive` until `ended`; `close` at any time. A driver that is thrown out of a wait
    (cancelled, aborted) need not close: the steps do. `status` and `headers` are those of the
    response, once it is open.
    """

    def __init__(self, request: HttpRequest, timeout: float | None) -> None:
        check_seconds("timeout", timeout)
        self.ended = False
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._request = request
        self._timeout = timeout
        self._deadline: float | None = None
        self._response: Any = None

    def open(self, now: float) -> Steps[None]:
        """Send the request and wait for the head of the response. Raises as `fetch` does."""
        self._deadline = None if self._timeout is None else now + self._timeout
        try:
            head: ResponseHead = yield Send(self._request, None, self._deadline)
        except (DeadlinePassed, TransportFailed) as failure:
            self.ended = True
            raise self._error(failure) from None
        self.status, self.headers, self._response = head.status, head.headers, head.response

    @property
    def has_body(self) -> bool:
        """Whether the response can have a body; one that cannot is to be closed at once."""
        return self.status not in NULL_BODY_STATUSES and self._request.method != "HEAD"

    def receive(self) -> Steps[list[bytes]]:
        """Wait for the next bytes: all that are ready, and `[]` only at the end.

        Raises as `fetch` does.
        """
        try:
            chunks: list[bytes] = yield Receive(self._response, None, self._deadline)
        except (DeadlinePassed, TransportFailed) as failure:
            if self.ended:  # closed by another task, meanwhile
                return []
            yield from self.close()
            raise self._error(failure) from None
        except GeneratorExit:
            raise
        except BaseException:
            yield from self.close()
            raise
        if self.ended:
            return []
        if not chunks:
            yield from self.close()
        return chunks

    def close(self) -> Steps[None]:
        """Give up what has not arrived yet. May be called twice."""
        if not self.ended:
            self.ended = True
            yield Close(self._response)

    def _error(self, failure: DeadlinePassed | TransportFailed) -> EdgeletError:
        parts = urlsplit(self._request.url)
        origin = f"{parts.scheme}://{parts.netloc}"  # paths and queries may hold keys
        match failure:
            case DeadlinePassed():
                return TotalTimeout(self._timeout or 0.0)
            case TransportFailed(phase="exchange", reason=reason):
                return ConnectionFailed(
                    f"the connection to {origin} was lost before the answer was complete ({reason})"
                )
        return ConnectionFailed(f"cannot connect to {origin} ({failure.reason})")


def _http_request(
    url: str, method: str, headers: HeadersInit, body: str | bytes | None
) -> HttpRequest:
    content = b"" if body is None else encoded(body)
    request = Request(url, method=method, headers=headers, body=body)
    sent = {name: request.headers[name] for name in request.headers if name not in NOT_THE_CALLERS}
    return HttpRequest(request.method, request.url.partition("#")[0], sent, content)
