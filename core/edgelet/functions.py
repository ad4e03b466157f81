"""`serve`, and calling what was served: a function module is a handler of requests.

A host loads a module within `loading()`, takes the handler that the module served, and asks it with
`respond()`. Without a host, `serve` does nothing, so that a module can be imported and tested like
any other. Knows nothing of how modules are found and isolated, or of how requests arrive.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias, TypeVar

from edgelet.errors import FunctionError, OptionError
from edgelet.http import Request, Response

Handler: TypeAlias = Callable[[Request], Response | Awaitable[Response]]
"""A function of a request that gives a response, at once or when awaited."""

H = TypeVar("H", bound=Handler)


def serve(handler: H) -> H:
    """Answer requests with `handler`, a function of a `Request` that gives a `Response`.

    The twin of `Deno.serve`: a decorator, or called with the handler, once in a module. The handler
    may be `async` or not, and is returned unchanged.

    Raises `OptionError` for what cannot be called, `FunctionError` for a module's second handler.

    >>> @serve
    ... async def hello(request: Request) -> Response:
    ...     return Response(f"Hello {request.query['name']}")
    >>> asyncio.run(asyncio.run(hello(Request("http://localhost/?name=Ada"))).text())
    'Hello Ada'
    """
    if not callable(handler):
        raise OptionError(f"serve takes a function of one request, got {type(handler).__name__}")
    loaded = _loading.get()
    if loaded is not None:
        loaded.take(handler)
    return handler


class Loaded:
    """What a module served while it was loaded; see `loading`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._handler: Handler | None = None

    @property
    def handler(self) -> Handler:
        """The handler. Raises `FunctionError` when the module served none.

        >>> with loading() as loaded:
        ...     _ = serve(print)
        >>> loaded.handler is print
        True
        """
        if self._handler is None:
            raise FunctionError(f"{self._name} serves no handler; decorate one with @serve")
        return self._handler

    def take(self, handler: Handler) -> None:
        """Keep the handler. Raises `FunctionError` when there is one already."""
        if self._handler is not None:
            raise FunctionError(f"{self._name} serves two handlers; decorate one with @serve")
        self._handler = handler


@contextmanager
def loading(name: str = "the module") -> Iterator[Loaded]:
    r"""Hand what `serve` is given, within this context, to a host. `name` stands in its errors.

    >>> with loading("hello") as loaded:
    ...     exec("@serve\ndef hello(request): return Response('Hello')")
    >>> loaded.handler.__name__
    'hello'
    """
    loaded = Loaded(name)
    token = _loading.set(loaded)
    try:
        yield loaded
    finally:
        _loading.reset(token)


async def respond(handler: Handler, request: Request) -> Response:
    """Call the handler, await what it gives if need be, and return its response.

    Raises `FunctionError` when it gave something else, and what the handler raises.

    >>> response = asyncio.run(respond(lambda _: Response("Hello"), Request("http://localhost/")))
    >>> response.status
    200
    """
    answer: object = handler(request)
    if isinstance(answer, Awaitable):
        answer = await answer
    if not isinstance(answer, Response):
        given = "nothing" if answer is None else type(answer).__name__
        raise FunctionError(
            f"the handler returned {given} instead of a Response; "
            f"return Response(...) or Response.json(...)"
        )
    return answer


_loading: ContextVar[Loaded | None] = ContextVar("edgelet_loading", default=None)
