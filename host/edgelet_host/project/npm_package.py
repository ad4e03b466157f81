"""Where the npm package `edgelet` lies: installed in the project, or built in a clone."""

from __future__ import annotations

from pathlib import Path

_CLONE = Path(__file__).parents[3] / "js-shim" / "dist"


def npm_package(root: Path) -> Path | None:
    """The package's folder of bundles and assets, for the project in `root`."""
    here = root / "node_modules" / "edgelet" / "dist"
    return next((folder for folder in (here, _CLONE) if (folder / "deno.js").is_file()), None)
