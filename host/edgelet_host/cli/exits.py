"""How a command ends: every exception becomes one sentence on stderr and an exit code."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import typer

FAILED = 1
UNEXPECTED = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

_DEBUG = "EDGELET_DEBUG"

P = ParamSpec("P")
R = TypeVar("R")


def exits(command: Callable[P, R]) -> Callable[P, R]:
    """Let `command` end as the module docstring of `edgelet_host.cli` says."""

    @functools.wraps(command)
    def ending(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result = command(*args, **kwargs)
            sys.stdout.flush()
            return result
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            leave_broken_pipe()
        except Exception as error:
            raise typer.Exit(_report(error)) from error

    return ending


def leave_broken_pipe() -> NoReturn:
    """Exit quietly: nobody reads on. What is still buffered goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    raise typer.Exit(BROKEN_PIPE)


def _report(error: Exception) -> int:
    from edgelet.errors import EdgeletError
    from edgelet_host.cli.console import say_error

    expected = isinstance(error, EdgeletError)
    if os.environ.get(_DEBUG):
        import traceback

        traceback.print_exception(error)
    if expected:
        say_error(str(error))
        return FAILED
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "" if os.environ.get(_DEBUG) else f"; run with {_DEBUG}=1 for the traceback"
    say_error(f"edgelet failed unexpectedly ({what}){hint}")
    return UNEXPECTED
