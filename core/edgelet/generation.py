"""One generation, from request to last chunk: deadlines, retries, and the rule for success.

The rule: an answer is complete when a finish reason, `done: true` or `[DONE]` was seen. A stream
that ends with none of them is an error, raised after every chunk that did arrive.

Every method that waits is steps over `Send`, `Receive` and `Close`. Knows nothing of a dialect's
details, and never reads a clock: `open` is told the present instant.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from edgelet.decoders import EVENT_LIMIT
from edgelet.dialects import Dialect, Mode, Reader
from edgelet.dialects.server_error import host_error
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
from edgelet.errors import (
    BetweenChunksTimeout,
    ConnectionFailed,
    ConnectTimeout,
    EdgeletError,
    FirstChunkTimeout,
    OptionError,
    ProtocolError,
    TotalTimeout,
)
from edgelet.inference_host import InferenceHost

INCOMPLETE = "Did not receive done or success response in stream."
"""Supabase's words for a stream that ends without success."""

_LONGEST_ERROR_BODY = 64 * 1024
_LONGEST_WAIT_FOR_ERROR_BODY = 2.0
"""Seconds: the status is known already, and an error is small."""
_RETRIED_STATUSES = frozenset({429, 502, 503, 504})
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0

_log = logging.getLogger("edgelet")


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """How one generation is made. All limits are in seconds; None means no limit.

    `timeout` bounds the whole call (Supabase's default, 60), `connect_timeout` the connection,
    `first_chunk_timeout` the wait from the request to the first byte of the answer (a server may
    have to load the model), `between_chunks_timeout` each silence after that. `retries` is how
    often a request is sent again when it failed before the head of its answer, or was answered with
    a status that asks for it (429, 502, 503, 504). `fields` are further fields
    of the request, passed through.
    """

    mode: Mode = "ollama"
    stream: bool = False
    timeout: float | None = 60.0
    connect_timeout: float | None = 10.0
    first_chunk_timeout: float | None = 300.0
    between_chunks_timeout: float | None = 60.0
    retries: int = 0
    fields: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing."""
        for name in ("timeout", "connect_timeout", "first_chunk_timeout", "between_chunks_timeout"):
            check_seconds(name, getattr(self, name))
        if type(self.stream) is not bool:
            raise OptionError(f"stream must be True or False, got {self.stream!r}")
        if type(self.retries) is not int or self.retries < 0:
            raise OptionError(f"retries must be a whole number from 0, got {self.retries!r}")


def check_seconds(name: str, value: object) -> None:
    """Raise `OptionError` unless `value` is None or a positive number of seconds."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1e9:
        raise OptionError(f"{name} must be a positive number of seconds or None, got {value!r}")


class Generation:
    """One request to an inference host and the answer to it.

    `open`, then `receive` until `ended`; `close` at any time. A driver that is thrown out of a wait
    (cancelled, aborted) need not close: the steps do.
    """

    def __init__(
        self, host: InferenceHost, request: HttpRequest, dialect: Dialect, options: GenerateOptions
    ) -> None:
        self.ended = False
        self.chunk = dialect.chunk
        self._host = host
        self._request = request
        self._dialect = dialect
        self._options = options
        self._response: Any = None
        self._reader: Reader = dialect.reader("", EVENT_LIMIT)
        self._failure: EdgeletError | None = None
        self._received = False
        self._total_deadline: float | None = None
        self._first_deadline: float | None = None

    def open(self, now: float) -> Steps[None]:
        """Send the request, again if that was asked for, and wait for the head of the answer.

        `now` is the present instant on the host's clock, in seconds.
        Raises `InferenceHostError`, `ConnectionFailed` or a `DeadlineExceeded`.
        """
        options = self._options
        self._total_deadline = _after(now, options.timeout)
        not_before: float | None = None
        attempt = 0
        while True:
            begins = now if not_before is None else not_before
            self._first_deadline = _after(begins, options.first_chunk_timeout)
            failure = yield from self._attempt(not_before)
            if failure is None:
                return
            error, at, pause = failure
            error = self._host.without_secrets(error)
            pause = None if pause is None else max(pause, _FIRST_PAUSE * 2 ** min(attempt, 6))
            in_time = pause is not None and at + pause < (self._total_deadline or math.inf)
            if pause is None or not in_time or attempt == options.retries:
                self.ended = True
                raise error from None
            not_before = at + pause
            attempt += 1
            _log.warning("retry %d of %d in %g s: %s", attempt, options.retries, pause, error)

    def receive(self) -> Steps[list[dict[str, Any]]]:
        """Wait for the next raw chunks: all that are ready, and `[]` only at the end.

        Raises `InferenceHostError`, `ProtocolError`, `ConnectionFailed` or a `DeadlineExceeded`.
        """
        chunks: list[dict[str, Any]] = []
        while not chunks and not self.ended:
            if self._failure is not None:
                yield from self._fail(self._failure)
            try:
                data: list[bytes] = yield self._next_wait()
            except (DeadlinePassed, TransportFailed) as failure:
                # llamafile may drop the connection after its last chunk.
                if not self._reader.succeeded and not self._is_closed():
                    yield from self._fail(self._error(failure))
                yield from self.close()
                return chunks
            except GeneratorExit:
                raise
            except BaseException:
                yield from self.close()
                raise
            if self._is_closed():  # by another task, meanwhile
                return []
            self._received = True
            self._read(data, chunks)
            if self._reader.complete and self._failure is None:
                yield from self.close()
        return chunks

    def close(self) -> Steps[None]:
        """Give up what has not arrived yet. May be called twice."""
        if not self.ended:
            self.ended = True
            if self._response is not None:
                yield Close(self._response)

    def _is_closed(self) -> bool:
        return self.ended

    def whole(self, now: float) -> Steps[dict[str, Any]]:
        """The answer to a request that did not ask for a stream: its one raw object."""
        yield from self.open(now)
        answer: dict[str, Any] | None = None
        while not self.ended:
            for raw in (yield from self.receive()):
                if answer is not None:
                    yield from self._fail(
                        ProtocolError("expected one JSON object, got a stream of them")
                    )
                answer = raw
        if answer is None:
            raise ProtocolError("expected a JSON object, got an empty answer")
        return answer

    def _attempt(
        self, not_before: float | None
    ) -> Steps[tuple[EdgeletError, float, float | None] | None]:
        """One `Send`. None, or the error, its instant, and the pause asked for (None: no retry)."""
        deadline = _earliest(self._first_deadline, self._total_deadline)
        try:
            head: ResponseHead = yield Send(
                self._request, self._options.connect_timeout, deadline, not_before
            )
        except DeadlinePassed as failure:
            return self._error(failure), failure.at, None
        except TransportFailed as failure:
            return self._error(failure), failure.at, 0.0
        self._response = head.response
        if 200 <= head.status < 300:
            content_type = head.headers.get("content-type", "").lower()
            self._reader = self._dialect.reader(content_type, EVENT_LIMIT)
            return None
        body = yield from self._error_body(head)
        retry = _retry_after(head) if head.status in _RETRIED_STATUSES else None
        return host_error(head.status, head.headers, body), head.at, retry

    def _error_body(self, head: ResponseHead) -> Steps[bytes]:
        """The start of an error's body; if it does not arrive, the status alone must do."""
        body = b""
        deadline = _earliest(head.at + _LONGEST_WAIT_FOR_ERROR_BODY, self._total_deadline)
        try:
            while len(body) < _LONGEST_ERROR_BODY:
                data: list[bytes] = yield Receive(head.response, None, deadline)
                if not data:
                    break
                body += b"".join(data)
        except (DeadlinePassed, TransportFailed):
            pass
        except GeneratorExit:
            raise
        except BaseException:
            yield from self.close()
            raise
        self._response = None
        yield Close(head.response)
        return body[:_LONGEST_ERROR_BODY]

    def _read(self, data: list[bytes], chunks: list[dict[str, Any]]) -> None:
        """Decode into `chunks`; keep a failure for the next `receive` if chunks came before it."""
        try:
            for piece in data:
                _extend(chunks, self._reader.feed(piece))
            if data:
                _extend(chunks, self._reader.feed(b""))  # asks for an error that came after chunks
            else:
                _extend(chunks, self._reader.finish())
                if self._options.stream and not self._reader.succeeded:
                    raise ProtocolError(INCOMPLETE)
                self._reader.complete = True
        except EdgeletError as failure:
            self._failure = self._host.without_secrets(failure)

    def _next_wait(self) -> Receive:
        if self._received:
            silence = self._options.between_chunks_timeout
            return Receive(self._response, silence, self._total_deadline)
        return Receive(self._response, None, _earliest(self._first_deadline, self._total_deadline))

    def _fail(self, error: EdgeletError) -> Steps[NoReturn]:
        yield from self.close()
        raise error from None

    def _error(self, failure: DeadlinePassed | TransportFailed) -> EdgeletError:
        options = self._options
        match failure:
            case DeadlinePassed(at=at) if at >= (self._total_deadline or math.inf):
                return TotalTimeout(options.timeout or 0.0)
            case DeadlinePassed() if self._received:
                return BetweenChunksTimeout(options.between_chunks_timeout or 0.0)
            case DeadlinePassed():
                return FirstChunkTimeout(options.first_chunk_timeout or 0.0)
            case TransportFailed(phase="connect timeout"):
                return ConnectTimeout(options.connect_timeout or 0.0)
            case TransportFailed(phase="connect", reason=reason):
                return ConnectionFailed(
                    f"cannot connect to the inference host at {self._host.origin} ({reason}); "
                    f"check that it runs and that AI_INFERENCE_API_HOST names it"
                )
        return ConnectionFailed(
            f"the connection to the inference host at {self._host.origin} was lost "
            f"before the answer was complete ({failure.reason})"
        )


def _extend(chunks: list[dict[str, Any]], more: Iterator[dict[str, Any]]) -> None:
    """Append one by one: what was decoded before a failure is kept."""
    for chunk in more:
        chunks.append(chunk)  # noqa: PERF402


def _after(now: float, seconds: float | None) -> float | None:
    return None if seconds is None else now + seconds


def _earliest(*deadlines: float | None) -> float | None:
    return min((at for at in deadlines if at is not None), default=None)


def _retry_after(head: ResponseHead) -> float:
    """The pause a server asks for, in seconds (RFC 9110, section 10.2.3; dates are not read)."""
    value = head.headers.get("retry-after", "")
    return min(float(value), _LONGEST_PAUSE) if value.isascii() and value.isdigit() else 0.0
