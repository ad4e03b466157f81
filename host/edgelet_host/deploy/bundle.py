"""A deployed function: what is asked for, and the folder that it becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgelet import __version__
from edgelet.models import DEFAULT_MODEL
from edgelet_host.deploy.limits import Limit
from edgelet_host.project import FunctionConfig, ProjectConfig
from edgelet_host.project.env_file import read_env_file
from edgelet_host.sandbox.grants import INFERENCE_VARIABLES

MARKER = "edgelet.json"
"""The file that says who wrote the folder, and which files of it."""

_SUPABASE = (
    "SB_REGION", "SUPABASE_ANON_KEY", "SUPABASE_DB_URL", "SUPABASE_PUBLISHABLE_KEYS",
    "SUPABASE_SECRET_KEYS", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_URL",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A function of a project that is to be deployed, with the default model or without.

    `native`: models run in onnxruntime-node, which the platform's own tool installs. `progress` is
    told what takes long.
    """

    project: ProjectConfig
    function: FunctionConfig
    model: bool = True
    minify: bool = False
    native: bool = False
    progress: Callable[[str], None] = lambda _: None

    def secrets(self) -> tuple[str, ...]:
        """The names of the project's secrets, which the platform must be given."""
        names = {*self.project.secrets}
        for path in (self.project.layout.env_file, self.function.folder / ".env"):
            names.update(read_env_file(path))
        return tuple(sorted(names))

    def variables(self) -> tuple[str, ...]:
        """The names of all variables that the function may see."""
        return tuple(sorted({*INFERENCE_VARIABLES, *_SUPABASE, *self.secrets()}))


@dataclass(frozen=True, slots=True)
class Bundle:
    """A folder to be. `files` are bytes, or files to copy, by their paths.

    `variables` are the names of the project's secrets, which the platform must be given; `next` are
    the commands that run it; `limits` are those of the platform, beside what the bundle needs.
    """

    function: str
    target: str
    files: Mapping[str, bytes | Path] = field(repr=False)
    variables: tuple[str, ...]
    next: tuple[str, ...]
    limits: tuple[Limit, ...] = ()

    def contents(self) -> dict[str, bytes | Path]:
        """The folder's files by their paths: the marker first, then these."""
        marker = {
            "function": self.function,
            "target": self.target,
            "version": __version__,
            "files": [MARKER, *sorted(self.files)],
        }
        return {MARKER: (json.dumps(marker, indent=2) + "\n").encode(), **self.files}

    def sizes(self) -> dict[str, int]:
        """The size of each file, in bytes, by the path."""
        return {
            name: len(data) if isinstance(data, bytes) else data.stat().st_size
            for name, data in sorted(self.contents().items())
        }

    def model_size(self) -> int:
        """The size of the default model's files, in bytes; 0 without it."""
        within = f"models/{DEFAULT_MODEL}/"
        return sum(size for name, size in self.sizes().items() if within in name)
