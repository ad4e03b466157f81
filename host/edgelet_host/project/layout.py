"""Where a project keeps its functions: as Supabase's command line does, or plainly.

| | Supabase's | plain |
|---|---|---|
| functions | `supabase/functions/<name>/` | `functions/<name>/` |
| configuration | `supabase/config.toml` | `edgelet.toml` |
| secrets | `supabase/functions/.env` | `functions/.env` |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgelet.errors import FunctionError, OptionError

SLUG = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""What a function may be called: the rule of Supabase's command line."""

ENTRY_FILES = ("index.ts", "index.js", "index.tsx", "index.jsx", "index.mjs", "main.py")
"""Where a function begins unless its configuration says otherwise."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one project. `base` is what paths in its configuration are relative to."""

    root: Path
    base: Path
    functions: Path
    config: Path

    @property
    def config_name(self) -> str:
        """The configuration's file, as people call it."""
        return self.config.relative_to(self.root).as_posix()

    @property
    def env_file(self) -> Path:
        """The file of the project's secrets."""
        return self.functions / ".env"


def find_layout(root: Path) -> Layout:
    """The layout of the project in `root`.

    It is Supabase's where `supabase/functions` exists; and where `supabase/config.toml` does while
    there is no `functions`: so Supabase's command line leaves a project without functions.

    >>> find_layout(Path("somewhere")).config_name
    'edgelet.toml'
    """
    supabase, plain = root / "supabase", root / "functions"
    functions, config = supabase / "functions", supabase / "config.toml"
    if functions.is_dir() or (config.is_file() and not plain.is_dir()):
        return Layout(root, supabase, functions, config)
    return Layout(root, root, plain, root / "edgelet.toml")


def checked_slug(name: str) -> str:
    """`name`, if a function may be called so. Raises `OptionError`.

    >>> checked_slug("ollama-test")
    'ollama-test'
    """
    if not SLUG.fullmatch(name):
        raise OptionError(
            f"{name!r} cannot be the name of a function; use letters, digits, - and _, "
            f"with a letter first"
        )
    return name


def entry_file(folder: Path) -> Path | None:
    """Where the function in `folder` begins; None when there is no function in it.

    Raises `FunctionError` when there are several such files.
    """
    found = [folder / name for name in ENTRY_FILES if (folder / name).is_file()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise FunctionError(
            f"{folder} has {names}; keep one, or name one as its entrypoint in the configuration"
        )
    return found[0] if found else None
