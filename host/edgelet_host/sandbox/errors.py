"""Why a function gave no response, each reason its own error.

EdgeletError
├── FunctionError                    of core: it serves no handler, or returned no Response
│   ├── FunctionNotBooted            its modules could not be compiled or loaded
│   └── FunctionFailed               its handler raised; `traceback` is what a console shows
├── LimitExceeded                    it was ended; `limit` names the limit
│   ├── MemoryLimitExceeded
│   ├── CpuLimitExceeded
│   ├── WallClockLimitExceeded
│   └── ResponseLimitExceeded
├── InstanceFaulted                  it was ended by a fault of its own, such as a full stack
├── WorkerLost                       the process that ran it died; nobody knows how far it was
└── QueueFull                        too many requests wait; this one was not begun
"""

from __future__ import annotations

import re
from typing import ClassVar

from edgelet.errors import EdgeletError, FunctionError

_UNCOMPILED = re.compile(r'\s*File "(.+)", line (\d+)')
"""How the description of a `SyntaxError` begins: there is no stack before its place."""


class FunctionNotBooted(FunctionError):
    """The function's modules could not be compiled or loaded. `traceback` says where.

    `kind` is the name of the exception's class, if there was one.
    """

    def __init__(self, function: str, traceback: str, kind: str = "") -> None:
        said = _said(traceback, kind)
        uncompiled = _UNCOMPILED.match(traceback)
        place = f" ({uncompiled[1]}, line {uncompiled[2]})" if uncompiled else ""
        super().__init__(f"the function {function} cannot be loaded: {said}{place}")
        self.traceback = traceback


class FunctionFailed(FunctionError):
    """The function's handler raised. `traceback` is what a console shows.

    `kind` is the name of the exception's class, if there was one.
    """

    def __init__(self, function: str, traceback: str, kind: str = "") -> None:
        super().__init__(f"the function {function} failed: {_said(traceback, kind)}")
        self.traceback = traceback


class LimitExceeded(EdgeletError):
    """An instance was ended because it used more than `Limits` allows. `limit` names the field."""

    limit: ClassVar[str]
    used: ClassVar[str]

    def __init__(self, function: str, allowed: float) -> None:
        super().__init__(
            f"the function {function} was ended: it used more than {allowed:g} {self.used}; "
            f"allow more with {self.limit}"
        )
        self.allowed = allowed


class MemoryLimitExceeded(LimitExceeded):
    """More memory than `memory_limit_mb`."""

    limit = "memory_limit_mb"
    used = "MB of memory"


class CpuLimitExceeded(LimitExceeded):
    """More CPU time than `cpu_time_hard_limit_ms`."""

    limit = "cpu_time_hard_limit_ms"
    used = "ms of CPU time"


class WallClockLimitExceeded(LimitExceeded):
    """Not done within `worker_timeout_ms`."""

    limit = "worker_timeout_ms"
    used = "ms of time"


class ResponseLimitExceeded(LimitExceeded):
    """A response longer than `response_limit_mb`."""

    limit = "response_limit_mb"
    used = "MB of response"


class InstanceFaulted(EdgeletError):
    """WebAssembly ended the instance: its stack was full, or it called `abort`."""

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(f"the function {function} was ended by a fault in its instance: {reason}")


class WorkerLost(EdgeletError):
    """The process that ran the instance died. Its request is not retried: it may have acted."""

    def __init__(self, function: str, reason: str) -> None:
        super().__init__(
            f"the worker process that ran the function {function} died ({reason}); "
            f"the request was not tried again, because it may have had effects"
        )


class QueueFull(EdgeletError):
    """All instances are busy, and `queue_length` requests wait already; this one was not begun."""

    def __init__(self, instances: int, queue: int) -> None:
        super().__init__(
            f"all {instances} instances are busy and {queue} requests wait already; "
            f"ask again later, or allow more with concurrent_instances and queue_length"
        )


LIMITS: dict[str, type[LimitExceeded]] = {
    kind.limit: kind
    for kind in (
        MemoryLimitExceeded,
        CpuLimitExceeded,
        WallClockLimitExceeded,
        ResponseLimitExceeded,
    )
}
"""The error of each limit, by the limit's name."""


def _said(traceback: str, kind: str) -> str:
    """The line of a traceback that names the exception.

    It is the last one, unless the message has several lines, or notes, or there is a group.
    """
    lines = traceback.strip().split("\n")
    named = re.compile(rf"( *\| )?([\w.<>]+\.)?{re.escape(kind)}(:.*)?")
    heads = [found for line in lines if kind and (found := named.fullmatch(line))]
    if heads:
        margin = min(len(head[1] or "") for head in heads)
        head = [head for head in heads if len(head[1] or "") == margin][-1]
        return head[0][margin:]
    return lines[-1] or "no reason was given"
