"""The command line, `edgelet`: the host's abilities for a person at a terminal, or for a script.

Knows arguments, files, terminals and exit codes; what a command means is decided in core and in
the rest of the host. `app` and `app_models` declare the commands and import nothing but Typer, so
that `edgelet --help` answers at once; each command's own module is imported when it runs.

Exit codes: 0 done, 1 an `EdgeletError`, 2 a usage error, 70 an unexpected exception, 130 Ctrl-C,
141 a reader that left early.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgelet_host.cli.app import app

if TYPE_CHECKING:
    from edgelet.host import Host

__all__ = ["app", "main"]


def main(arguments: Sequence[str] | None = None, *, host: Host | None = None) -> None:
    """Run the command line on `arguments` (`sys.argv` without them) and exit.

    `host` answers effects in place of the native host: a `FakeHost` needs no model and no network.

    Raises `SystemExit`, always.

    >>> main(["--version"])  # doctest: +SKIP
    edgelet 0.1.0
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a character shows another, rather than a traceback.
            stream.reconfigure(errors="replace")
    try:
        app(args=None if arguments is None else list(arguments), prog_name="edgelet", obj=host)
    except KeyboardInterrupt:
        sys.exit(130)
