"""`SyncSession`: a `Session` for scripts, without `await`.

A thin shell: it keeps one event loop and runs every call of the asynchronous session on it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Generic, Literal, Self, TypeVar, Unpack, overload

from edgelet.chunk import Chunk
from edgelet.drive import Stream, in_event_loop, runner
from edgelet.embedding import Embeddings
from edgelet.errors import EdgeletError
from edgelet.options import RunOptions
from edgelet.session import Session

T = TypeVar("T")


class SyncStream(Generic[T]):
    """The chunks of one generation, as they arrive; leaving it early closes the connection."""

    def __init__(self, stream: Stream[T], wait: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._stream = stream
        self._wait = wait

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            chunk: T = self._wait(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None
        return chunk

    def close(self) -> None:
        """Close the connection; what has not been read is dropped."""
        self._wait(self._stream.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SyncSession:
    """A `Session` whose calls wait. Takes the same arguments; close it, or use it in `with`.

    Raises `EdgeletError` where an event loop is running already: use `Session` and `await` there.

    >>> with SyncSession("all-MiniLM-L6-v2") as session:  # doctest: +SKIP
    ...     session.run("Hello world")
    """

    def __init__(self, model: str, **arguments: Any) -> None:
        self.session = Session(model, **arguments)
        self._runner = runner()

    def run(self, prompt: object, **options: Unpack[RunOptions]) -> Any:
        """See `Session.run`; a stream is a plain iterator here."""
        result = self._wait(self.session.run(prompt, **options))
        return SyncStream(result, self._wait) if isinstance(result, Stream) else result

    def embed(self, texts: str | list[str] | tuple[str, ...], **options: Any) -> Embeddings:
        """See `Session.embed`."""
        return self._wait(self.session.embed(texts, **options))

    @overload
    def generate(
        self, prompt: object, *, stream: Literal[False] = False, **fields: Any
    ) -> Chunk: ...
    @overload
    def generate(
        self, prompt: object, *, stream: Literal[True], **fields: Any
    ) -> SyncStream[Chunk]: ...
    def generate(
        self, prompt: object, *, stream: bool = False, **fields: Any
    ) -> Chunk | SyncStream[Chunk]:
        """See `Session.generate`; a stream is a plain iterator here."""
        if stream:
            streamed = self.session.generate(prompt, stream=True, **fields)
            return SyncStream(self._wait(streamed), self._wait)
        whole: Chunk = self._wait(self.session.generate(prompt, **fields))
        return whole

    def close(self) -> None:
        """End the event loop. May be called twice."""
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, call: Coroutine[Any, Any, T]) -> T:
        if in_event_loop():
            call.close()
            raise EdgeletError(
                "SyncSession cannot wait inside a running event loop; use Session and await there"
            )
        return self._runner.run(call)
