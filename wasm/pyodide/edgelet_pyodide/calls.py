"""Calls of a `Session`, stepped from JavaScript.

JavaScript begins a call, performs the effect that it asks for, sends the answer in, and so on until
the call is done: no event loop stands between. A step is a flat JavaScript array, its kind first:

    ["env", name]
    ["open_model", model, precision, deadline]
    ["encoder", handle]                              a tokenizer of the host's library is needed
    ["run_model", handle, token_ids, lengths, output, alone, deadline]
    ["send", method, url, headers, body, deadline, not_before]
    ["receive", response, within, deadline]
    ["close", response]
    ["done", kind, …]                                the result; see `_result`
    ["failed", error]                                the error, as JSON

Calls, streams, models and responses are numbers on both sides, and everything else crosses by value
(JSON text, typed arrays), so that no proxy outlives a step.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from pyodide.ffi import to_js

from edgelet.asked import AskedStream, Chunks, asked_steps, embeddings_facts, error_facts
from edgelet.effects import (
    Close,
    DeadlinePassed,
    Effect,
    Env,
    OpenModel,
    Receive,
    ResponseHead,
    RunModel,
    Send,
    Steps,
    Together,
    TransportFailed,
)
from edgelet.embedding import Embeddings
from edgelet.errors import Aborted, EdgeletError, ModelError
from edgelet.models import OpenedModel, built_in_model
from edgelet_pyodide.opened import has_tokenizer, opened_model, with_encoder

__all__ = ["Calls"]


@dataclass(slots=True)
class _Call:
    """A call in progress: its generators, the innermost last, and the effect it waits for.

    `opened` is a model that still needs a tokenizer of the host's.
    """

    stack: list[Steps[Any]]
    effect: Effect | None = None
    opened: OpenedModel | None = None


class Calls:
    """All calls, streams and opened models of one runtime."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._calls: dict[int, _Call] = {}
        self._streams: dict[int, AskedStream] = {}
        self._models: dict[int, OpenedModel] = {}

    def begin(
        self, asked: str, now: float, progress: Callable[[int, int], object] | None = None
    ) -> int:
        """Begin a call; `advance` takes its first step.

        `asked` is JSON: `method` (`run`, `embed`, `generate`), `model`, `session` (keyword
        arguments of `Session`), `prompt` and `options`. `now` is the present instant, in seconds.
        """
        return self._begun(asked_steps(json.loads(asked), now, progress))

    def receive(self, stream: int) -> int:
        """Begin a call for the next chunks of a stream."""
        return self._begun(self._receive_steps(stream))

    def close(self, stream: int) -> int:
        """Begin a call that closes a stream. Its number means nothing any more afterwards."""
        return self._begun(_close_steps(self._streams.pop(stream, None)))

    def advance(self, call: int, answer: Any = None) -> Any:
        """Send the answer to the effect that the last step asked for; returns the next step."""
        state = self._calls[call]
        try:
            understood = self._understood(state, answer)
        except ModelError as failure:
            return self._resumed(call, None, failure)
        if isinstance(understood, OpenedModel):
            if not has_tokenizer(understood):
                state.opened = understood
                return to_js(["encoder", understood.handle])
            self._models[understood.handle] = understood
        return self._resumed(call, understood, None)

    def fail(self, call: int, kind: str, reason: str, at: float) -> Any:
        """Throw what went wrong with an effect into the call; returns the next step.

        `kind` is `deadline`, `aborted`, `model`, or the phase of a transport that failed. `at` is
        the instant, in seconds.
        """
        return self._resumed(call, None, _failure(kind, reason, at))

    def give_up(self, call: int) -> None:
        """Forget a call that will not be driven on."""
        given_up = self._calls.pop(call, None)
        if given_up is not None:
            for steps in reversed(given_up.stack):
                steps.close()

    def live(self) -> int:
        """How many calls and streams are alive."""
        return len(self._calls) + len(self._streams)

    def token_ids(self, handle: int, text: str, max_tokens: int) -> Any:
        """The token ids of a text by an opened model's tokenizer, as an `Int32Array`."""
        ids, _ = self._models[handle].tokenizer.encode(text, max_tokens)
        return to_js(array("i", ids))

    def _begun(self, steps: Steps[Any]) -> int:
        call = next(self._numbers)
        self._calls[call] = _Call([steps])
        return call

    def _resumed(self, number: int, answer: Any, failure: BaseException | None) -> Any:
        """Step the call until it asks for something that JavaScript must do."""
        call = self._calls[number]
        while True:
            steps = call.stack[-1]
            try:
                effect = steps.send(answer) if failure is None else steps.throw(failure)
            except StopIteration as stop:
                call.stack.pop()
                if not call.stack:
                    return self._done(number, stop.value)
                answer, failure = stop.value, None
                continue
            except Exception as error:
                call.stack.pop()
                if not call.stack:
                    return self._failed(number, error)
                answer, failure = None, error
                continue
            answer, failure = None, None
            call.effect = effect
            match effect:
                case Together(steps=lanes):
                    call.stack.append(_in_turn(lanes))
                case _:
                    return to_js(_described(effect))

    def _understood(self, call: _Call, answer: Any) -> Any:
        """The answer, from JavaScript's values into core's."""
        match call.effect:
            case RunModel():
                return answer.to_py()
            case Receive():
                return [data] if (data := answer.to_bytes()) else []
            case OpenModel() if call.opened is not None:
                opened, call.opened = with_encoder(call.opened, answer), None
                return opened
            case OpenModel():
                handle, card, tokenizer_json = answer
                if handle not in self._models:
                    return opened_model(handle, card, tokenizer_json.to_bytes())
                return self._models[handle]
            case Send():
                response, status, headers, at = answer
                return ResponseHead(response, status, json.loads(headers), at)
            case _:
                return answer

    def _done(self, number: int, result: Any) -> Any:
        del self._calls[number]
        if isinstance(result, AskedStream):
            stream = next(self._numbers)
            self._streams[stream] = result
            return to_js(["done", "stream", stream])
        return to_js(["done", *_result(result)])

    def _failed(self, number: int, error: Exception) -> Any:
        del self._calls[number]
        if not isinstance(error, EdgeletError):
            raise error
        return to_js(["failed", json.dumps(error_facts(error))])

    def _receive_steps(self, stream: int) -> Steps[Chunks]:
        opened = self._streams.get(stream)
        if opened is None:
            return Chunks([], ended=True)
        try:
            return (yield from opened.receive())
        finally:
            if opened.generation.ended:
                self._streams.pop(stream, None)


def _in_turn(lanes: tuple[Steps[Any], ...]) -> Steps[list[Any]]:
    """`Together` where one engine does all the work: side by side it could do no more."""
    results = []
    for lane in lanes:
        result = yield from lane
        results.append(result)
    return results


def _close_steps(opened: AskedStream | None) -> Steps[None]:
    if opened is not None:
        yield from opened.close()


def _described(effect: Effect) -> list[Any]:
    match effect:
        case Env(name):
            return ["env", name]
        case OpenModel(model, precision, deadline):
            built_in = built_in_model(model)
            return ["open_model", built_in.name if built_in else model, precision, deadline]
        case RunModel(handle, token_ids, lengths, output, alone, deadline):
            return ["run_model", handle, token_ids, lengths, output, alone, deadline]
        case Send(request, _, deadline, not_before):
            headers = json.dumps(dict(request.headers))
            whole = [request.method, request.url, headers, request.body]
            return ["send", *whole, deadline, not_before]
        case Receive(response, within, deadline):
            return ["receive", response, within, deadline]
        case Close(response):
            return ["close", response]
    raise TypeError(f"no effect: {effect!r}")


def _result(result: Any) -> Iterator[Any]:
    """A call's result as the rest of a `done` step: its kind, and what belongs to it."""
    match result:
        case Embeddings():
            yield "embeddings"
            yield result.values
            yield json.dumps(embeddings_facts(result))
        case Chunks(chunks, ended):
            yield "chunks"
            yield json.dumps(chunks)
            yield ended
        case None:
            yield "nothing"
        case _:
            yield "answer"
            yield json.dumps(result)


def _failure(kind: str, reason: str, at: float) -> Exception:
    match kind:
        case "deadline":
            return DeadlinePassed(at)
        case "aborted":
            return Aborted(reason or None)
        case "model":
            return ModelError(reason)
        case "connect" | "connect timeout" | "exchange":
            return TransportFailed(kind, reason, at)
    return RuntimeError(reason)
