"""`manifest.json`: which versions lie in a folder of assets, and the size and hash of each file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from bundle.errors import BundleError
from bundle.stale import sha256_of
from bundle.versions import Versions

NAME = "manifest.json"
SNAPSHOT = "snapshot.bin.gz"

FROZEN = ("stdlib.zip", "core.zip", "pyodide.asm.wasm")
"""The files that a snapshot was taken of: with any other bytes of them it does not work."""


def write_manifest(folder: Path, versions: Versions, snapshot_of: dict[str, str]) -> None:
    """Describe `folder`; `snapshot_of` has the hashes of `FROZEN` when the snapshot was taken.

    Raises `BundleError` when the snapshot is one of other files than those that lie there.
    """
    names = sorted({"pyodide.asm.mjs", SNAPSHOT, *FROZEN})
    files = {
        name: {"size": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
        for name in names
    }
    for name in FROZEN:
        if files[name]["sha256"] != snapshot_of[name]:
            raise BundleError(
                f"the snapshot was taken of another {name} than the one in {folder}; "
                f"remove {SNAPSHOT} there and bundle again"
            )
    facts = {**asdict(versions), "files": files, "snapshot": {"of": snapshot_of}}
    (folder / NAME).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
