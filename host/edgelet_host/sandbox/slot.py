"""One slot of a worker process: a thread that runs one instance at a time.

A slot has a channel of its own to the server. It decides nothing but when an instance has to end;
what a function asks for goes to the server and comes back as it is.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from wasmtime.component import Record, Variant

from edgelet_host.sandbox.frames import Channel, ChannelClosed, Frame, packed
from edgelet_host.sandbox.instance import GuestInstance, Outcome, Runtime, linked
from edgelet_host.sandbox.limits import Limits

_MOST_CODES = 64
"""Functions whose code a slot keeps."""


@dataclass(slots=True)
class Code:
    """A function's modules as the server has them: `code`, `source` and `package` by name."""

    key: str
    modules: dict[str, dict[str, Any]]


@dataclass(slots=True)
class Run:
    """One use of an instance: what it may still do, and what it has done."""

    limits: Limits
    code: Code
    channel: Channel | None
    """None while a function is loaded ahead, for no request."""
    began: float = field(default_factory=time.monotonic)
    cpu_began: float = field(default_factory=time.thread_time)
    tickets: count[int] = field(default_factory=lambda: count(1))
    answers: dict[int, Frame] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)
    """Answers that `wait` has named."""
    printed: int = 0
    responded: int = 0
    head_sent: bool = False
    is_loading: bool = True
    warned: bool = False
    pending: list[bytes] = field(default_factory=list)
    """Frames to be sent with the request that comes."""
    ended_by: str | None = None
    """The limit that ended it, `cancelled`, or `server gone`."""

    def cpu_ms(self) -> float:
        """CPU time so far."""
        return (time.thread_time() - self.cpu_began) * 1000

    def left(self) -> float:
        """Seconds on the wall that are left."""
        return self.limits.worker_timeout_ms / 1000 - (time.monotonic() - self.began)


class Slot:
    """Serves one channel until it closes."""

    def __init__(self, channel: Channel, runtime: Runtime) -> None:
        self._channel = channel
        self._runtime = runtime
        self._turns = runtime.turns
        self._codes: OrderedDict[str, Code] = OrderedDict()
        self._ready: tuple[tuple[Any, ...], GuestInstance, Run] | None = None
        """An instance with a function loaded, and what it was made for."""
        self._run: Run | None = None
        self._has_turn = False
        self._linker = linked(runtime.engine, self._imports())

    def serve(self) -> None:
        """Do what the server asks, one thing at a time; return when it is gone."""
        try:
            while True:
                frame = self._channel.receive(None)
                if frame is None:
                    continue
                self._take_turn()
                match frame.facts.get("do"):
                    case "run":
                        self._answer(frame)
                    case "compile":
                        self._compile(frame)
                    case _:
                        pass  # an answer or a cancellation that came too late
                self._give_turn()
        except ChannelClosed:
            return

    def _answer(self, frame: Frame) -> None:
        facts = frame.facts
        limits = Limits(**facts["limits"])
        code = self._code(facts["key"])
        made_for = (facts["key"], facts["limits"]["memory_limit_mb"], json.dumps(facts["env"]))
        instance, run, outcome = self._prepared(made_for, limits, code, facts["env"])
        if outcome is None:
            request = {**facts["request"], "body": frame.data.decode("latin-1")}
            if facts["streams"]:
                request["body"] = None
            run.is_loading = False
            outcome = instance.call("handle", json.dumps(request))
            end = self._end(run, outcome)
        else:
            end = {**self._end(run, outcome), "booting": True}
        self._run = None
        self._send_anyhow(packed(end))
        again = facts["reuse"] and outcome.kind == "done" and not run.warned
        if again:
            self._ready = made_for, instance, run
        else:
            instance.close()
        if facts["ahead"] and not again and "booting" not in end:
            self._prepare_ahead(made_for, limits, code, facts["env"])

    def _prepared(
        self, made_for: tuple[Any, ...], limits: Limits, code: Code, env: dict[str, str]
    ) -> tuple[GuestInstance, Run, Outcome | None]:
        """An instance with the function loaded; or with what went wrong with that."""
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] == made_for:
            _, instance, loaded = ready
            self._run = run = Run(limits, code, self._channel, printed=loaded.printed)
            for frame in loaded.pending:
                self._send(frame)
            return instance, run, None
        if ready is not None:
            ready[1].close()
        self._run = run = Run(limits, code, self._channel)
        instance, outcome = self._loaded(run, env)
        return instance, run, None if outcome.kind == "done" else outcome

    def _prepare_ahead(
        self, made_for: tuple[Any, ...], limits: Limits, code: Code, env: dict[str, str]
    ) -> None:
        self._run = run = Run(limits, code, channel=None)
        instance, outcome = self._loaded(run, env)
        self._run = None
        if outcome.kind == "done":
            self._ready = made_for, instance, run
        else:
            instance.close()  # the next request will tell why

    def _loaded(self, run: Run, env: dict[str, str]) -> tuple[GuestInstance, Outcome]:
        instance = GuestInstance(
            self._runtime, self._linker, run.limits.memory_limit_mb, self._slice_over
        )
        return instance, instance.call("load", json.dumps(env))

    def _compile(self, frame: Frame) -> None:
        """Compile sources, a JSON object by file, in an instance without a function."""
        self._run = run = Run(Limits(**frame.facts["limits"]), Code("", {}), self._channel)
        instance = GuestInstance(
            self._runtime, self._linker, run.limits.memory_limit_mb, self._slice_over
        )
        codes: dict[str, str] = {}
        end: dict[str, Any] = {"is": "end"}
        for file, source in json.loads(frame.data).items():
            outcome = instance.call("compile", file, source)
            if outcome.kind != "done":
                end = {**self._end(run, outcome), "booting": True}
                break
            codes[file] = outcome.value
        self._run = None
        instance.close()
        self._send_anyhow(packed(end, json.dumps(codes).encode()))

    def _code(self, key: str) -> Code:
        code = self._codes.get(key)
        if code is None:
            self._send_anyhow(packed({"is": "without code"}))
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
        if outcome.kind == "done":
            return facts
        if run.ended_by is not None:
            return {**facts, "failed": "ended", "by": run.ended_by}
        if outcome.reason == "MemoryError":
            return {**facts, "failed": "ended", "by": "memory_limit_mb"}
        failed = "raised" if outcome.kind == "raised" else "trapped"
        return {**facts, "failed": failed, "reason": outcome.reason, "detail": outcome.detail}

    # What ends an instance.

    def _verdict(self) -> str | None:
        """Asked every slice, and before every wait: why the instance has to end, if it has."""
        run = self._run
        if run is None:
            return "nothing is to be done"
        if run.ended_by is None:
            run.ended_by = self._reason(run)
        return run.ended_by

    def _slice_over(self) -> str | None:
        """Asked by the engine every slice of time."""
        self._give_turn()
        return self._verdict()

    def _reason(self, run: Run) -> str | None:
        cpu, limits = run.cpu_ms(), run.limits
        if cpu > limits.cpu_time_soft_limit_ms and not run.warned:
            run.warned = True
            self._warn(
                run,
                f"{limits.cpu_time_soft_limit_ms} ms of CPU time are used; "
                f"at {limits.cpu_time_hard_limit_ms} ms this instance will be ended\n",
            )
        if cpu > limits.cpu_time_hard_limit_ms:
            return "cpu_time_hard_limit_ms"
        if run.left() <= 0:
            return "worker_timeout_ms"
        if run.channel is not None:
            try:
                while (frame := run.channel.receive(0)) is not None:
                    self._arrived(run, frame)
            except ChannelClosed:
                return "server gone"
        return run.ended_by

    def _arrived(self, run: Run, frame: Frame) -> None:
        match frame.facts.get("do"):
            case "answer":
                run.answers[frame.facts["ticket"]] = frame
            case "cancel":
                run.ended_by = "cancelled"

    # What goes to the server.

    def _going_on(self) -> bool:
        return self._verdict() is None

    def _send(self, frame: bytes) -> None:
        try:
            self._channel.send(frame, self._going_on)
        except ChannelClosed:
            if self._run is not None:
                self._run.ended_by = "server gone"

    def _send_anyhow(self, frame: bytes) -> None:
        self._channel.send(frame, lambda: True)

    def _warn(self, run: Run, text: str) -> None:
        frame = packed({"is": "console", "stream": "edgelet"}, text.encode())
        if run.channel is None:
            run.pending.append(frame)
        else:
            self._send_anyhow(frame)

    # The imports of `world.wit`. None of them may raise.

    def _imports(self) -> dict[str, dict[str, Callable[..., Any]]]:
        return {
            "effects": {
                "open-model": lambda _, model, precision: self._begin(
                    {"effect": "open-model", "model": model, "precision": precision}
                ),
                "run-model": lambda _, handle, ids, lengths, output, alone: self._begin(
                    {"effect": "run-model", "handle": handle, "output": output, "alone": alone,
                     "lengths": lengths},
                    ids,
                ),
                "encode": lambda _, handle, text: self._begin(
                    {"effect": "encode", "handle": handle, "text": text}
                ),
                "send": lambda _, method, url, headers, body, within: self._begin(
                    {"effect": "send", "method": method, "url": url, "headers": headers,
                     "connect_within": within},
                    body,
                ),
                "receive": lambda _, response: self._begin(
                    {"effect": "receive", "response": response}
                ),
                "read-request": lambda _: self._begin({"effect": "read-request"}),
                "close": lambda _, response: self._tell({"is": "close", "response": response}),
                "cancel": lambda _, ticket: self._tell({"is": "give up", "ticket": ticket}),
                "wait": lambda _, seconds: self._wait(seconds),
                "pause": lambda _, seconds: self._pause(seconds),
                "take": lambda _, ticket: self._take(ticket),
            },
            "response": {
                "head": lambda _, status, headers: self._head(status, headers),
                "write": lambda _, data: self._write(data),
            },
            "modules": {
                "code": lambda _, name: self._module(name).get("code"),
                "is-package": lambda _, name: bool(self._module(name).get("package")),
                "source": lambda _, name: self._module(name).get("source"),
            },
            "console": {"write": lambda _, stream, text: self._print(stream, text)},
        }  # fmt: skip

    def _begin(self, facts: dict[str, Any], data: str = "") -> int:
        run = self._running()
        ticket = next(run.tickets)
        if run.is_loading:
            run.answers[ticket] = Frame({"failed": "model", "reason": _WHILE_LOADING})
        elif (sent := _bytes(data)) is None:
            run.answers[ticket] = Frame({"failed": "exchange", "reason": "these are no bytes"})
        else:
            self._send(packed({"is": "effect", "ticket": ticket, **facts}, sent))
        return ticket

    def _tell(self, facts: dict[str, Any]) -> None:
        if not self._running().is_loading:
            self._send(packed(facts))

    def _wait(self, seconds: float | None) -> str:
        run = self._running()
        until = None if seconds is None else time.monotonic() + max(seconds, 0)
        while not (fresh := run.answers.keys() - run.named) and self._verdict() is None:
            left = run.left()
            if until is not None:
                left = min(left, until - time.monotonic())
                if left <= 0:
                    break
            self._listen(run, left)
        run.named |= fresh
        return ",".join(map(str, sorted(fresh)))

    def _pause(self, seconds: float) -> None:
        run = self._running()
        until = time.monotonic() + max(seconds, 0)
        while (left := until - time.monotonic()) > 0 and self._verdict() is None:
            self._listen(run, min(left, run.left()))

    def _listen(self, run: Run, seconds: float) -> None:
        self._give_turn()
        if run.channel is None:
            time.sleep(max(seconds, 0))
            return
        try:
            frame = run.channel.receive(seconds)
        except ChannelClosed:
            run.ended_by = "server gone"
            return
        if frame is not None:
            self._arrived(run, frame)
        self._take_turn()

    def _take_turn(self) -> None:
        self._has_turn = self._has_turn or self._turns.take()

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turns.give()

    def _take(self, ticket: int) -> Any:
        run = self._running()
        run.named.discard(ticket)
        frame = run.answers.pop(ticket, None)
        if frame is None:
            return _failure("exchange", f"ticket {ticket} is not answered")
        if "failed" in frame.facts:
            return _failure(frame.facts["failed"], frame.facts["reason"])
        return frame.data.decode("utf-8" if frame.facts.get("text") else "latin-1")

    def _head(self, status: int, headers: str) -> None:
        run = self._running()
        if not run.is_loading and not run.head_sent:
            run.head_sent = True
            self._send(packed({"is": "head", "status": status, "headers": headers}))

    def _write(self, data: str) -> None:
        run = self._running()
        run.responded += len(data)
        if run.responded > run.limits.response_limit_mb * 1_000_000:
            run.ended_by = run.ended_by or "response_limit_mb"
            return
        if run.head_sent and (sent := _bytes(data)) is not None:
            self._send(packed({"is": "chunk"}, sent))

    def _print(self, stream: str, text: str) -> None:
        run = self._running()
        allowed = run.limits.console_limit_mb * 1_000_000
        if run.printed > allowed:
            return
        run.printed += len(text)
        if run.printed > allowed:
            text = text[: len(text) - (run.printed - allowed)]
            self._warn(
                run,
                f"more than {run.limits.console_limit_mb} MB were printed; the rest is dropped\n",
            )
        frame = packed(
            {"is": "console", "stream": "stderr" if stream == "stderr" else "stdout"},
            text.encode(errors="replace"),
        )
        if run.channel is None:
            run.pending.append(frame)
        else:
            self._send(frame)

    def _module(self, name: str) -> dict[str, Any]:
        return self._running().code.modules.get(name, {})

    def _running(self) -> Run:
        if self._run is None:
            raise RuntimeError("an import was called while nothing runs")
        return self._run


_WHILE_LOADING = "a function may ask for nothing while its modules are loaded; do it in the handler"


def _bytes(text: str) -> bytes | None:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def _failure(kind: str, reason: str) -> Variant:
    failure: Any = Record()
    failure.kind, failure.reason = kind, reason
    return Variant("err", failure)
