"""One slot of a worker process: a thread that runs one instance at a time.

A slot has a channel of its own to the server. It decides nothing but when an instance has to end;
what a function asks for goes to the server and comes back as it is.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from edgelet_host.sandbox.frames import Channel, ChannelClosed, Frame, packed
from edgelet_host.sandbox.imports import Imports
from edgelet_host.sandbox.instance import GuestInstance, Outcome, Runtime, linked
from edgelet_host.sandbox.limits import Limits
from edgelet_host.sandbox.run import Code, Run, Terms
from edgelet_host.sandbox.supervision import Supervision

_MOST_CODES = 64
"""Functions whose code a slot keeps."""
_MOST_NAME = 256
_MOST_TRACEBACK = 64 * 1024


class Slot:
    """Serves one channel until it closes."""

    def __init__(self, channel: Channel, runtime: Runtime) -> None:
        self._channel = channel
        self._runtime = runtime
        self._supervision = Supervision(channel, runtime.turns)
        self._codes: OrderedDict[str, Code] = OrderedDict()
        self._ready: tuple[Terms, GuestInstance, Run] | None = None
        """An instance with a function loaded, and what it was made for."""
        self._linker = linked(runtime.engine, Imports(self._supervision).table())

    def serve(self) -> None:
        """Do what the server asks, one thing at a time; return when it is gone."""
        try:
            while True:
                frame = self._channel.receive(None)
                if frame is None:
                    continue
                self._supervision.take_turn()
                match frame.facts.get("do"):
                    case "run":
                        self._answer(frame)
                    case "compile":
                        self._compile(frame)
                    case _:
                        pass  # an answer or a cancellation that came too late
                self._supervision.give_turn()
        except ChannelClosed:
            return

    def _answer(self, frame: Frame) -> None:
        facts = frame.facts
        code = self._code(facts["key"])
        terms = Terms(Limits(**facts["limits"]), code, json.dumps(facts["env"]), facts["folder"])
        instance, run, outcome = self._prepared(terms)
        if outcome is None:
            body = None if facts["streams"] else frame.data.decode("latin-1")
            run.is_loading = False
            run.models = {(model, precision): told for model, precision, told in facts["models"]}
            outcome = instance.call("handle", json.dumps({**facts["request"], "body": body}))
            end = self._end(run, outcome)
        else:
            end = {**self._end(run, outcome), "booting": True}
        self._supervision.run = None
        self._supervision.send_anyhow(packed(end))
        if facts["reuse"] and "failed" not in end and not run.warned:
            self._ready = terms, instance, run
            return
        instance.close()
        if facts["ahead"] and "booting" not in end:
            self._prepare_ahead(terms)

    def _prepared(self, terms: Terms) -> tuple[GuestInstance, Run, Outcome | None]:
        """An instance with the function loaded; or with what went wrong with that."""
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] == terms:
            _, instance, loaded = ready
            self._supervision.run = run = Run(terms, self._channel, printed=loaded.printed)
            for frame in loaded.pending:
                self._supervision.send(frame)
            return instance, run, None
        if ready is not None:
            ready[1].close()
        self._supervision.run = run = Run(terms, self._channel)
        instance, outcome = self._loaded(terms)
        return instance, run, None if outcome.kind == "done" else outcome

    def _prepare_ahead(self, terms: Terms) -> None:
        self._supervision.run = run = Run(terms, channel=None)
        instance, outcome = self._loaded(terms)
        self._supervision.run = None
        if outcome.kind == "done":
            self._ready = terms, instance, run
        else:
            instance.close()  # the next request will tell why

    def _loaded(self, terms: Terms) -> tuple[GuestInstance, Outcome]:
        instance = self._new_instance(terms.limits)
        return instance, instance.call("load", terms.env)

    def _new_instance(self, limits: Limits) -> GuestInstance:
        return GuestInstance(
            self._runtime, self._linker, limits.memory_limit_mb, self._supervision.slice_over
        )

    def _compile(self, frame: Frame) -> None:
        """Compile sources, a JSON object by file, in an instance without a function."""
        terms = Terms(Limits(**frame.facts["limits"]), Code("", {}), "", None)
        self._supervision.run = run = Run(terms, self._channel)
        instance = self._new_instance(terms.limits)
        codes: dict[str, str] = {}
        end: dict[str, Any] = {"is": "end"}
        for file, source in json.loads(frame.data).items():
            outcome = instance.call("compile", file, source)
            if outcome.kind != "done":
                end = {**self._end(run, outcome), "booting": True}
                break
            codes[file] = outcome.value
        self._supervision.run = None
        instance.close()
        self._supervision.send_anyhow(packed(end, json.dumps(codes).encode()))

    def _code(self, key: str) -> Code:
        code = self._codes.get(key)
        if code is None:
            self._supervision.send_anyhow(packed({"is": "without code"}))
            while code is None:
                frame = self._channel.receive(None)
                if frame is not None and frame.facts.get("do") == "keep":
                    code = Code(key, json.loads(frame.data))
            self._codes[key] = code
            while len(self._codes) > _MOST_CODES:
                self._codes.popitem(last=False)
        self._codes.move_to_end(key)
        return code

    def _end(self, run: Run, outcome: Outcome) -> dict[str, Any]:
        """How a run ended, for the server."""
        facts = {"is": "end", "cpu_ms": run.cpu_ms()}
        if run.ended_by is not None:  # even if it came to its end before it could be ended
            return {**facts, "failed": "ended", "by": run.ended_by}
        if outcome.kind == "done":
            return facts
        if outcome.reason == "MemoryError":
            return {**facts, "failed": "ended", "by": "memory_limit_mb"}
        failed = "raised" if outcome.kind == "raised" else "trapped"
        reason, detail = outcome.reason[:_MOST_NAME], _shortened(outcome.detail)
        return {**facts, "failed": failed, "reason": reason, "detail": detail}


def _shortened(traceback: str) -> str:
    """A traceback of bearable length: whoever raises chooses its words."""
    if len(traceback) <= _MOST_TRACEBACK:
        return traceback
    half = _MOST_TRACEBACK // 2
    return f"{traceback[:half]}\n…\n{traceback[-half:]}"
