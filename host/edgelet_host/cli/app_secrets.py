"""The commands `edgelet secrets …` as they are typed."""

from __future__ import annotations

from typing import Annotated

import typer

from edgelet_host.cli.exits import exits
from edgelet_host.cli.parameters import examples

secrets_app = typer.Typer(
    no_args_is_help=True, help="Secrets of a project's functions: set, list and remove them."
)

_ANY_TEXT = {"ignore_unknown_options": True}
"""An argument with a dash first is an argument: an error about an option would show it."""


@secrets_app.command(
    "set",
    context_settings=_ANY_TEXT,
    epilog=examples(
        "edgelet secrets set GREETING=Hello REGION=eu",
        "edgelet secrets set --env-file production.env",
        'printf "API_KEY=%s" "$API_KEY" | edgelet secrets set --env-file -',
    ),
)
@exits
def set_secrets(
    pairs: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE…", help="What to set; it wins over FILE."),
    ] = None,
    *,
    env_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Set all that this .env file has; - reads stdin."),
    ] = None,
) -> None:
    """Set secrets in the project's .env file, which its owner alone can read then.

    What stands on the command line is seen by ps and kept in the shell's history; what comes from
    FILE or stdin is not. Functions that are being served see a change with the next request. Names
    that begin with SUPABASE_ are the runtime's own, and are skipped.
    """
    from edgelet_host.cli.secrets import set_values

    set_values(pairs or [], env_file)


@secrets_app.command(
    "list",
    epilog=examples(
        "edgelet secrets list",
        "edgelet secrets list --json",
    ),
)
@exits
def list_secrets(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the names that are set, and the SHA-256 of each value; never a value."""
    from edgelet_host.cli.secrets import show_digests

    show_digests(as_json=as_json)


@secrets_app.command(
    "unset",
    context_settings=_ANY_TEXT,
    epilog=examples(
        "edgelet secrets unset GREETING",
    ),
)
@exits
def unset_secrets(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="What to remove.")],
) -> None:
    """Remove secrets from the project's .env file: all that are named, or none."""
    from edgelet_host.cli.secrets import remove_names

    remove_names(names)
