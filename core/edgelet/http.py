"""`Request` and `Response`: HTTP messages as the fetch standard has them, in Python's spelling.

What a function is given and what it answers with, and what `edgelet.fetch` brings. Knows what a
message is; knows nothing of connections, of who sends it, or of functions.

Source: https://fetch.spec.whatwg.org/#body-mixin, #request-class and #response-class. Where the
standard throws a `TypeError` for an argument, these raise `OptionError`.
"""

from __future__ import annotations

import builtins
import json
import re
from array import array
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from collections.abc import Sequence as AnySequence
from typing import Any, NoReturn, Protocol, Self, TypeAlias, overload
from urllib.parse import parse_qsl, quote, urlsplit
from weakref import ref

from edgelet.errors import EdgeletError, OptionError
from edgelet.headers import TOKEN, Headers, HeadersInit
from edgelet.wordpiece import replace_lone_surrogates

__all__ = ["Body", "Chunk", "Headers", "HeadersInit", "Query", "Request", "Response"]

Chunk: TypeAlias = bytes | bytearray | memoryview | str
"""A piece of a body; text is sent as UTF-8."""

Body: TypeAlias = Chunk | AsyncIterable[Chunk] | None
"""What a body can be made from."""

NULL_BODY_STATUSES = frozenset({101, 103, 204, 205, 304})
"""Statuses whose responses have no body: https://fetch.spec.whatwg.org/#null-body-status"""

_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_NORMALIZED_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
_FORBIDDEN_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})

_PARTS = re.compile(r"(?:[^:/?#]+:)?(?://[^/?#]*)?([^?#]*)(?:\?([^#]*))?")  # RFC 3986, appendix B
_AUTHORITY = re.compile(  # of domains, all but https://url.spec.whatwg.org/#forbidden-domain-code-point
    r"(?:\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\"#%/:<>?@\[\\\]^`{|}\x7f]+)(?::[0-9]*)?"
)
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


class Query(Mapping[str, str]):
    """The names and values after a URL's `?`: a read-only mapping to the first value of each name.

    Decoded as `application/x-www-form-urlencoded`; bytes that are no UTF-8 become U+FFFD.

    Source: https://url.spec.whatwg.org/#urlencoded-parsing

    >>> query = Query("tag=a&tag=b&q=caf%C3%A9+noir&flag")
    >>> query["q"], query["tag"], query.get("page"), query["flag"]
    ('café noir', 'a', None, '')
    """

    def __init__(self, text: str = "") -> None:
        self._items = parse_qsl(text, keep_blank_values=True, errors="replace")
        self._first = dict(reversed(self._items))

    def get_all(self, name: str) -> list[str]:
        """Every value of `name`, in order.

        >>> Query("tag=a&tag=b").get_all("tag")
        ['a', 'b']
        """
        return [value for each, value in self._items if each == name]

    def items_all(self) -> list[tuple[str, str]]:
        """Every pair, in order.

        >>> Query("tag=a&q=x&tag=b").items_all()
        [('tag', 'a'), ('q', 'x'), ('tag', 'b')]
        """
        return list(self._items)

    def __getitem__(self, name: str) -> str:
        return self._first[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._items))

    def __len__(self) -> int:
        return len(self._first)

    def __repr__(self) -> str:
        return f"<Query {', '.join(self)}>"


class _Body:
    """The reading side that requests and responses share. A body is read once, or not at all."""

    def __init__(self, body: Body, headers: Headers) -> None:
        self.headers = headers
        self._content = _content(body)
        self._used = False
        self._reader: ref[_Chunks] | None = None
        if isinstance(body, str) and "content-type" not in headers:
            headers.set("content-type", "text/plain;charset=UTF-8")

    @property
    def body(self) -> AsyncIterator[builtins.bytes]:
        """The body's bytes as they come, chunk by chunk, none of them empty; nothing without body.

        Leaving the loop gives up the rest. The first chunk asked for makes `body_used` true; asking
        a second iterator raises `EdgeletError`. A chunk that is neither text nor bytes raises
        `OptionError`; what makes the body may raise errors of its own.

        >>> async for chunk in request.body:  # doctest: +SKIP
        ...     size += len(chunk)
        """
        return _Chunks(self)

    @property
    def body_used(self) -> bool:
        """Whether the body has been read, or been begun to. Never true without a body."""
        return self._used

    async def text(self) -> str:
        """All of the body as text: UTF-8, without its byte order mark, faults as U+FFFD.

        Raises `EdgeletError` when the body has been read.

        >>> asyncio.run(Response("Hello").text())
        'Hello'
        """
        return (await self.bytes()).decode("utf-8-sig", "replace")

    async def bytes(self) -> builtins.bytes:
        """All of the body. Raises `EdgeletError` when it has been read.

        >>> asyncio.run(Response("Hello").bytes())
        b'Hello'
        """
        return b"".join([chunk async for chunk in self.body])

    async def _read_json(self) -> Any:
        text = await self.text()
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"expected a body of JSON, got something else: {error}") from None

    async def aclose(self) -> None:
        """Give up what has not been read, and whatever makes or carries it. May be called twice.

        >>> response = await fetch("https://example.com/large")  # doctest: +SKIP
        >>> await response.aclose()  # doctest: +SKIP
        """
        reader = None if self._reader is None else self._reader()
        if reader is not None:
            await reader.aclose()
            return
        content, self._content = self._content, b""
        self._used = self._used or content is not None
        await _close(content)

    def _taken(self, reader: _Chunks) -> AsyncIterator[Chunk]:
        """Hand the content over to its one reader: it is given up when that is dropped."""
        if self._used:
            raise EdgeletError("this body has been read already; keep what the first reading gave")
        content, self._content = self._content, b""
        if content is None:
            self._content = None
            return aiter(_one_by_one(()))
        self._used = True
        self._reader = ref(reader)
        return aiter(content if isinstance(content, AsyncIterable) else _one_by_one((content,)))


class _Chunks(AsyncIterator[bytes]):
    """Reads one body. A class, not a generator: dropping it needs no help of the event loop."""

    def __init__(self, body: _Body) -> None:
        self._body: _Body | None = body
        self._source: AsyncIterator[Chunk] | None = None

    async def __anext__(self) -> bytes:
        if self._body is not None:
            self._source, self._body = self._body._taken(self), None  # noqa: SLF001 (one thing)
        while self._source is not None:
            chunk = _encoded(await anext(self._source))
            if chunk:
                return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give up the rest; before the first chunk, the whole body."""
        body, self._body = self._body, None
        source, self._source = self._source, None
        await (_close(source) if body is None else body.aclose())


class Request(_Body):
    """An HTTP request: what a function is given.

    `url` is absolute, with scheme http or https and without credentials; what is not ASCII in it is
    percent-encoded. `method` is a token, DELETE, GET, HEAD, OPTIONS, POST and PUT in any case;
    CONNECT, TRACE and TRACK are forbidden. `body` is text, bytes, or an async iterable of them;
    GET and HEAD have none. Text sets `Content-Type` unless `headers` do.

    Raises `OptionError` for anything else.

    >>> request = Request("http://localhost/hello?name=Ada", headers={"accept": "text/plain"})
    >>> request.method, request.path, request.query["name"]
    ('GET', '/hello', 'Ada')
    """

    def __init__(
        self, url: str, *, method: str = "GET", headers: HeadersInit = None, body: Body = None
    ) -> None:
        self.url = _checked_url(url)
        self.method = _checked_method(method)
        if body is not None and self.method in ("GET", "HEAD"):
            raise OptionError(f"a {self.method} request has no body; send it with POST or PUT")
        super().__init__(body, Headers(headers))

    @classmethod
    def received(
        cls,
        url: str,
        method: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        body: AsyncIterable[builtins.bytes] | builtins.bytes | None,
    ) -> Self:
        """A request as a server received it, whatever it looks like: nothing is refused.

        For hosts. `headers` are taken as `Headers.received` takes them.

        >>> Request.received("http://localhost/", "GET", [("host", "localhost")], b"odd").method
        'GET'
        """
        request = cls.__new__(cls)
        request.url = url
        request.method = method
        _Body.__init__(request, body, Headers.received(headers))
        return request

    @property
    def path(self) -> str:
        """The URL's path, percent-encoded as it came.

        >>> Request("http://localhost/a%20b?c").path
        '/a%20b'
        """
        return _split(self.url)[0] or "/"

    @property
    def query(self) -> Query:
        """What the URL has after its `?`; see `Query`.

        >>> Request("http://localhost/?q=a+b").query["q"]
        'a b'
        """
        return Query(_split(self.url)[1])

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


class _Makes(Protocol):
    def __call__(
        self, value: object, *, status: int = 200, headers: HeadersInit = None
    ) -> Response: ...


class _Json:
    """`json` of a response: the class makes one, an instance is read.

    In JavaScript the two never meet, because one is static.
    """

    @overload
    def __get__(self, response: None, kind: type[Response]) -> _Makes: ...
    @overload
    def __get__(
        self, response: Response, kind: type[Response]
    ) -> Any: ...
    def __get__(self, response: Response | None, kind: type[Response]) -> Any:
        if response is not None:
            return response._read_json  # noqa: SLF001 (a part of the class)

        def make(
            value: object, *, status: int = 200, headers: HeadersInit = None
        ) -> Response:
            return kind._made_of_json(value, status, headers)

        make.__doc__ = self.__doc__
        return make


class Response(_Body):
    ...
