"""`edgelet functions deploy`: a function as a folder that a platform runs, and what to do next."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from edgelet.errors import FunctionError, OptionError
from edgelet_host.cli.console import json_text, say
from edgelet_host.cli.functions_extra import check_installed
from edgelet_host.cli.invoke import found


@dataclass(frozen=True)
class Deployment:
    """The command line, parsed."""

    function: str
    target: str
    out: Path
    model: bool
    minify: bool
    native: bool
    dry_run: bool
    as_json: bool


def deploy_function(asked: Deployment) -> None:
    """Write the folder, unless it is only asked for, and say what is in it."""
    check_installed()
    from edgelet_host.deploy import TARGETS, Asked, write_folder
    from edgelet_host.deploy.servers import SERVERS

    if asked.native and asked.target not in SERVERS:
        *others, last = SERVERS
        raise OptionError(
            f"{asked.target} runs no native code; --native is for {', '.join(others)} and {last}"
        )

    project, config = found(asked.function, Path())
    for note in project.notes:
        say(note)
    if asked.out.resolve().is_relative_to(config.folder.resolve()):
        raise FunctionError(f"{asked.out} lies within the function itself; give another --out")
    function = Asked(
        project,
        config,
        model=asked.model,
        minify=asked.minify,
        native=asked.native,
        progress=say,
    )
    bundle = TARGETS[asked.target](function)
    if not asked.dry_run:
        write_folder(bundle, asked.out)
    sizes = bundle.sizes()
    if asked.as_json:
        whole = {
            "function": bundle.function,
            "target": bundle.target,
            "folder": str(asked.out),
            "written": not asked.dry_run,
            "files": sizes,
            "bytes": sum(sizes.values()),
            "model_bytes": bundle.model_size(),
            "variables": bundle.variables,
            "limits": [limit.as_json() for limit in bundle.limits],
            "next": bundle.next,
        }
        sys.stdout.write(json_text(whole) + "\n")
        return
    if asked.dry_run:
        for name, size in sizes.items():
            print(f"{size:>12,}  {name}")
    verb = "Would write" if asked.dry_run else "Wrote"
    model = bundle.model_size()
    within = f", {_megabytes(model)} of them the model" if model else ", without a model"
    print(f"{verb} {len(sizes)} files to {asked.out}: {_megabytes(sum(sizes.values()))}{within}.")
    if bundle.limits:
        print(f"Limits of {bundle.target}:")
    for limit in bundle.limits:
        note = f" ({limit.note})" if limit.note else ""
        print(f"  {limit.name}: {limit.figures()}{note}")
    if bundle.variables:
        print(f"Variables that it must be given: {', '.join(bundle.variables)}")
    if not asked.dry_run:
        print("\nNext:\n")
        for command in (f"cd {asked.out}", *bundle.next):
            print(f"  {command}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
