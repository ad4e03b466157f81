"""Hot reload: what changes on disk is served from the next request on.

A burst of saves is one change; editors' temporary files are none. Links are followed, since a
folder that is shared between functions is often one.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from watchfiles import Change, DefaultFilter, awatch

from edgelet.errors import EdgeletError
from edgelet_host.project.layout import Layout
from edgelet_host.serving.console import Console
from edgelet_host.serving.functions import Functions

_TIMING: Any = {"debounce": 200, "step": 40}
"""Milliseconds: a burst is over when nothing has changed for `step`, or after `debounce`."""

_TEMPORARY = re.compile(r"\.(swp|swx|swo|tmp|bak)$|~$|^\.#|^#.*#$|^4913$|___jb_\w+___$")
"""What vim, Emacs, JetBrains and others write beside a file while they save it."""


class _Sources(DefaultFilter):
    """Everything that a function may be made of."""

    def __call__(self, change: Change, path: str) -> bool:
        name = Path(path).name
        return super().__call__(change, path) and not _TEMPORARY.search(name) and name != ".env"


class _Only:
    """One file."""

    def __init__(self, file: Path) -> None:
        self._name = file.name

    def __call__(self, change: Change, path: str) -> bool:
        del change
        return Path(path).name == self._name


async def reload_on_change(layout: Layout, functions: Functions, console: Console) -> None:
    """Refresh the functions whenever the project changes, until this task is cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch_configuration(layout, functions, console))
        group.create_task(_watch_functions(layout, functions, console))


async def _watch_configuration(layout: Layout, functions: Functions, console: Console) -> None:
    """The folder of the file, not the file, which editors replace by another."""
    changes = awatch(layout.base, watch_filter=_Only(layout.config), recursive=False, **_TIMING)
    async for _ in changes:
        await _refresh(functions, console)


async def _watch_functions(layout: Layout, functions: Functions, console: Console) -> None:
    while True:
        watched = _folders(layout)
        async for _ in awatch(*watched, watch_filter=_Sources(), **_TIMING):
            await _refresh(functions, console)
            if _folders(layout) != watched:
                break  # a link has appeared, or gone


def _folders(layout: Layout) -> set[Path]:
    """The folder of functions, and those that links in it lead to."""
    found = {layout.functions.resolve()}
    for path in layout.functions.rglob("*"):
        if path.is_symlink():
            target = path.resolve()
            found.add(target if target.is_dir() else target.parent)
    return {folder for folder in found if folder.is_dir()}


async def _refresh(functions: Functions, console: Console) -> None:
    try:
        changed = await functions.refresh()
    except EdgeletError as error:
        console.note(f"{error}; what was served before is served on")
        return
    for name in changed:
        what = "loaded anew" if functions.find(name) else "no longer served"
        console.note(f"[{name}] {what}")
