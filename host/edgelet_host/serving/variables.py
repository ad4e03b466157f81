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
from edgelet_host.project.env_file import read_env_file
from edgelet_host.sandbox.grants import inference_environment

RESERVED = "SUPABASE_"
"""Names that begin so are the runtime's."""

_Stamp = tuple[int, int, int] | None


@dataclass(slots=True)
class _EnvFile:
    """A file of secrets as it was when it was last read."""

    path: Path
    stamp: _Stamp = (0, 0, 0)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def current(self) -> Mapping[str, str]:
        """Its values now. Raises `OptionError` when it cannot be read."""
        stamp = _stamp(self.path)
        if stamp != self.stamp:
            self.values = _secrets(read_env_file(self.path))
            self.stamp = stamp
        return self.values


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
        self._files: dict[Path, _EnvFile] = {}
        self._project_file = project.layout.env_file
        self._given: dict[str, Mapping[str, str]] = {}

    def configure(self, project: ProjectConfig) -> None:
        """Take the secrets that the project's configuration has now."""
        self._secrets = _secrets(project.secrets)

    def of(self, function: FunctionConfig) -> Mapping[str, str]:
        """The function's variables now: the same object for as long as they are the same.

        Raises `OptionError` when a file of secrets cannot be read.
        """
        paths = [self._only] if self._only else [self._project_file, function.folder / ".env"]
        merged = dict(self._runtime)
        merged.update(self._secrets)
        for path in paths:
            merged.update(self._file(path).current())
        given = self._given.get(function.name)
        if given != merged:
            given = self._given[function.name] = merged
        return given

    def _file(self, path: Path) -> _EnvFile:
        return self._files.setdefault(path, _EnvFile(path))


def runtime_variables(
    url: str, anon_key: str, service_role_key: str, region: str
) -> dict[str, str]:
    """What Supabase's runtime sets; the server's own variables of these names win.

    >>> runtime_variables("http://127.0.0.1:54321", "a", "s", "local")["SB_REGION"]
    'local'
    """
    from edgelet_host.serving.tokens import PUBLISHABLE_KEY, SECRET_KEY

    values = {
        "SUPABASE_URL": url,
        "SUPABASE_ANON_KEY": anon_key,
        "SUPABASE_SERVICE_ROLE_KEY": service_role_key,
        "SUPABASE_PUBLISHABLE_KEYS": f'{{"default":"{PUBLISHABLE_KEY}"}}',
        "SUPABASE_SECRET_KEYS": f'{{"default":"{SECRET_KEY}"}}',
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
