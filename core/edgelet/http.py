"""`Request` and `Response`: HTTP messages as the fetch standard has them, in Python's spelling.

What a function is given and what it answers with, and what `edgelet.fetch` brings. Knows what a
message is; knows nothing of connections, of who sends it, or of functions.

Source: https://fetch.spec.whatwg.org/#request-class and #response-class. Where the standard throws
a `TypeError` or `RangeError` for an argument, these raise `OptionError`.
"""

from __future__ import annotations

import builtins
import json
from array import array
from collections.abc import (
    AsyncIterable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from functools import cached_property
from typing import Any, Protocol, Self, overload

from edgelet.body import Body, BodyChunk, BodyInit, one_by_one
from edgelet.errors import OptionError
from edgelet.headers import TOKEN, Headers, HeadersInit
from edgelet.url import Query, checked_url, has_controls, path_and_query, percent_encoded

__all__ = ["NULL_BODY_STATUSES", "Headers", "Query", "Request", "Response"]

NULL_BODY_STATUSES = frozenset({101, 103, 204, 205, 304})
"""Statuses whose responses have no body: https://fetch.spec.whatwg.org/#null-body-status"""

_REDIRECT_STATUSES = (301, 302, 303, 307, 308)
_METHODS_IN_ANY_CASE = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
_FORBIDDEN_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})


class Request(Body):
    """An HTTP request: what a function is given. See `Body` for reading it.

    `url` is absolute, of http or https, without user or password; characters that a URL cannot have
    are percent-encoded. `method` is a token; DELETE, GET, HEAD, OPTIONS, POST and PUT may be in any
    case, CONNECT, TRACE and TRACK are forbidden. `body` is text, bytes, or an async iterable of
    them; GET and HEAD have none. Text sets `Content-Type` unless `headers` have one.

    Raises `OptionError` for anything else.

    >>> request = Request("http://localhost/hello?name=Ada", headers={"accept": "text/plain"})
    >>> request.method, request.path, request.query["name"], request.headers["Accept"]
    ('GET', '/hello', 'Ada', 'text/plain')
    """

    def __init__(
        self, url: str, *, method: str = "GET", headers: HeadersInit = None, body: BodyInit = None
    ) -> None:
        self.url = checked_url(url)
        self.method = _checked_method(method)
        if body is not None and self.method in ("GET", "HEAD"):
            raise OptionError(f"a {self.method} request has no body; send it with POST or PUT")
        super().__init__(body, Headers(headers))

    @classmethod
    def received(
        cls,
        url: str,
        method: str,
        headers: HeadersInit,
        body: builtins.bytes | AsyncIterable[builtins.bytes] | None,
    ) -> Self:
        """A request as a server received it, whatever it looks like: nothing is refused.

        For hosts. `headers` are taken as `Headers.received` takes them.

        >>> Request.received("http://localhost/", "TRACE", [("host", "localhost")], b"odd").method
        'TRACE'
        """
        request = cls.__new__(cls)
        request.url, request.method = url, method
        Body.__init__(request, body, Headers.received(headers))
        return request

    @property
    def path(self) -> str:
        """The URL's path, percent-encoded as it came.

        >>> Request("http://localhost/a%20b?c").path
        '/a%20b'
        """
        return path_and_query(self.url).partition("?")[0] or "/"

    @cached_property
    def query(self) -> Query:
        """What the URL has after its `?`; see `Query`.

        >>> Request("http://localhost/?q=a+b").query["q"]
        'a b'
        """
        return Query(path_and_query(self.url).partition("?")[2])

    async def json(self) -> Any:
        """All of the body, read as JSON.

        Raises `OptionError` when it is none, `EdgeletError` when the body has been read.

        >>> request = Request("http://localhost/", method="POST", body='{"name": "Ada"}')
        >>> asyncio.run(request.json())
        {'name': 'Ada'}
        """
        return await self._read_json()

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"


class _MakesResponse(Protocol):
    def __call__(
        self, value: object, *, status: int = 200, headers: HeadersInit = None
    ) -> Response: ...


class _Json:
    """`json`, of the class and of an instance. In JavaScript, where one is static, they never meet.

    >>> asyncio.run(Response.json([1, 2]).json())
    [1, 2]
    """

    @overload
    def __get__(self, response: None, kind: type[Response]) -> _MakesResponse: ...
    @overload
    def __get__(
        self, response: Response, kind: type[Response]
    ) -> Callable[[], Coroutine[Any, Any, Any]]: ...
    def __get__(self, response: Response | None, kind: type[Response]) -> Callable[..., Any]:
        if response is None:
            return kind._with_json  # noqa: SLF001 (a part of the class)
        return response._read_json  # noqa: SLF001


class Response(Body):
    """An HTTP response: what a function answers with, and what `fetch` brings. See `Body`.

    `body` is text, bytes, or an async iterable of them. `status` is from 200 to 599; 204, 205 and
    304 have no body. Text sets `Content-Type` unless `headers` have one.

    `Response.json(value)` makes a response; `await response.json()` reads one.

    Raises `OptionError` for anything else.

    >>> response = Response("Not here", status=404)
    >>> response.status, response.ok, response.headers["content-type"]
    (404, False, 'text/plain;charset=UTF-8')
    """

    json = _Json()

    def __init__(
        self, body: BodyInit = None, *, status: int = 200, headers: HeadersInit = None
    ) -> None:
        if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
            raise OptionError(f"status must be a whole number from 200 to 599, got {status!r}")
        if body is not None and status in NULL_BODY_STATUSES:
            raise OptionError(f"a response with status {status:d} has no body; leave it out")
        self.status = int(status)
        super().__init__(body, Headers(headers))

    @classmethod
    def received(
        cls,
        status: int,
        headers: HeadersInit,
        body: builtins.bytes | AsyncIterable[builtins.bytes] | None,
    ) -> Self:
        """A response as it came over a network, whatever it looks like: nothing is refused.

        For hosts. `headers` are taken as `Headers.received` takes them.

        >>> Response.received(999, {"x-odd": "yes"}, None).status
        999
        """
        response = cls.__new__(cls)
        response.status = status
        Body.__init__(response, body, Headers.received(headers))
        return response

    @classmethod
    def stream(
        cls,
        chunks: AsyncIterable[BodyChunk] | Iterable[BodyChunk],
        *,
        status: int = 200,
        headers: HeadersInit = None,
    ) -> Self:
        r"""A response whose body is made while it is sent, from text or bytes. Implies no type.

        When the client leaves, what makes the chunks is closed. Raises `OptionError` as the class
        does, and for one text or bytes, which need no stream.

        >>> async def ticks():
        ...     for count in range(3):
        ...         yield f"data: {count}\n\n"
        >>> response = Response.stream(ticks(), headers={"content-type": "text/event-stream"})
        """
        match chunks:
            case AsyncIterable():
                return cls(chunks, status=status, headers=headers)
            case Iterable() if not isinstance(chunks, str | bytes | bytearray | memoryview):
                return cls(one_by_one(chunks), status=status, headers=headers)
        raise OptionError(
            f"Response.stream takes an iterable of text or bytes, got {type(chunks).__name__}; "
            f"give a whole body to Response()"
        )

    @classmethod
    def redirect(cls, url: str, status: int = 302) -> Self:
        """A response that sends the client to `url`, absolute or relative to the request's.

        `status` is 301, 302, 303, 307 or 308. Raises `OptionError` for another one, and for a URL
        with control characters.

        >>> Response.redirect("/login").headers["location"]
        '/login'
        """
        if status not in _REDIRECT_STATUSES:
            allowed = ", ".join(map(str, _REDIRECT_STATUSES))
            raise OptionError(f"the status of a redirect must be one of {allowed}, got {status!r}")
        if not isinstance(url, str) or has_controls(url):
            raise OptionError("a redirect needs a URL without control characters")
        return cls(status=status, headers={"location": percent_encoded(url)})

    @property
    def ok(self) -> bool:
        """Whether `status` is from 200 to 299.

        >>> Response().ok
        True
        """
        return 200 <= self.status <= 299

    @classmethod
    def _with_json(cls, value: object, *, status: int = 200, headers: HeadersInit = None) -> Self:
        """A response of `value` as JSON, with `Content-Type: application/json` unless given.

        Vectors (`array.array`) and other sequences are written as lists, wherever they are inside
        `value`. Raises `OptionError` for what JSON cannot hold, NaN and infinity included, and as
        the class does.

        >>> asyncio.run(Response.json({"vector": array("f", [0.5, 1.0])}).text())
        '{"vector":[0.5,1.0]}'
        """
        own = Headers(headers)
        if "content-type" not in own:
            own["content-type"] = "application/json"
        return cls(_written(value), status=status, headers=own)

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


def _written(value: object) -> bytes:
    def dumped(*, ascii_only: bool) -> bytes:
        return json.dumps(
            value,
            ensure_ascii=ascii_only,
            allow_nan=False,
            separators=(",", ":"),
            default=_as_list,
        ).encode()

    try:
        try:
            return dumped(ascii_only=False)
        except UnicodeEncodeError:  # lone surrogates: JSON can only carry them escaped
            return dumped(ascii_only=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise OptionError(f"the value cannot be written as JSON: {error}") from None


def _as_list(value: object) -> list[Any]:
    match value:
        case array():
            return value.tolist()
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return list(value)
    raise TypeError(f"it holds a {type(value).__name__}")


def _checked_method(method: object) -> str:
    if not isinstance(method, str) or not TOKEN.fullmatch(method):
        raise OptionError(f"{method!r} is not a method of HTTP")
    upper = method.upper()
    if upper in _FORBIDDEN_METHODS:
        raise OptionError(f"the method {upper} is forbidden")
    return upper if upper in _METHODS_IN_ANY_CASE else method
