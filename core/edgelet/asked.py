"""Calls of a `Session` that come from another language, as JSON.

What a JavaScript session asks is understood here, wherever core runs for it: inside Pyodide beside
it, or in a server that it asks. Knows what a call means; knows nothing of how it travels.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from typing import Any

from edgelet.dialects import DIALECTS
from edgelet.effects import Effect, Steps
from edgelet.embedding import Embeddings
from edgelet.errors import EdgeletError
from edgelet.generation import Generation
from edgelet.options import embed_options, generate_options
from edgelet.session import Session

_View = Callable[[dict[str, Any]], Any]


@dataclass(slots=True)
class Chunks:
    """What one `receive` of a stream gave. After `ended` there are no more."""

    chunks: list[Any]
    ended: bool


@dataclass(frozen=True, slots=True)
class AskedStream:
    """A stream that has begun, as who asked for it sees it."""

    generation: Generation
    _view: _View

    def receive(self) -> Steps[Chunks]:
        """Wait for the next chunks: all that are ready, as JSON values."""
        chunks = yield from self.generation.receive()
        return Chunks([self._view(chunk) for chunk in chunks], self.generation.ended)

    def close(self) -> Steps[None]:
        """Give up what has not arrived yet. May be called twice."""
        yield from self.generation.close()


def asked_steps(
    asked: dict[str, Any],
    now: float,
    progress: Callable[[int, int], object] | None = None,
) -> Generator[Effect, Any, Embeddings[Any] | AskedStream | Any]:
    """The meaning of a call: `Embeddings`, an `AskedStream`, or an answer as a JSON value.

    `asked` has `method` (`run`, `embed`, `generate`), `model`, `session` (keyword arguments of
    `Session`), `prompt` and `options`. `now` is the present instant, in seconds. Raises what
    `Session` raises.

    >>> from edgelet.drive import drive
    >>> from edgelet.testing import FakeHost
    >>> asked = {"method": "generate", "model": "mistral", "session": {}, "prompt": "Hi"}
    >>> steps = asked_steps({**asked, "options": {}}, now=0.0)
    >>> asyncio.run(drive(steps, FakeHost(reply="Hello")))["text"]
    'Hello'
    """
    session = Session(asked["model"], **asked["session"])
    prompt, given = asked.get("prompt"), asked["options"]
    if progress is not None:
        given["progress"] = progress
    match asked["method"]:
        case "embed":
            return (yield from session.embed_steps(prompt, embed_options(given), now))
        case "generate":
            options = generate_options(given)
            view: _View = lambda raw: asdict(DIALECTS[options.mode].chunk(raw))  # noqa: E731
            return _viewed((yield from session.generate_steps(prompt, options, now)), view)
        case _:
            return _viewed((yield from session.run_steps(prompt, given, now)), _raw)


def embeddings_facts(embeddings: Embeddings[Any]) -> dict[str, Any]:
    """What is told of embeddings beside their values."""
    return {
        "card": asdict(embeddings.card),
        "pooled": embeddings.pooled,
        "token_counts": embeddings.token_counts,
        "truncated": embeddings.truncated,
    }


def error_facts(error: EdgeletError) -> dict[str, Any]:
    """What is told of an error: its class, its message, and its plain attributes.

    >>> error_facts(EdgeletError("no"))
    {'name': 'EdgeletError', 'message': 'no'}
    """
    plain = {
        name: value
        for name, value in vars(error).items()
        if isinstance(value, str | int | float | bool)
    }
    return {**plain, "name": type(error).__name__, "message": str(error)}


def _viewed(result: Any, view: _View) -> Any:
    match result:
        case Generation():
            return AskedStream(result, view)
        case Embeddings():
            return result
        case _:
            return view(result)


def _raw(chunk: dict[str, Any]) -> dict[str, Any]:
    return chunk
