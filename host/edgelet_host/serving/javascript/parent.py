"""A process that ends when the one that started it does, however that ends.

Deno's end is told by its standard input; but a function that computes for ever reads none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_SCRIPT = """
import ctypes, os, sys
PR_SET_PDEATHSIG, SIGKILL = 1, 9
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def dying_with_this(command: Sequence[str]) -> list[str]:
    """The command, so that the kernel ends it with this process, where the kernel is Linux."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _SCRIPT, str(os.getpid()), *command]
