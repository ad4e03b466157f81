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
from edgelet_host.sandbox.supervision import Supervision


class Imports:
    """What the instances of one slot may call."""

    def __init__(self, supervision: Supervision) -> None:
        self._supervision = supervision

    def table(self) -> dict[str, dict[str, Callable[..., Any]]]:
        """The functions, by interface and name. Their first argument is wasmtime's."""
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
            "files": {"read": lambda _, path: self._read_file(path)},
            "console": {"write": lambda _, stream, text: self._print(stream, text)},
        }  # fmt: skip

    def _begin(self, facts: dict[str, Any], data: str = "") -> int:
        run = self._supervision.running()
        ticket = next(run.tickets)
        if run.is_loading:
            run.answers[ticket] = Frame({"failed": "model", "reason": _WHILE_LOADING})
        elif (sent := _bytes(data)) is None:
            run.answers[ticket] = Frame({"failed": "exchange", "reason": "these are no bytes"})
        else:
            self._supervision.send(packed({"is": "effect", "ticket": ticket, **facts}, sent))
        return ticket

    def _tell(self, facts: dict[str, Any]) -> None:
        if not self._supervision.running().is_loading:
            self._supervision.send(packed(facts))

    def _wait(self, seconds: float | None) -> str:
        run = self._supervision.running()
        until = None if seconds is None else time.monotonic() + max(seconds, 0)
        while not (fresh := run.answers.keys() - run.named) and self._supervision.verdict() is None:
            left = run.left()
            if until is not None:
                left = min(left, until - time.monotonic())
                if left <= 0:
                    break
            self._supervision.listen(run, left)
        run.named |= fresh
        return ",".join(map(str, sorted(fresh)))

    def _pause(self, seconds: float) -> None:
        run = self._supervision.running()
        until = time.monotonic() + max(seconds, 0)
        while (left := until - time.monotonic()) > 0 and self._supervision.verdict() is None:
            self._supervision.listen(run, min(left, run.left()))

    def _take(self, ticket: int) -> Any:
        run = self._supervision.running()
        run.named.discard(ticket)
        frame = run.answers.pop(ticket, None)
        if frame is None:
            return _failure("exchange", f"ticket {ticket} is not answered")
        if "failed" in frame.facts:
            return _failure(frame.facts["failed"], frame.facts["reason"])
        return frame.data.decode("utf-8" if frame.facts.get("text") else "latin-1")

    def _head(self, status: int, headers: str) -> None:
        run = self._supervision.running()
        if not run.is_loading and not run.head_sent:
            run.head_sent = True
            self._supervision.send(packed({"is": "head", "status": status, "headers": headers}))

    def _write(self, data: str) -> None:
        run = self._supervision.running()
        run.responded += len(data)
        if run.responded > run.terms.limits.response_limit_mb * 1_000_000:
            run.ended_by = run.ended_by or "response_limit_mb"
            return
        if run.head_sent and (sent := _bytes(data)) is not None:
            self._supervision.send(packed({"is": "chunk"}, sent))

    def _print(self, stream: str, text: str) -> None:
        run = self._supervision.running()
        allowed = run.terms.limits.console_limit_mb * 1_000_000
        if run.printed > allowed:
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
