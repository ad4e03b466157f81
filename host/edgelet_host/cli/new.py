"""`edgelet functions new`: a function to begin with, and what to do next."""

from __future__ import annotations

from pathlib import Path

from edgelet_host.project import find_layout
from edgelet_host.project.config import Language
from edgelet_host.project.starter import Template, write_starter


def new_function(name: str, language: Language, template: Template) -> None:
    """Write the function into the project in this folder; print its files and how to ask it."""
    starter = write_starter(find_layout(Path()), name, language, template)
    for file in starter.files:
        print(file)
    print("\nIt runs as it is; nothing needs to be configured. Next:\n")
    print("  edgelet functions serve")
    print(f"  {starter.curl}")
