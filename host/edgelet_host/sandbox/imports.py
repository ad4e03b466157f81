"""The imports of `world.wit`, as functions of the run in progress.

None of them may raise: see `linked`. What takes time is asked of the server, and waited for in
`wait`; what a function hands over is checked here or there, never trusted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from wasmtime.component import Record, Variant

from edgelet_host.sandbox.folder import NotGranted, read_granted
from edgelet_host.sandbox.frames import Frame, packed
from edgelet_host.sandbox.header_pairs import header_pairs
from edgelet_host.sandbox.supervision import Supervision


class Imports:
    """What the instances of one slot may call."""

    def __init__(self, supervision: Supervision) -> None:
        self._supervision = supervision

    def table(self) -> dict[str, dict[str, Callable[..., Any]]]:
        """The functions, by interface and name. Their first argument is wasmtime's."""
        return {
            interface: {
                name: self._guarded(function, otherwise)
                for name, (function, otherwise) in functions.items()
            }
            for interface, functions in self._functions().items()
        }

    def _functions(self) -> dict[str, dict[str, tuple[Callable[..., Any], Any]]]:
        """Each with what it returns when the host itself is at fault, which ends the instance."""
        failed = _failure("exchange", "the host failed")
        return {
            "effects": {
                "open-model": (self._open_model, 0),
                "run-model": (self._run_model, 0),
                "encode": (self._effect("encode", "handle", "text"), 0),
                "send": (self._send, 0),
                "receive": (self._effect("receive", "response"), 0),
                "read-request": (self._effect("read-request"), 0),
                "close": (lambda response: self._tell("close", response=response), None),
                "cancel": (self._give_up, None),
                "wait": (self._wait, ""),
                "pause": (self._pause, None),
                "take": (self._take, failed),
            },
            "response": {"head": (self._head, None), "write": (self._write, None)},
            "modules": {
                "code": (lambda name: self._module(name).get("code"), None),
                "is-package": (lambda name: bool(self._module(name).get("package")), False),
                "source": (lambda name: self._module(name).get("source"), None),
            },
            "files": {"read": (self._read_file, Variant("err", "denied"))},
            "console": {"write": (self._print, None)},
        }

    def _guarded(self, function: Callable[..., Any], otherwise: Any) -> Callable[..., Any]:
        def called(_: Any, *arguments: Any) -> Any:
            try:
                return function(*arguments)
            except Exception as error:
                self._supervision.fault(error)
                return otherwise

        return called

    def _effect(self, name: str, *parameters: str) -> Callable[..., int]:
        def begin(*arguments: Any) -> int:
            return self._begin({"effect": name, **dict(zip(parameters, arguments, strict=True))})

        return begin

    def _open_model(self, model: str, precision: str | None) -> int:
        run = self._supervision.running()
        answer = run.models.get((model, precision))
        if answer is None:
            return self._begin({"effect": "open-model", "model": model, "precision": precision})
        ticket = next(run.tickets)
        run.hold(ticket, Frame({"text": True}, answer.encode()))
        return ticket

    def _run_model(
        self, handle: int, token_ids: str, lengths: str, output: str, alone: bool
    ) -> int:
        facts = {"handle": handle, "lengths": lengths, "output": output, "alone": alone}
        return self._begin({"effect": "run-model", **facts}, token_ids)

    def _send(
        self, method: str, url: str, headers: str, body: str, connect_within: float | None
    ) -> int:
        facts = {"method": method, "url": url, "headers": headers, "connect_within": connect_within}
        return self._begin({"effect": "send", **facts}, body)

    def _begin(self, facts: dict[str, Any], data: str = "") -> int:
        run = self._supervision.running()
        ticket = next(run.tickets)
        sent = _bytes(data)
        words = sum(len(fact) for fact in facts.values() if isinstance(fact, str))
        if run.is_loading:
            run.answers[ticket] = Frame({"failed": "model", "reason": _WHILE_LOADING})
        elif sent is None:
            run.answers[ticket] = Frame({"failed": "exchange", "reason": "these are no bytes"})
        elif words > _MOST_WORDS:
            run.answers[ticket] = Frame({"failed": "exchange", "reason": _TOO_LONG})
        elif sum(run.asked.values()) + words + len(sent) > _MOST_ASKED:
            run.answers[ticket] = Frame({"failed": "exchange", "reason": _TOO_MUCH})
        else:
            run.asked[ticket] = words + len(sent)
            self._supervision.send(packed({"is": "effect", "ticket": ticket, **facts}, sent))
        return ticket

    def _tell(self, what: str, **facts: int) -> None:
        if not self._supervision.running().is_loading:
            self._supervision.send(packed({"is": what, **facts}))

    def _give_up(self, ticket: int) -> None:
        self._supervision.running().asked.pop(ticket, None)
        self._tell("give up", ticket=ticket)

    def _wait(self, seconds: float | None) -> str:
        supervision, run = self._supervision, self._supervision.running()
        until = None if seconds is None else time.monotonic() + max(seconds, 0)
        supervision.flush()
        fresh: set[int] = set()
        while supervision.verdict() is None:  # which hears what has arrived
            fresh = run.answers.keys() - run.named
            left = run.left() if until is None else min(run.left(), until - time.monotonic())
            if fresh or left <= 0:
                break
            supervision.listen(run, left)
        run.named |= fresh
        return ",".join(f"{ticket}:{len(run.answers[ticket].data)}" for ticket in sorted(fresh))

    def _pause(self, seconds: float) -> None:
        supervision, run = self._supervision, self._supervision.running()
        until = time.monotonic() + max(seconds, 0)
        supervision.flush()
        while supervision.verdict() is None and (left := until - time.monotonic()) > 0:
            supervision.listen(run, min(left, run.left()))

    def _take(self, ticket: int) -> Any:
        run = self._supervision.running()
        frame = run.taken(ticket)
        if frame is None:
            return _failure("exchange", f"ticket {ticket} is not answered")
        if "failed" in frame.facts:
            return _failure(frame.facts["failed"], frame.facts["reason"])
        return frame.data.decode("utf-8" if frame.facts.get("text") else "latin-1")

    def _head(self, status: int, headers: str) -> None:
        run = self._supervision.running()
        pairs = header_pairs(headers)
        if pairs is None or not 200 <= status <= 599:
            run.ended_by = run.ended_by or "ended: it sent a head that is none"
        elif not (run.is_loading or run.head_sent or run.ended_by):
            run.head_sent = True
            self._supervision.send(packed({"is": "head", "status": status, "headers": pairs}))

    def _write(self, data: str) -> None:
        run = self._supervision.running()
        run.responded += len(data)
        if run.responded > run.terms.limits.response_limit_mb * 1_000_000:
            run.ended_by = run.ended_by or "response_limit_mb"
            return
        sent = _bytes(data)
        if sent is None:
            run.ended_by = run.ended_by or "ended: it wrote what are no bytes"
        elif run.head_sent:
            self._supervision.send(packed({"is": "chunk"}, sent))

    def _print(self, stream: str, text: str) -> None:
        run = self._supervision.running()
        allowed = run.terms.limits.console_limit_mb * 1_000_000
        if not text or run.printed > allowed:
            return
        run.printed += len(text)
        if run.printed > allowed:
            text = text[: len(text) - (run.printed - allowed)]
            most = run.terms.limits.console_limit_mb
            self._supervision.warn(run, f"more than {most} MB were printed; the rest is dropped\n")
        frame = packed(
            {"is": "console", "stream": "stderr" if stream == "stderr" else "stdout"},
            text.encode(errors="replace"),
        )
        if run.channel is None:
            run.pending.append(frame)
        else:
            self._supervision.send(frame)

    def _read_file(self, path: str) -> Variant:
        try:
            data = read_granted(self._supervision.running().terms.folder, path)
        except NotGranted as refused:
            return Variant("err", str(refused))
        return Variant("ok", data.decode("latin-1"))

    def _module(self, name: str) -> dict[str, Any]:
        return self._supervision.running().terms.code.modules.get(name, {})


_MOST_ASKED = 32 * 1024 * 1024
_MOST_WORDS = 4 * 1024 * 1024
_TOO_LONG = "a question may have 4 MB of text at most"
_TOO_MUCH = "a function may have 32 MB of questions open at most; wait for answers in between"
_WHILE_LOADING = "a function may ask for nothing while its modules are loaded; do it in the handler"


def _bytes(text: str) -> bytes | None:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def _failure(kind: str, reason: str) -> Any:
    """The error of `take`. wasmtime tells it from an answer by its type."""
    failure: Any = Record()
    failure.kind, failure.reason = kind, reason
    return failure
