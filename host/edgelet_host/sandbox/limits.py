"""What one instance of a function may use."""

from __future__ import annotations

from dataclasses import dataclass, fields

from edgelet.errors import OptionError

_LEAST_MEMORY_MB = 40
"""The component itself takes 30 MB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one instance of a function may use, by the names and defaults of an edge runtime.

    `memory_limit_mb` is the instance's whole memory, CPython's 30 MB included. CPU time is what the
    instance computes, not what it waits; past the soft limit it is warned on its console and not
    used again, past the hard limit it is ended. `worker_timeout_ms` is the time on the wall from
    the request's start to the end of its response. `response_limit_mb` and `console_limit_mb` are
    bytes sent back and bytes printed; what is printed beyond is dropped, and said so.

    The first four are `memoryLimitMb`, `cpuTimeSoftLimitMs`, `cpuTimeHardLimitMs` and
    `workerTimeoutMs` of Supabase's `EdgeRuntime.userWorkers.create`.

    Raises `OptionError` for limits that no function can keep.

    >>> Limits(memory_limit_mb=128).cpu_time_hard_limit_ms
    2000
    """

    memory_limit_mb: int = 256
    cpu_time_soft_limit_ms: int = 1_000
    cpu_time_hard_limit_ms: int = 2_000
    worker_timeout_ms: int = 150_000
    response_limit_mb: int = 100
    console_limit_mb: int = 1

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise OptionError(f"{field.name} is {value!r}; expected a whole number above 0")
        if self.memory_limit_mb < _LEAST_MEMORY_MB:
            raise OptionError(
                f"memory_limit_mb is {self.memory_limit_mb}; CPython alone needs 30, "
                f"so give at least {_LEAST_MEMORY_MB}"
            )
        if self.memory_limit_mb >= 4096:
            raise OptionError(
                "memory_limit_mb is above 4095, the most that WebAssembly can address"
            )
