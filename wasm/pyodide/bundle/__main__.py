"""`python -m bundle [--assets FOLDER] [--work FOLDER]`: make the assets of the npm package."""

from __future__ import annotations

import argparse
import gzip
import sys
from pathlib import Path

from bundle.assets import Assets
from bundle.errors import BundleError

_ROOT = Path(__file__).resolve().parents[3]


def main() -> None:
    """Make what is stale, then say how large each file is."""
    parser = argparse.ArgumentParser(prog="python -m bundle", description=__doc__)
    parser.add_argument("--assets", type=Path, default=_ROOT / "js-shim" / "dist" / "assets")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "bundle")
    parser.add_argument("--sizes", action="store_true", help="show sizes, plain and gzipped")
    given = parser.parse_args()
    try:
        Assets(_ROOT, given.assets.resolve(), given.work.resolve()).make()
    except BundleError as error:
        sys.exit(f"error: {error}")
    if given.sizes:
        _show_sizes(given.assets)


def _show_sizes(folder: Path) -> None:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        size, packed = file.stat().st_size, len(gzip.compress(file.read_bytes(), 9))
        sys.stdout.write(f"{file.relative_to(folder)!s:60} {size:>12,} {packed:>12,} gz\n")


main()
