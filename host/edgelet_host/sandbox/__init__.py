"""The sandbox: Python functions in WebAssembly, with nothing shared and nothing granted unnamed.

>>> from edgelet_host.sandbox import Function, Sandbox
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgelet_host.sandbox.exchange import Printed
    from edgelet_host.sandbox.function import Function, read_function
    from edgelet_host.sandbox.grants import Grants
    from edgelet_host.sandbox.limits import Limits
    from edgelet_host.sandbox.sandbox import Sandbox

_HOMES = {
    "Function": "function",
    "Grants": "grants",
    "Limits": "limits",
    "Printed": "exchange",
    "Sandbox": "sandbox",
    "read_function": "function",
}

__all__ = ["Function", "Grants", "Limits", "Printed", "Sandbox", "read_function"]


def __getattr__(name: str) -> Any:
    """Import a room when it is entered: a worker process needs few of them, and starts often."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
