"""Hot reload: what changes on disk is served from the next request on.

A burst of saves is one change; editors' temporary files are none. Links are followed, since a
folder that is shared between functions is often one.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from watchfiles import Change, awatch

from edgelet.errors import EdgeletError
from edgelet_host.project.layout import Layout
from edgelet_host.serving.console import Console
from edgelet_host.serving.functions import Functions
from edgelet_host.serving.sources import is_source, links

_TIMING: Any = {
    "debounce": 200,
    "step": 40,
    "rust_timeout": 1000,
    "yield_on_timeout": True,
    "ignore_permission_denied": True,
}
"""Milliseconds: a burst is over when nothing has changed for `step`, or after `debounce`."""

_PAUSE_SECONDS = 1.0
"""Until a folder that is gone is looked for again."""

_VANISHED_TRIES = 5
_VANISHED_SECONDS = 0.1
"""How often, and how soon, files are read again that went while they were read."""


class _Sources:
    """Everything below the watched folders that a function may be made of."""

    def __init__(self, folders: set[Path]) -> None:
        self._folders = folders

    def __call__(self, change: Change, path: str) -> bool:
        del change
        within = next(
            (each for each in self._folders if Path(path).is_relative_to(each)), Path("/")
        )
        return is_source(Path(path).relative_to(within))


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
    only = _Only(layout.config)
    while True:
        try:
            async for changes in awatch(layout.base, watch_filter=only, recursive=False, **_TIMING):
                if changes:
                    await _refresh(functions, console)
                elif not layout.base.is_dir():
                    break
        except OSError:
            pass  # the folder is gone
        await asyncio.sleep(_PAUSE_SECONDS)


async def _watch_functions(layout: Layout, functions: Functions, console: Console) -> None:
    """Watch until a link appears or goes, or what is watched does; then watch anew."""
    said = ""
    while True:
        try:
            watched = await asyncio.to_thread(_watched, layout)
            is_new = True
            async for changes in awatch(*watched, watch_filter=_Sources(watched), **_TIMING):
                if changes or is_new:  # something may have changed before it was watched
                    await _refresh(functions, console)
                is_new = False
                gone = any(c is Change.deleted and Path(p) in watched for c, p in changes)
                if gone or await asyncio.to_thread(_watched, layout) != watched:
                    break
        except FileNotFoundError:
            await _refresh(functions, console)
            await asyncio.sleep(_PAUSE_SECONDS)
        except OSError as error:
            if str(error) != said:
                said = str(error)
                console.note(f"changes of the functions cannot be watched: {error}")
            await asyncio.sleep(_PAUSE_SECONDS)


def _watched(layout: Layout) -> set[Path]:
    """The folder of functions, and what links in it lead to. Raises `FileNotFoundError`."""
    targets = {path.resolve() for path in links(layout.functions)}
    return {layout.functions.resolve(strict=True), *(each for each in targets if each.exists())}


async def _refresh(functions: Functions, console: Console) -> None:
    for left in reversed(range(_VANISHED_TRIES)):
        try:
            await functions.refresh()
            return
        except (EdgeletError, OSError) as error:
            if isinstance(error, EdgeletError) or not left:
                console.note(f"{error}; what was served before is served on")
                return
        await asyncio.sleep(_VANISHED_SECONDS)
