"""The commands `edgelet functions …` as they are typed."""

from __future__ import annotations

from typing import Annotated

import typer

from edgelet_host.cli.exits import exits
from edgelet_host.cli.parameters import examples

functions_app = typer.Typer(no_args_is_help=True, help="Functions: run them in the sandbox.")


@functions_app.callback()
def functions() -> None:
    """Functions: run them in the sandbox."""


@functions_app.command(
    epilog=examples(
        "edgelet functions invoke hello --get name=Ada",
        'edgelet functions invoke ./embed/main.py --data \'{"input": "Hello world"}\'',
        "edgelet functions invoke chat --data @question.json --stream",
        "edgelet functions invoke weather --env API_KEY=… --allow-host api.example.com",
    ),
)
@exits
def invoke(
    context: typer.Context,
    function: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION",
            help="A name in supabase/functions or functions, a folder with main.py, or a file.",
        ),
    ],
    *,
    data: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The body to POST; @FILE reads it, @- from stdin."),
    ] = None,
    get: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A query parameter. May be repeated."),
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", "-X", help="The method.", show_default="GET or POST")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="NAME:VALUE", help="A header. May be repeated."),
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Print the answer as it is made.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print status, headers and body as one JSON object.")
    ] = False,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=VALUE]",
            help="A variable to grant; without a value, this shell's. May be repeated.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="A host that it may reach. May be repeated."),
    ] = None,
    memory_mb: Annotated[int, typer.Option(metavar="MB", help="Memory at most.")] = 256,
    cpu_ms: Annotated[int, typer.Option(metavar="MS", help="CPU time at most.")] = 2000,
    timeout_ms: Annotated[
        int, typer.Option(metavar="MS", help="Time for the whole answer.")
    ] = 150_000,
) -> None:
    """Run a Python function once in the sandbox, and print its answer.

    It gets nothing of this machine but what is named here: no files, no variables beside
    AI_INFERENCE_API_HOST and AI_INFERENCE_API_KEY, no network beside that host. What it prints goes
    to stderr. The first time, the sandbox's component is built, which takes half a minute.
    """
    from edgelet_host.cli.invoke import Invocation, invoke_once

    invoke_once(
        context.obj,
        Invocation(
            function=function,
            data=data,
            query=get or [],
            method=method,
            headers=header or [],
            stream=stream,
            as_json=as_json,
            env=env or [],
            allow_hosts=tuple(allow_host or ()),
            memory_mb=memory_mb,
            cpu_ms=cpu_ms,
            timeout_ms=timeout_ms,
        ),
    )
