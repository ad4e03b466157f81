"""`SyncSession`: a `Session` for scripts, without `await`.

A thin shell: it keeps one event loop and runs every call of the asynchronous session on it.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, Self, TypeVar, Unpack, overload
from weakref import WeakSet

from edgelet.abort import AbortSignalLike
from edgelet.chunk import Chunk
from edgelet.drive import Stream, in_event_loop, runner
from edgelet.embedding import Embeddings
from edgelet.errors import EdgeletError
from edgelet.models import Precision
from edgelet.options import EmbedArguments, RunOptions
from edgelet.session import Session

T = TypeVar("T")
Wait = Callable[[Coroutine[Any, Any, Any]], Any]


class SyncStream(Generic[T]):
    """The chunks of one generation, as they arrive.

    Leaving it early, by `with`, `close()` or out of a `for` loop, closes the connection.
    """

    def __init__(self, stream: Stream[T], wait: Wait) -> None:
        self._stream = stream
        self._wait = wait
        self._closed = False

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                try:
                    yield next(self)
                except StopIteration:
                    return
        finally:
            self.close()

    def __next__(self) -> T:
        if self._closed:
            raise StopIteration
        ready = self._stream.take_ready()  # running the loop costs more than all else
        if ready is not None:
            return ready
        try:
            chunk: T = self._wait(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None
        return chunk

    def close(self) -> None:
        """Close the connection; what has not been read is dropped. May be called twice."""
        if not self._closed:
            self._closed = True
            self._wait(self._stream.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SyncSession:
    """A `Session` whose calls wait. Takes the same arguments; close it, or use it in `with`.

    It may be used from several threads, which take turns. Raises `EdgeletError` where an event loop
    is running already (use `Session` and `await` there), and once it is closed.

    >>> with SyncSession("all-MiniLM-L6-v2") as session:  # doctest: +SKIP
    ...     session.run("Hello world")
    """

    def __init__(
        self,
        model: str,
        *,
        precision: Precision | None = None,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
    ) -> None:
        self.session = Session(
            model, precision=precision, host=host, headers=headers, api_key=api_key
        )
        self._runner = runner()
        self._turn = threading.RLock()
        self._closed = self._used = False
        self._streams: WeakSet[SyncStream[Any]] = WeakSet()

    def run(self, prompt: object, **options: Unpack[RunOptions]) -> Any:
        """See `Session.run`; a stream is a plain iterator here."""
        result = self._wait(self.session.run(prompt, **options))
        return self._stream(result) if isinstance(result, Stream) else result

    @overload
    def embed(
        self,
        texts: Sequence[str],
        *,
        mean_pool: Literal[True] = True,
        signal: AbortSignalLike | None = ...,
        **options: Unpack[EmbedArguments],
    ) -> Embeddings[array[float]]: ...
    @overload
    def embed(
        self,
        texts: Sequence[str],
        *,
        mean_pool: bool,
        signal: AbortSignalLike | None = ...,
        **options: Unpack[EmbedArguments],
    ) -> Embeddings[Any]: ...
    def embed(
        self,
        texts: Sequence[str],
        *,
        mean_pool: bool = True,
        signal: AbortSignalLike | None = None,
        **options: Unpack[EmbedArguments],
    ) -> Embeddings[Any]:
        """See `Session.embed`."""
        call = self.session.embed(texts, mean_pool=mean_pool, signal=signal, **options)
        return self._wait(call)

    @overload
    def generate(
        self, prompt: object, *, stream: Literal[False] = False, **fields: Any
    ) -> Chunk: ...
    @overload
    def generate(
        self, prompt: object, *, stream: Literal[True], **fields: Any
    ) -> SyncStream[Chunk]: ...
    @overload
    def generate(
        self, prompt: object, *, stream: bool, **fields: Any
    ) -> Chunk | SyncStream[Chunk]: ...
    def generate(
        self, prompt: object, *, stream: bool = False, **fields: Any
    ) -> Chunk | SyncStream[Chunk]:
        """See `Session.generate`; a stream is a plain iterator here."""
        result = self._wait(self.session.generate(prompt, stream=stream, **fields))
        return self._stream(result) if isinstance(result, Stream) else result

    def close(self) -> None:
        """Close what is still open, and end the event loop. May be called twice."""
        with self._turn:
            if self._closed:
                return
            if self._used:
                _refuse_in_event_loop()
            for stream in list(self._streams):
                stream.close()
            self._closed = True
            self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stream(self, stream: Stream[T]) -> SyncStream[T]:
        synchronous = SyncStream(stream, self._wait)
        self._streams.add(synchronous)
        return synchronous

    def _wait(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            _refuse_in_event_loop()
            with self._turn:
                if self._closed:
                    raise EdgeletError("this SyncSession is closed; make another one")
                self._used = True
                return self._runner.run(call)
        finally:
            call.close()


def _refuse_in_event_loop() -> None:
    if in_event_loop():
        raise EdgeletError(
            "SyncSession cannot wait inside a running event loop; use Session and await there"
        )
