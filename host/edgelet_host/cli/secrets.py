"""`edgelet secrets set`, `list` and `unset`: the project's `.env` file.

Prints names and digests. No value is printed, nor is an argument that may be one.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from edgelet.errors import OptionError
from edgelet_host.cli.console import output, printable, say
from edgelet_host.cli.functions_extra import check_installed
from edgelet_host.project import find_layout

_RULE = "use letters, digits and _, with no digit first"


def set_values(pairs: Sequence[str], env_file: str | None) -> None:
    """Set what the file has, and then the arguments, `NAME=VALUE` each; print the names."""
    from edgelet_host.project.env_file import RESERVED, update_env_file

    path = _secrets_file()
    asked = {**({} if env_file is None else _from_file(env_file)), **_from_arguments(pairs)}
    for name in asked:
        if name.startswith(RESERVED):
            say(f"{name} is set by the runtime, and was skipped")
    values = {name: value for name, value in asked.items() if not name.startswith(RESERVED)}
    if not values:
        raise OptionError("there is nothing to set; give NAME=VALUE, or --env-file FILE")
    update_env_file(path, values)
    print(f"Set {', '.join(values)} in {path}")


def show_digests(*, as_json: bool) -> None:
    """Print the names and the SHA-256 of their values; say so if others can read the file."""
    from edgelet_host.project.env_file import read_env_file

    path = _secrets_file()
    values = read_env_file(path)
    if os.name != "nt" and path.exists() and path.stat().st_mode & 0o077:
        say(f"others on this machine can read {path}; keep them out with: chmod 600 {path}")
    digests = {name: hashlib.sha256(values[name].encode()).hexdigest() for name in sorted(values)}
    if as_json:
        found = [{"name": name, "digest": digest} for name, digest in digests.items()]
        print(json.dumps(found, indent=2))
    elif digests:
        _print_table(digests)
    else:
        say(f"no secrets are set in {path}")


def remove_names(names: Sequence[str]) -> None:
    """Remove the secrets; print their names. Raises `OptionError` when one is not set."""
    from edgelet_host.project.env_file import NAME, read_env_file, update_env_file

    path = _secrets_file()
    values = read_env_file(path)
    for number, name in enumerate(names, 1):
        if name not in values:
            what = name if NAME.fullmatch(name) else f"what argument {number} names"
            raise OptionError(f"{what} is not set in {path}; nothing was removed")
    update_env_file(path, {}, names)
    print(f"Removed {', '.join(map(printable, dict.fromkeys(names)))} from {path}")


def _secrets_file() -> Path:
    check_installed()
    layout = find_layout(Path())
    if not layout.functions.is_dir():
        raise OptionError(
            "there is no project here: no supabase/functions or functions folder; "
            "make a function with edgelet functions new NAME"
        )
    return layout.env_file


def _from_arguments(pairs: Sequence[str]) -> dict[str, str]:
    from edgelet_host.project.env_file import NAME

    values = {}
    for number, pair in enumerate(pairs, 1):
        name, equals, value = pair.partition("=")
        if not equals:
            raise OptionError(f"argument {number} has no =; expected NAME=VALUE")
        if not NAME.fullmatch(name):
            raise OptionError(f"the name in argument {number} cannot be a secret's; {_RULE}")
        values[name] = value
    return values


def _from_file(env_file: str) -> dict[str, str]:
    from edgelet_host.project.env_file import MAX_BYTES, NAME, parse_env, values_of

    shown = "stdin" if env_file == "-" else env_file
    try:
        if env_file == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(env_file).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        # What is no file may be a value in its place.
        raise OptionError(f"the --env-file cannot be read: {error.strerror}") from None
    entries = parse_env(data, shown)
    for entry in entries:
        if entry.value is not None and not NAME.fullmatch(entry.name or ""):
            raise OptionError(f"{shown}: the name in line {entry.line} is not allowed; {_RULE}")
    return values_of(entries)


def _print_table(digests: Mapping[str, str]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("NAME", overflow="fold")
    table.add_column("DIGEST", no_wrap=True)
    for name, digest in digests.items():
        table.add_row(Text(printable(name)), digest)
    console = output()
    console.width = 1000  # a digest is whole, or of no use
    console.print(table)
