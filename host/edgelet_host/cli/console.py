"""What a person sees: the two consoles, errors, and text made safe for a terminal.

Colour is for terminals only, and `NO_COLOR` is honoured (both are rich's own rules). Output for
machines does not come through here: commands write it to `sys.stdout` themselves.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from edgelet_host.cli.exits import leave_broken_pipe

_WIDE = 1000
"""Columns where there is no terminal: nothing is wrapped or shortened on the way to a file."""

_CONTROL = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if chr(code) not in "\t\n"
}


def output() -> Console:
    """The console of stdout."""
    return _console(stderr=False)


def messages() -> Console:
    """The console of stderr: progress, notes and errors."""
    return _console(stderr=True)


def say(sentence: str) -> None:
    """A note for a person, on stderr."""
    messages().print(Text(printable(sentence)), soft_wrap=True)


def say_error(sentence: str) -> None:
    """One red sentence on stderr."""
    messages().print(Text(printable(f"error: {sentence}"), style="red"), soft_wrap=True)


def on_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def printable(text: str) -> str:
    r"""`text` without control characters, which could make a terminal do more than show it.

    >>> printable("red: \x1b[31m")
    'red: �[31m'
    """
    return text.translate(_CONTROL)


def json_text(value: Any) -> str:
    """`value` as one line of JSON, readable where UTF-8 can carry it.

    >>> json_text({"text": "café"})
    '{"text": "café"}'
    """
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates can only be escaped
        return json.dumps(value)
    return text


class _PipeConsole(Console):
    def on_broken_pipe(self) -> None:
        leave_broken_pipe()


def _console(*, stderr: bool) -> Console:
    console = _PipeConsole(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console
