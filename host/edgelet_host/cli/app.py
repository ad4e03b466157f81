"""The commands as they are typed: names, arguments, options and help texts.

Imports Typer and nothing heavier; the work is done in the modules that each command imports.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edgelet_host.cli.app_functions import functions_app
from edgelet_host.cli.app_models import models_app
from edgelet_host.cli.app_secrets import secrets_app
from edgelet_host.cli.exits import exits
from edgelet_host.cli.parameters import Model, Precision, examples

app = typer.Typer(
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(functions_app, name="functions")
app.add_typer(models_app, name="models")
app.add_typer(secrets_app, name="secrets")


def _version(wanted: bool) -> None:
    if wanted:
        from edgelet import __version__

        print(f"edgelet {__version__}")
        raise typer.Exit


@app.callback(
    epilog=examples(
        "edgelet demo",
        'edgelet run all-MiniLM-L6-v2 "Hello world"',
        "edgelet embed notes.txt -o notes.npy",
        "edgelet models list",
    ),
)
def edgelet(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """One Session for embeddings and language models, on every host."""
    del version


@app.command(
    epilog=examples(
        'edgelet run all-MiniLM-L6-v2 "Hello world"',
        'echo "Hello world" | edgelet run gte-small --json',
        'edgelet run mistral "Why is the sky blue?" --host http://127.0.0.1:11434',
        "edgelet run mistral --set temperature=0.2 --set 'options={\"seed\":1}' < prompt.txt",
    ),
)
@exits
def run(
    context: typer.Context,
    model: Model,
    input: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="The text; without it, or with -, stdin is read."),
    ] = None,
    *,
    stream: Annotated[
        bool | None,
        typer.Option(
            "--stream/--no-stream",
            help="Show the answer as it comes (the default on a terminal).",
        ),
    ] = None,
    mode: Annotated[
        Literal["ollama", "openaicompatible"] | None,
        typer.Option(help="What the inference host speaks.", show_default="ollama"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: the vector, or the server's own objects.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="The whole call at most.")
    ] = None,
    precision: Precision = None,
    no_mean_pool: Annotated[
        bool, typer.Option("--no-mean-pool", help="One row a token, not one vector.")
    ] = False,
    no_normalize: Annotated[
        bool, typer.Option("--no-normalize", help="Do not scale vectors to length 1.")
    ] = False,
    host: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The inference host, instead of AI_INFERENCE_API_HOST."),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A field of the request; VALUE is JSON, or else text. May be repeated.",
        ),
    ] = None,
) -> None:
    """Run a model once: embed a text, or ask a language model.

    A key for the inference host is read from AI_INFERENCE_API_KEY.
    """
    from edgelet_host.cli.run import run_once

    run_once(
        context.obj,
        model,
        input,
        stream=stream,
        mode=mode,
        as_json=as_json,
        timeout=timeout,
        precision=precision,
        mean_pool=not no_mean_pool,
        normalize=not no_normalize,
        url=host,
        fields=fields or [],
    )


@app.command(
    epilog=examples(
        "edgelet embed notes.txt -o notes.npy",
        "edgelet embed articles.jsonl --field body -o articles.parquet",
        "edgelet embed a.csv b.csv --field title -o titles.jsonl --model gte-small",
        "cat notes.txt | edgelet embed - -o notes.jsonl",
    ),
)
@exits
def embed(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Text (one a line), .jsonl, .csv or .tsv; - is stdin.",
        ),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="A .jsonl, .npy or .parquet file."),
    ],
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="The embedding model.", show_default="all-MiniLM-L6-v2"),
    ] = None,
    precision: Precision = None,
    format: Annotated[
        Literal["text", "jsonl", "csv"] | None,
        typer.Option(help="How to read the files, whatever their names end in."),
    ] = None,
    field: Annotated[
        str, typer.Option(metavar="NAME", help="The text's field in JSONL, or column in CSV.")
    ] = "text",
    no_normalize: Annotated[
        bool, typer.Option("--no-normalize", help="Do not scale vectors to length 1.")
    ] = False,
    max_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Cut texts at N tokens, not at the model's limit."),
    ] = None,
    no_truncate: Annotated[
        bool, typer.Option("--no-truncate", help="Fail at a text that is too long.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a stopped run of the same call ended.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start over, and replace OUT when it is done.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no summary.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON, on stdout.")
    ] = False,
) -> None:
    """Embed every text of one or many files.

    Finished rows are kept in OUT.part, so a run that was stopped or killed goes on with --resume.
    OUT appears when it is complete, never before.
    """
    from edgelet_host.cli.embed import Job, embed_files

    embed_files(
        context.obj,
        Job(
            files=tuple(files),
            output=output,
            model=model,
            precision=precision,
            format=format,
            field=field,
            normalize=not no_normalize,
            max_tokens=max_tokens,
            truncate=not no_truncate,
            resume=resume,
            overwrite=overwrite,
            quiet=quiet,
            as_json=as_json,
        ),
    )


@app.command(
    epilog=examples(
        "edgelet demo",
    ),
)
@exits
def demo(context: typer.Context) -> None:
    """See it work: embed three sentences and compare them.

    The first time, this fetches the default model (91 MB) and builds it.
    """
    from edgelet_host.cli.demo import show_demo

    show_demo(context.obj)
