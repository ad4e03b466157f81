"""The functions of a project as they are on disk at this moment.

What has changed is made anew, and asked from the next request on; requests that run end on the code
they began with. Configuration counts as code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from edgelet.errors import EdgeletError, FunctionError
from edgelet.http import Request, Response
from edgelet_host.project import FunctionConfig, ProjectConfig, read_config
from edgelet_host.project.layout import Layout
from edgelet_host.sandbox.errors import FunctionNotBooted
from edgelet_host.serving.broken import BrokenFunction
from edgelet_host.serving.console import Console

_SAVE_SECONDS = 0.2
"""A function that has gone, or broken, is looked at again after that: it may be half saved."""


class Version(Protocol):
    """One version of a function, which can be asked; `version` tells it from others."""

    config: FunctionConfig
    version: object

    async def respond(self, request: Request) -> Response:
        """Its answer."""
        ...

    async def retire(self, seconds: float | None = None) -> None:
        """Give it up; what it has begun ends in order, within `seconds` if they are given."""
        ...


class Prepared(Version, Protocol):
    """A version that can be loaded ahead of its first request."""

    async def prepare(self) -> None:
        """Load it. Raises `FunctionNotBooted`."""
        ...


class Functions:
    """Finds functions by name. `names` are those to serve, all where there are none.

    `preload` has those in JavaScript started at once, not by their first request. `configure` is
    called with the project when it has been read.
    """

    def __init__(
        self,
        layout: Layout,
        make: Callable[[FunctionConfig], Awaitable[Prepared]],
        console: Console,
        *,
        names: Iterable[str] = (),
        preload: bool = False,
        configure: Callable[[ProjectConfig], object] = lambda _: None,
    ) -> None:
        self._layout = layout
        self._make = make
        self._console = console
        self._names = frozenset(names)
        self._preload = preload
        self._configure = configure
        self._is_begun = False
        self._versions: dict[str, Version] = {}
        self._refreshing = asyncio.Lock()
        self._retiring: dict[asyncio.Task[None], Version] = {}

    @property
    def configs(self) -> Mapping[str, FunctionConfig]:
        """The functions that are served."""
        return {name: version.config for name, version in self._versions.items()}

    def find(self, name: str) -> Version | None:
        """The present version of a function; None when there is none."""
        return self._versions.get(name)

    async def refresh(self) -> None:
        """Look at the disk again; each change is told on the console as it is made.

        Raises `OptionError` for a configuration that cannot be read, and `FunctionError` for a
        project without the functions that were named; what was served is served on.
        """
        async with self._refreshing:
            wanted = await self._wanted()
            if self._versions.keys() - wanted.keys():
                await asyncio.sleep(_SAVE_SECONDS)
                wanted = await self._wanted()
            for name in sorted(self._versions.keys() - wanted.keys()):
                self._console.note(f"[{name}] no longer served")
                self._retire(self._versions.pop(name))
            for name, config in wanted.items():
                await self._renew(name, config)
            self._is_begun = True

    async def retire(self, seconds: float) -> None:
        """Give up all of them; what they have begun must end within `seconds`."""
        async with self._refreshing:
            for version in [*self._versions.values(), *self._retiring.values()]:
                self._retire(version, seconds)
            self._versions.clear()
            await asyncio.gather(*self._retiring)

    async def _wanted(self) -> dict[str, FunctionConfig]:
        project = await asyncio.to_thread(read_config, self._layout)
        missing = self._names - project.functions.keys()
        if missing and not self._is_begun:  # later on, it has been removed
            raise FunctionError(
                f"there is no function {min(missing)!r} in {self._layout.functions}; "
                f"make one with: edgelet functions new {min(missing)}"
            )
        self._configure(project)
        names = self._names or project.functions.keys()
        return {name: config for name, config in project.functions.items() if name in names}

    async def _renew(self, name: str, config: FunctionConfig) -> None:
        before = self._versions.get(name)
        made = await self._made(config)
        if before is not None and before.version == made.version:
            return
        made = await self._prepared(made)
        if isinstance(made, BrokenFunction) and before is not None:
            await asyncio.sleep(_SAVE_SECONDS)
            again = await self._made(config)
            if again.version != made.version:
                made = await self._prepared(again)
        if isinstance(made, BrokenFunction):
            self._console.failure(name, made.reason)
        elif self._is_begun:
            self._console.note(f"[{name}] loaded anew")
        self._versions[name] = made
        if before is not None:
            self._retire(before)

    async def _prepared(self, made: Prepared | BrokenFunction) -> Prepared | BrokenFunction:
        if isinstance(made, BrokenFunction):
            return made
        try:
            if made.config.language == "python" or self._preload:
                await made.prepare()
        except (FunctionNotBooted, FunctionError) as error:
            return BrokenFunction(made.config, made.version, error)
        except EdgeletError as error:  # not the function's fault: its first request tries again
            self._console.failure(made.config.name, error)
        return made

    async def _made(self, config: FunctionConfig) -> Prepared | BrokenFunction:
        try:
            return await self._make(config)
        except EdgeletError as error:
            return BrokenFunction(config, (config, str(error)), error)

    def _retire(self, version: Version, seconds: float | None = None) -> None:
        task = asyncio.create_task(version.retire(seconds))
        self._retiring[task] = version
        task.add_done_callback(self._retiring.pop)
