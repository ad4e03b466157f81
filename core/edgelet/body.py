"""`Body`: what a request or response carries, and the one way to read it.

The reading side that `edgelet.Request` and `edgelet.Response` share, as the fetch standard's body
mixin. A body is whole, or made chunk by chunk while it is read; it is read once, or not at all.
Whoever begins to read owns what makes it: dropping the reader gives that up.

Knows nothing of methods, statuses and URLs.

Source: https://fetch.spec.whatwg.org/#body-mixin
"""

from __future__ import annotations

import builtins
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any, NoReturn, TypeAlias
from weakref import ref

from edgelet.errors import EdgeletError, OptionError
from edgelet.headers import Headers
from edgelet.surrogates import replace_lone_surrogates

BodyChunk: TypeAlias = bytes | bytearray | memoryview | str
"""A piece of a body. Text is sent as UTF-8."""

BodyInit: TypeAlias = BodyChunk | AsyncIterable[BodyChunk] | None
"""What a body can be made from."""

TEXT = "text/plain;charset=UTF-8"
"""The content type of a body that is given as text."""


class Body:
    """The base of `Request` and `Response`: headers, and a body that is read once.

    Text sets `Content-Type` unless `headers` have one. Raises `OptionError` for a `body` that is
    neither text nor bytes nor an async iterable.

    >>> response = Response("Hello")
    >>> asyncio.run(response.text()), response.body_used
    ('Hello', True)
    """

    def __init__(self, body: BodyInit, headers: Headers) -> None:
        self.headers = headers
        self._content = _content(body)
        self._used = False
        self._reader: ref[BodyReader] | None = None
        if isinstance(body, str) and "content-type" not in headers:
            headers["content-type"] = TEXT

    @property
    def body(self) -> BodyReader:
        """The body's bytes as they come, chunk by chunk, none of them empty; nothing without body.

        Leaving the loop gives up the rest. `body_used` is true once the first chunk was asked for,
        and another iterator then raises `EdgeletError`. A chunk that is neither text nor bytes
        raises `OptionError`; what makes the chunks may raise errors of its own.

        >>> async for chunk in request.body:  # doctest: +SKIP
        ...     size += len(chunk)
        """
        return BodyReader(self)

    @property
    def body_used(self) -> bool:
        """Whether the body has been read, or begun to be. Never true without a body.

        >>> Response("Hello").body_used
        False
        """
        return self._used

    @property
    def whole(self) -> builtins.bytes | None:
        """The body, unless it has been read or is made as it is read: then None. For hosts.

        >>> Response("Hello").whole
        b'Hello'
        """
        content = b"" if self._content is None else self._content
        return None if self._used or not isinstance(content, builtins.bytes) else content

    async def text(self) -> str:
        r"""All of the body as text: UTF-8 without its byte order mark, faults as U+FFFD.

        Raises `EdgeletError` when the body has been read.

        >>> asyncio.run(Response(b"caf\xc3\xa9").text())
        'café'
        """
        return (await self.bytes()).decode("utf-8-sig", "replace")

    async def bytes(self) -> builtins.bytes:
        """All of the body. Raises `EdgeletError` when it has been read.

        >>> asyncio.run(Response("Hello").bytes())
        b'Hello'
        """
        return b"".join([chunk async for chunk in self.body])

    async def aclose(self) -> None:
        """Give up what has not been read, and what makes or carries it. May be called twice.

        >>> response = await fetch("https://example.com/large")  # doctest: +SKIP
        >>> await response.aclose()  # doctest: +SKIP
        """
        reader = None if self._reader is None else self._reader()
        content = self._content
        if reader is not None:
            await reader.aclose()
        elif content is not None:
            self._give_away()
            await _close(content)

    async def _read_json(self) -> Any:
        """All of the body, read as JSON. Raises `OptionError` when it is none."""
        text = await self.text()
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"the body is not JSON: {error}") from None

    def _begin(self, reader: BodyReader) -> AsyncIterator[BodyChunk]:
        """The chunks, for their one reader."""
        content = self._content
        if self._used:
            raise EdgeletError("this body has been read already; keep what the first reading gave")
        if content is None:
            return one_by_one(())
        self._give_away()
        self._reader = ref(reader)
        return aiter(content) if isinstance(content, AsyncIterable) else one_by_one((content,))

    def _give_away(self) -> None:
        """From here on the content belongs to whoever reads or closes it."""
        self._content, self._used = b"", True


class BodyReader(AsyncIterator[bytes]):
    """Reads one body. A class, so that dropping it needs no help of the event loop."""

    def __init__(self, body: Body) -> None:
        self._body: Body | None = body
        self._chunks: AsyncIterator[BodyChunk] | None = None

    async def __anext__(self) -> bytes:
        if self._body is not None:
            self._chunks = self._body._begin(self)  # noqa: SLF001 (a body and its reader are one)
            self._body = None
        while self._chunks is not None:
            chunk = encoded(await anext(self._chunks))
            if chunk:
                return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give up the rest; before the first chunk, that is all."""
        body, chunks, self._body, self._chunks = self._body, self._chunks, None, None
        if body is not None and not body.body_used:
            await body.aclose()
        await _close(chunks)


async def one_by_one(chunks: Iterable[BodyChunk]) -> AsyncIterator[BodyChunk]:
    """The same chunks, asynchronously."""
    for chunk in chunks:
        yield chunk


def encoded(chunk: object) -> bytes:
    """Text or bytes as bytes. Raises `OptionError` for anything else."""
    match chunk:
        case bytes():
            return chunk
        case str():
            return replace_lone_surrogates(chunk).encode()
        case bytearray() | memoryview():
            return bytes(chunk)
    raise OptionError(f"a chunk of a body must be text or bytes, got {type(chunk).__name__}")


def _content(body: object) -> bytes | AsyncIterable[BodyChunk] | None:
    match body:
        case None | AsyncIterable():
            return body
        case str() | bytes() | bytearray() | memoryview():
            return encoded(body)
    raise OptionError(
        f"a body must be text, bytes or an async iterable of them, got {type(body).__name__}; "
        f"Response.json() writes a value, Response.stream() takes any iterable"
    )


async def _close(chunks: object) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")
