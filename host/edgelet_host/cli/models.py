"""`edgelet models list`, `pull`, `build`, `export` and `remove`: the model store by hand."""

from __future__ import annotations

import json
from pathlib import Path

from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from edgelet.errors import ModelError
from edgelet.models import BUILT_IN_MODELS, DEFAULT_MODEL, Precision
from edgelet_host.cli.console import output, say
from edgelet_host.cli.model_progress import ModelProgress
from edgelet_host.store import ModelStore, StoredModel
from edgelet_host.store.exporting import export_artefact

_DEFAULT_PRECISION: Precision = "fp32"


def show_models(*, as_json: bool) -> None:
    """Print the built-in models and what is stored."""
    store = ModelStore()
    stored = {model.model: model for model in store.list()}
    if as_json:
        print(json.dumps(_facts(store, stored), indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("model", "dimensions", "max tokens"):
        table.add_column(column, no_wrap=column == "model", justify="left")
    table.add_column("stored")
    table.add_column("size", justify="right", no_wrap=True)
    for model in BUILT_IN_MODELS:
        name = Text(model.name)
        if model.name == DEFAULT_MODEL:
            name.append(" (default)", style="dim")
        dimensions, most = str(model.dimensions), str(model.max_tokens)
        table.add_row(name, dimensions, most, *_state(stored.pop(model.name, None)))
    for other in stored.values():
        table.add_row(Text(other.model), "", "", *_state(other))
    console = output()
    console.print(table)
    console.print(f"\nstored in {store.folder}", style="dim", soft_wrap=True)


def pull_model(model: str) -> None:
    """Fetch the source files of a model; print their folder."""
    with ModelProgress() as progress:
        folder = ModelStore(progress=progress).pull(model)
    print(folder)


def build_model(model: str, precision: Precision | None, *, again: bool) -> None:
    """Build what is not built yet, or everything `again`; print the folder of the artefact."""
    with ModelProgress() as progress:
        store = ModelStore(progress=progress)
        make = store.build if again else store.artefact
        folder = make(model, precision or _DEFAULT_PRECISION)
    print(folder)


def export_model(model: str, directory: Path, precision: Precision) -> None:
    """Copy the artefact, built if it is not there, below `directory`; print its folder."""
    with ModelProgress() as progress:
        artefact = ModelStore(progress=progress).artefact(model, precision)
    print(export_artefact(artefact, directory))


def remove_model(model: str, precision: Precision | None) -> None:
    """Remove what is stored; say how much room that made. Raises `ModelError` if nothing was."""
    store = ModelStore()
    freed = store.remove(model, precision)
    if not freed:
        what = model if precision is None else f"{model} in {precision}"
        raise ModelError(f"nothing is stored of {what} in {store.folder}")
    say(f"removed {model}: {decimal(freed)} freed")


def _state(stored: StoredModel | None) -> tuple[str, str]:
    if stored is None:
        return "–", ""
    return ", ".join(stored.precisions) or "source files", decimal(stored.size)


def _facts(store: ModelStore, stored: dict[str, StoredModel]) -> dict[str, object]:
    return {
        "folder": str(store.folder),
        "built_in": [
            {
                "model": model.name,
                "repository": model.repository,
                "dimensions": model.dimensions,
                "max_tokens": model.max_tokens,
                "licence": model.licence,
                "summary": model.summary,
            }
            for model in BUILT_IN_MODELS
        ],
        "stored": [
            {
                "model": model.model,
                "kind": model.kind,
                "precisions": list(model.precisions),
                "bytes": model.size,
                "where": [str(folder) for folder in model.where],
            }
            for model in stored.values()
        ],
    }
