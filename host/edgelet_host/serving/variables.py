"""The variables a function is given: what Supabase's runtime sets, and the project's secrets.

Nothing of the server's own environment is among them but what names the inference host. Files of
secrets are read again when they have changed, so that a function sees a new one with the next
request.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgelet_host.project import FunctionConfig, ProjectConfig
from edgelet_host.project.env_file import RESERVED, read_env_file
from edgelet_host.sandbox.grants import inference_environment
from edgelet_host.serving.tokens import Tokens

_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class _Given:
    """A function's variables, and what was looked at to know them."""

    stamps: list[_Stamp]
    secrets: Mapping[str, str] = field(repr=False)
    values: Mapping[str, str] = field(repr=False)


class Variables:
    """The variables of a project's functions.

    `runtime` are those the server sets. `env_file` replaces the project's own files of secrets.
    """

    def __init__(
        self, project: ProjectConfig, runtime: Mapping[str, str], env_file: Path | None = None
    ) -> None:
        self._runtime = {**inference_environment(), **runtime}
        self.configure(project)
        self._only = env_file
        self._project_file = project.layout.env_file
        self._given: dict[str, _Given] = {}

    def configure(self, project: ProjectConfig) -> None:
        """Take the secrets that the project's configuration has now."""
        self._secrets = _secrets(project.secrets)

    def of(self, function: FunctionConfig) -> Mapping[str, str]:
        """The function's variables now: the same object for as long as they are the same.

        Raises `OptionError` when a file of secrets cannot be read.
        """
        paths = [self._only] if self._only else [self._project_file, function.folder / ".env"]
        stamps, before = [*map(_stamp, paths)], self._given.get(function.name)
        if before and before.stamps == stamps and before.secrets is self._secrets:
            return before.values
        values = {**self._runtime, **self._secrets}
        for path in paths:
            values.update(_secrets(read_env_file(path)))
        if before and before.values == values:
            given = _Given(stamps, self._secrets, before.values)
        else:
            given = _Given(stamps, self._secrets, values)
        self._given[function.name] = given
        return given.values


def runtime_variables(url: str, tokens: Tokens, region: str) -> dict[str, str]:
    """What Supabase's runtime sets; the server's own variables of these names win.

    >>> runtime_variables("http://127.0.0.1:54321", Tokens(AuthConfig()), "local")["SB_REGION"]
    'local'
    """
    values = {
        "SUPABASE_URL": url,
        "SUPABASE_ANON_KEY": tokens.anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": tokens.service_role_key,
        "SUPABASE_PUBLISHABLE_KEYS": f'{{"default":"{tokens.publishable_key}"}}',
        "SUPABASE_SECRET_KEYS": f'{{"default":"{tokens.secret_key}"}}',
        "SUPABASE_DB_URL": "postgresql://postgres:postgres@127.0.0.1:54322/postgres",
        "SB_REGION": region,
    }
    return {name: os.environ.get(name) or value for name, value in values.items()}


def _secrets(values: Mapping[str, str]) -> dict[str, str]:
    """Those that are not the runtime's."""
    return {name: value for name, value in values.items() if not name.startswith(RESERVED)}


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
