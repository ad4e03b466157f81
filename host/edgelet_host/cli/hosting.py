"""Which host answers the effects of a command: the one given to `main`, else the native one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgelet.host import Host, use_host

if TYPE_CHECKING:
    from edgelet_host.store import Progress


@contextmanager
def host_in_use(given: Host | None, listener: Callable[[Progress], None]) -> Iterator[Host]:
    """Use a host for the length of a command. `listener` hears of model files on their way."""
    if given is None:
        from edgelet_host.native import NativeHost

        given = NativeHost(progress=listener)
    with use_host(given) as host:
        yield host
