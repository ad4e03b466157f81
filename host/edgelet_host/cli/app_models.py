"""The commands `edgelet models …` as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgelet_host.cli.exits import exits
from edgelet_host.cli.parameters import EmbeddingModel, Precision, PrecisionName, examples

models_app = typer.Typer(
    no_args_is_help=True,
    help="Models on this machine: list, fetch, build, export, verify and remove them.",
)


@models_app.command(
    "list",
    epilog=examples(
        "edgelet models list",
        "edgelet models list --json",
    ),
)
@exits
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the built-in models, and what is stored on this machine."""
    from edgelet_host.cli.models import show_models

    show_models(as_json=as_json)


@models_app.command(
    epilog=examples(
        "edgelet models pull gte-small",
        "HF_ENDPOINT=https://mirror.example edgelet models pull intfloat/e5-small-v2",
    ),
)
@exits
def pull(model: EmbeddingModel) -> None:
    """Fetch a model's files, check them, and print their folder."""
    from edgelet_host.cli.models import pull_model

    pull_model(model)


@models_app.command(
    epilog=examples(
        "edgelet models build all-MiniLM-L6-v2",
        "edgelet models build gte-small --precision q8",
    ),
)
@exits
def build(
    model: EmbeddingModel,
    precision: Precision = None,
    again: Annotated[
        bool, typer.Option("--again", help="Build even what is built already.")
    ] = False,
) -> None:
    """Make a model ready to run, fetching what is missing, and print its folder."""
    from edgelet_host.cli.models import build_model

    build_model(model, precision, again=again)


@models_app.command(
    epilog=examples(
        "edgelet models export all-MiniLM-L6-v2 public/models",
        "edgelet models export ./my-model public/models --precision q8",
    ),
)
@exits
def export(
    model: EmbeddingModel,
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIRECTORY", file_okay=False, help="The folder of all models."),
    ],
    precision: Annotated[
        PrecisionName, typer.Option(help="How the model computes; browsers ask for int8.")
    ] = "int8",
) -> None:
    """Copy a model into a folder that browsers and other hosts load models from.

    Its files go to DIRECTORY/MODEL/PRECISION, which is printed; a "/" in a model's name becomes
    "--".
    """
    from edgelet_host.cli.models import export_model

    export_model(model, directory, precision)


@models_app.command(
    epilog=examples(
        "edgelet models verify all-MiniLM-L6-v2",
        "edgelet models verify gte-small --golden gte-small.json",
    ),
)
@exits
def verify(
    context: typer.Context,
    model: EmbeddingModel,
    golden: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Texts and the vectors they must give, as JSON.",
        ),
    ] = None,
    precision: Annotated[
        PrecisionName, typer.Option(help="What to compare with the golden vectors.")
    ] = "fp32",
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="The largest difference allowed in any value.")
    ] = 1e-4,
) -> None:
    """Read all stored files of a model again and check their hashes; compare its vectors.

    A golden file holds "texts", "embeddings" and "options" (mean_pool, normalize).
    """
    from edgelet_host.cli.verify import verify_model

    verify_model(context.obj, model, golden, precision, tolerance)


@models_app.command(
    epilog=examples(
        "edgelet models remove gte-small",
        "edgelet models remove gte-small --precision int8",
    ),
)
@exits
def remove(model: EmbeddingModel, precision: Precision = None) -> None:
    """Remove what is stored of a model, or what was built of one precision."""
    from edgelet_host.cli.models import remove_model

    remove_model(model, precision)
