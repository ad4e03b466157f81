"""Every error that edgelet raises on purpose.

    EdgeletError
    ├── OptionError (ValueError)             a bad option or input: what was wrong, what is allowed
    ├── TextTooLong (ValueError)             a text over the model's limit, with truncate=False
    ├── ModelError                           a model that cannot be found, fetched, built or opened
    ├── InferenceHostError                   the inference host refused: its status, its own words
    ├── ProtocolError                        the inference host sent what no protocol allows
    ├── ConnectionFailed (ConnectionError)   no connection, or a connection lost
    ├── FunctionError                        a function that cannot be loaded or gave no response
    ├── Aborted                              the caller's signal fired
    └── DeadlineExceeded (TimeoutError)
        ├── ConnectTimeout                   no connection within connect_timeout
        ├── FirstChunkTimeout                no first byte of the answer within first_chunk_timeout
        ├── BetweenChunksTimeout             silence longer than between_chunks_timeout
        └── TotalTimeout                     the whole call took longer than timeout

A message is one sentence for a person: what was wrong, what was expected, what to do. No message
carries a key, a header or a prompt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar


class EdgeletError(Exception):
    """The base of all errors that edgelet raises on purpose. They can be copied and pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(
    kind: type[EdgeletError], arguments: tuple[Any, ...], state: dict[str, Any]
) -> EdgeletError:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(state)
    return error


class OptionError(EdgeletError, ValueError):
    """A bad option or input."""

    @classmethod
    def unknown(cls, what: str, given: object, allowed: Iterable[str]) -> OptionError:
        """An option, mode or precision that does not exist, with the list of those that do.

        >>> raise OptionError.unknown("mode", "olama", ["ollama", "openaicompatible"])
        Traceback (most recent call last):
        edgelet.errors.OptionError: unknown mode 'olama'; use one of: ollama, openaicompatible
        """
        return cls(f"unknown {what} {given!r}; use one of: {', '.join(allowed)}")


class TextTooLong(EdgeletError, ValueError):
    """A text over the model's limit, refused because `truncate=False`. `index` is its place."""

    def __init__(self, index: int, max_tokens: int, model: str) -> None:
        super().__init__(
            f"text {index} is longer than the {max_tokens} tokens that {model} takes; "
            f"split it, or let it be cut with truncate=True"
        )
        self.index = index
        self.max_tokens = max_tokens


class ModelError(EdgeletError):
    """A model that cannot be found, fetched, built or opened."""


class InferenceHostError(EdgeletError):
    """The inference host answered with an error.

    `status` is the HTTP status (200 when the error came inside a stream); `server_message` is the
    server's own words; `body` is the start of the raw answer.
    """

    def __init__(self, status: int, server_message: str, body: str = "") -> None:
        super().__init__(f"the inference host answered {status}: {server_message}")
        self.status = status
        self.server_message = server_message
        self.body = body


class ProtocolError(EdgeletError):
    """The inference host sent bytes that its protocol does not allow."""


class ConnectionFailed(EdgeletError, ConnectionError):
    """No connection to a server, or a connection lost before the answer was complete."""


class FunctionError(EdgeletError):
    """A function that cannot be loaded or gave no response."""


class Aborted(EdgeletError):
    """The caller's `AbortSignal` fired. `reason` is what `abort()` was given."""

    def __init__(self, reason: object = None) -> None:
        super().__init__("the call was aborted" + (f": {reason}" if reason is not None else ""))
        self.reason = reason


class DeadlineExceeded(EdgeletError, TimeoutError):
    """A wait took too long. `option` names the limit that fired, `seconds` is its value."""

    option: ClassVar[str] = "timeout"
    waited_for: ClassVar[str] = "the call to finish"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"waited {seconds:g} s for {self.waited_for}; allow more with {self.option}="
        )
        self.seconds = seconds


class ConnectTimeout(DeadlineExceeded):
    """No connection within `connect_timeout`."""

    option = "connect_timeout"
    waited_for = "a connection to the inference host"


class FirstChunkTimeout(DeadlineExceeded):
    """No first byte of the answer within `first_chunk_timeout`."""

    option = "first_chunk_timeout"
    waited_for = "the first chunk of the answer"


class BetweenChunksTimeout(DeadlineExceeded):
    """Silence longer than `between_chunks_timeout`."""

    option = "between_chunks_timeout"
    waited_for = "the next chunk of the answer"


class TotalTimeout(DeadlineExceeded):
    """The whole call took longer than `timeout`."""
