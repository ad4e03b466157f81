"""Where the effects are performed: the `Host` protocol, and which host is in use.

A host announces itself once: a distribution by an entry point `edgelet.host`, a function that gives
the host, or None where it cannot work; anything else by `use_host`. Nothing else in core knows
where it runs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from edgelet.effects import OpenModel, ResponseHead, RunModel, Send
from edgelet.errors import EdgeletError
from edgelet.models import OpenedModel


class Host(Protocol):
    """What a Python host offers: one method an effect. Deadlines are kept by the driver.

    A method that waits is cancelled when its deadline passes or its caller leaves.
    """

    def env(self, name: str) -> str | None:
        """Answer `Env`."""
        ...

    async def open_model(self, effect: OpenModel) -> OpenedModel:
        """Answer `OpenModel`; raise `ModelError` when the model cannot be had."""
        ...

    async def run_model(self, effect: RunModel) -> memoryview | array[float]:
        """Answer `RunModel` with a flat float32 buffer."""
        ...

    async def send(self, effect: Send) -> ResponseHead:
        """Answer `Send`; raise `TransportFailed` when the network fails."""
        ...

    async def receive(self, response: Any) -> list[bytes]:
        """Answer `Receive`; raise `TransportFailed` when the network fails."""
        ...

    async def close(self, response: Any) -> None:
        """Answer `Close`; never raises."""
        ...


_host: Host | None = None


def current_host() -> Host:
    """The host in use: the one given to `use_host`, else the one that is installed.

    Raises `EdgeletError` when there is none.
    """
    global _host  # noqa: PLW0603 (the one choice of host, made once)
    if _host is None:
        _host = _installed_host()
    return _host


@contextmanager
def use_host(host: Host) -> Iterator[Host]:
    """Answer effects by `host` from now on, until the context ends.

    >>> from edgelet.testing import FakeHost
    >>> with use_host(FakeHost(reply="Hello")):
    ...     pass
    """
    global _host  # noqa: PLW0603
    before, _host = _host, host
    try:
        yield host
    finally:
        _host = before


def _installed_host() -> Host:
    """The first host that offers itself; each knows by itself whether it can work here."""
    from importlib.metadata import entry_points

    for entry_point in entry_points(group="edgelet.host"):
        host: Host | None = entry_point.load()()
        if host is not None:
            return host
    raise EdgeletError(
        "no host is installed; `pip install edgelet`, or name one with edgelet.use_host()"
    )
