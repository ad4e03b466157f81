"""The seam: what core asks of a host, as plain values.

Core's logic is written as generators that *yield what they need and receive what they got*. A
driver (`edgelet.drive` for asyncio, the npm package for JavaScript, the component's guest adapter)
steps such a generator, performs each effect, and sends the answer back in or throws a failure.

There are five effects: `Env`, `OpenModel`, `RunModel`, the `Send`/`Receive`/`Close` trio, and
nothing else. `Together` is not an effect but a way to combine steps: it asks the driver to run
several generators side by side.

Time belongs to the host. Every deadline here is an instant, in seconds, on the host's own monotonic
clock (any origin); the driver passes the present instant into the steps that need one, and stops
waiting when a deadline passes. Core never reads a clock.

This module knows nothing of embeddings, dialects or hosts.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from edgelet.models import Precision

T = TypeVar("T")

Output = Literal[
    "sentence_embedding", "sentence_embedding_raw", "token_embeddings", "token_embeddings_raw"
]
"""The outputs of a model artefact: pooled or one row per token; L2-normalised or raw."""


@dataclass(frozen=True, slots=True)
class Env:
    """Read one configuration variable. Answer: `str`, or `None` when it is not set."""

    name: str


@dataclass(frozen=True, slots=True)
class OpenModel:
    """Find, check and load an embedding model. Answer: `edgelet.models.OpenedModel`.

    The host reports its own progress, and shares one opened model between all who ask for the same
    `model` and `precision`. `precision=None` asks for the host's default.
    """

    model: str
    precision: Precision | None
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class RunModel:
    """Run one batch of texts. Answer: one flat float32 buffer.

    `token_ids` is an `array('i')` holding the texts' ids one after another, without padding;
    `lengths` is an `array('i')` with the number of tokens of each text. The host pads to the
    longest text of the batch. The answer has shape `[texts, dimensions]` for the sentence outputs
    and `[texts, longest, dimensions]` for the token outputs; rows past a text's length are
    undefined.
    `alone` says that no other batch of the call runs beside this one, so that the host may give it
    all cores.
    """

    handle: Any
    token_ids: array[int]
    lengths: array[int]
    output: Output
    alone: bool = False
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request, whole: the body is known before it is sent, so its length is too."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request and wait for the head of its response. Answer: `ResponseHead`.

    `connect_within` bounds the connection phase alone, in seconds, where the host can tell it
    apart. `not_before` is an instant before which the host must not send (the pause before a
    retry).
    """

    request: HttpRequest
    connect_within: float | None = None
    deadline: float | None = None
    not_before: float | None = None


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A response whose body has not been read yet.

    `headers` has lower-case names. `response` is the host's own handle, given back in `Receive` and
    `Close`. `at` is the instant at which the head arrived.
    """

    response: Any
    status: int
    headers: Mapping[str, str]
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for bytes of a response body. Answer: a list of *all* chunks that are ready; `[]` = end.

    `within` bounds this one wait, in seconds from its start; `deadline` is an instant. The earlier
    of the two holds.
    """

    response: Any
    within: float | None = None
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Give up a response; its connection is closed if the body was not read to its end."""

    response: Any


@dataclass(frozen=True, slots=True)
class Together:
    """Run several steps side by side. Answer: their results as a list, in order.

    The first failure stops the others and is thrown in here.
    """

    steps: tuple[Steps[Any], ...]


Effect = Env | OpenModel | RunModel | Send | Receive | Close | Together
Steps = Generator[Effect, Any, T]
"""A piece of core's logic: yields effects, is sent their answers, returns `T`."""


class DeadlinePassed(Exception):
    """Thrown into steps by a driver: the effect in hand took too long. Never leaves core.

    `at` is the instant, never before the deadline that passed.
    """

    def __init__(self, at: float) -> None:
        super().__init__()
        self.at = at


class TransportFailed(Exception):
    """Thrown into steps by a host: the network failed under `Send` or `Receive`. Never leaves core.

    `phase` says how far it had come; `reason` is the network's own words; `at` is the instant.
    """

    def __init__(
        self,
        phase: Literal["connect", "connect timeout", "exchange"],
        reason: str,
        at: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.phase = phase
        self.reason = reason
        self.at = at
