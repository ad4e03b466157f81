"""The commands `edgelet functions …` as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edgelet_host.cli.exits import exits
from edgelet_host.cli.parameters import examples

functions_app = typer.Typer(
    no_args_is_help=True, help="Functions: make, serve, call and deploy them."
)


@functions_app.callback()
def functions() -> None:
    """Functions: make, serve, call and deploy them."""


@functions_app.command(
    epilog=examples(
        "edgelet functions invoke hello --get name=Ada",
        'edgelet functions invoke ./embed/main.py --data \'{"input": "Hello world"}\'',
        "edgelet functions invoke chat --data @question.json --stream",
        "edgelet functions invoke ./weather --env API_KEY --allow-host api.example.com",
    ),
)
@exits
def invoke(
    context: typer.Context,
    function: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION",
            help="A name in supabase/functions or functions, a folder, or a file.",
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
    memory_mb: Annotated[
        int | None, typer.Option(metavar="MB", help="Memory at most.", show_default="256")
    ] = None,
    cpu_ms: Annotated[int, typer.Option(metavar="MS", help="CPU time at most.")] = 2000,
    timeout_ms: Annotated[
        int, typer.Option(metavar="MS", help="Time for the whole answer.")
    ] = 150_000,
) -> None:
    """Call a function once, without a server, and print its answer.

    A name means a function of the project in this folder, with its configuration and its secrets. A
    path means that function alone: it gets nothing of this machine but what is named here, no
    files, no variables beside the runtime's, no network beside the inference host. Python runs in
    the sandbox, whose component is built the first time, which takes half a minute; JavaScript runs
    in Deno. What a function prints goes to stderr.
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


@functions_app.command(
    epilog=examples(
        "edgelet functions new hello",
        "edgelet functions new embed --template embed",
        "edgelet functions new ask --lang ts --template chat",
    ),
)
@exits
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The function's name, which its URL ends with.")
    ],
    *,
    lang: Annotated[Literal["py", "ts"], typer.Option(help="Python or TypeScript.")] = "py",
    template: Annotated[
        Literal["hello", "embed", "chat", "search"], typer.Option(help="What it does at first.")
    ] = "hello",
) -> None:
    """Write a new function that runs as it is, and say how to ask it.

    It goes to supabase/functions in a project of Supabase's, else to functions.
    """
    from edgelet_host.cli.new import new_function

    new_function(name, "python" if lang == "py" else "javascript", template)


@functions_app.command(
    epilog=examples(
        "edgelet functions serve",
        "edgelet functions serve hello embed --port 8000",
        "edgelet functions serve --env-file .env.local --no-verify-jwt",
        "edgelet functions serve hello --inspect",
    ),
)
@exits
def serve(
    context: typer.Context,
    functions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FUNCTION…]", help="Those to serve; all of them by default."),
    ] = None,
    *,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0 is a free one.")
    ] = 54321,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen: this machine alone.")
    ] = "127.0.0.1",
    env_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Secrets, instead of the project's .env files."),
    ] = None,
    no_verify_jwt: Annotated[
        bool, typer.Option("--no-verify-jwt", help="Let anyone call every function.")
    ] = False,
    no_sandbox: Annotated[
        bool,
        typer.Option("--no-sandbox", help="Run Python functions in the server, for a debugger."),
    ] = False,
    import_map: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An import map for all functions in JavaScript."),
    ] = None,
    inspect: Annotated[
        bool,
        typer.Option("--inspect", help="Wait for a debugger at 127.0.0.1:8083 (JavaScript)."),
    ] = False,
    preload: Annotated[
        bool, typer.Option("--preload", help="Start functions at once, not when first asked.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each request.")] = False,
) -> None:
    """Serve the functions of this folder, as Supabase's gateway does.

    Those in supabase/functions with supabase/config.toml, else those in functions with
    edgelet.toml. What changes on disk is served from the next request on. Python functions run in
    the sandbox, JavaScript ones in Deno; each sees its secrets and what the configuration names,
    and nothing else of this machine.
    """
    from edgelet_host.cli.serve import serve_functions
    from edgelet_host.serving.options import Options

    serve_functions(
        context.obj,
        Options(
            names=tuple(functions or ()),
            host=host,
            port=port,
            env_file=env_file,
            verify_jwt=not no_verify_jwt,
            sandbox=not no_sandbox,
            import_map=import_map,
            inspect="127.0.0.1:8083" if inspect else None,
            preload=preload,
            requests=not quiet,
        ),
    )


@functions_app.command(
    epilog=examples(
        "edgelet functions deploy embed --target deno --out deployed/embed",
        "edgelet functions deploy chat --target node --out deployed/chat --no-model",
        "edgelet functions deploy hello --target bun --out deployed/hello --dry-run",
        "edgelet functions deploy hello --target cloudflare --out deployed/worker",
    ),
)
@exits
def deploy(
    function: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION",
            help="A name in supabase/functions or functions, a folder, or a file.",
        ),
    ],
    *,
    target: Annotated[
        Literal["deno", "node", "bun", "cloudflare", "supabase", "browser", "wasm"],
        typer.Option(help="What it will run on."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder to write: a new one, or an earlier one.")
    ],
    model: Annotated[
        bool, typer.Option("--model/--no-model", help="With the default model, or without.")
    ] = True,
    minify: Annotated[
        bool, typer.Option("--minify", help="Minify the function's JavaScript, by esbuild.")
    ] = False,
    native: Annotated[
        bool,
        typer.Option("--native", help="Embed by onnxruntime-node, which the manifest names."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be written, with sizes.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print files, sizes and variables as one JSON object.")
    ] = False,
) -> None:
    """Write a function as a folder that runs by itself, in Python or JavaScript.

    It holds the function, core, Python, onnxruntime and the default model, from the npm package
    edgelet. It holds no secret: their names are listed, and the platform must be given them. Only a
    folder that this command wrote is written over.
    """
    from edgelet_host.cli.deploy import Deployment, deploy_function

    deploy_function(
        Deployment(
            function=function,
            target=target,
            out=out,
            model=model,
            minify=minify,
            native=native,
            dry_run=dry_run,
            as_json=as_json,
        )
    )
