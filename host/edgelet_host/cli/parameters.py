"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import typer

Model: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A built-in model, a folder (./my-model), a hub id (org/name), or a language model.",
    ),
]

EmbeddingModel: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A built-in model, a folder (./my-model) or a hub id (org/name)."
    ),
]

PrecisionName: TypeAlias = Literal["fp32", "q8", "int8"]
"""`edgelet.models.Precision`, written again: importing it would double the time of `--help`."""

Precision: TypeAlias = Annotated[
    PrecisionName | None,
    typer.Option(help="How the model computes: the reference, near it and small, or fastest."),
]


def examples(*commands: str) -> str:
    """The end of a help text; the backspace keeps the lines that follow as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)
