"""Copies of deployed folders, changed for what a folder itself must know nothing of.

A copy shares all files with its original but those that are written anew here.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

HERE = Path(__file__).parent
ADDED = HERE / "added"
INSTANCES = HERE.parent / "browser" / "adapters" / "instances.js"

_ENTRIES = ("worker/main.js", "service-worker.js", "main.js")
_PACKAGES = ("edgelet", "worker/edgelet")

_ANY, _BROWSER, _ENGINE = "*.js", "deployed.browser.js", "*-ort.*.js"

_WITHOUT_SNAPSHOT = (
    (_ANY, r"\bsnapshot:((?:[\w$]+\.snapshot\?\?)?)!0", "snapshot:!1"),
    (_ANY, r'[\w$]+\("python/snapshot\.bin\.gz"\)', "void 0"),
)
"""Where the package chooses to start from the snapshot, or hands it over."""

_RESTORED = ((_ANY, r'[\w$]+\.pyimport\("edgelet_pyodide\.prepared"\)', r"(restored(),\g<0>)"),)
"""Where Python is there: core is imported next."""

_SESSIONS = (
    (_BROWSER, r"(InferenceSession:\(\)=>)([\w$]+)", r"\1watched(\2)"),
    (_ENGINE, r"(?s).*[{,]([\w$]+) as InferenceSession.*", r"\g<0>watched(\1);"),
)
"""Where onnxruntime's sessions are exported, which are watched then."""

_Changes = tuple[tuple[str, str, str], ...]
"""Files of the package, what is replaced in them, and by what."""


def without_snapshot(folder: Path) -> Path:
    """The function, starting Python without its snapshot."""
    copy = _copied(folder, "without-snapshot")
    _change(copy, _WITHOUT_SNAPSHOT)
    return copy


def with_marks(folder: Path) -> Path:
    """The function, telling how far its start has come; see `added/marks.js`."""
    copy = _copied(folder, "with-marks")
    entry = _entry(copy)
    _write(entry, f'import "./marks.js";\n{entry.read_text("utf-8")}')
    for added in (ADDED / "marks.js", INSTANCES):
        shutil.copyfile(added, entry.parent / added.name)
    _change(copy, _RESTORED)
    native = copy / "node_modules" / "onnxruntime-node" / "dist" / "index.js"
    if native.exists():
        _write(native, f"{native.read_text('utf-8')}\nwatched(exports.InferenceSession);\n")
    else:
        _change(copy, _SESSIONS)
    return copy


def measured_worker(folder: Path) -> Path:
    """A Worker that tells of itself, too; see `added/measured.js`."""
    copy = _copied(folder, "measured")
    main = _entry(copy)
    main.rename(main.with_name("deployed.js"))
    shutil.copyfile(ADDED / "measured.js", main)
    shutil.copyfile(INSTANCES, main.with_name(INSTANCES.name))
    return copy


def with_page(folder: Path) -> Path:
    """A service worker's folder with the page that visitors load."""
    copy = _copied(folder, "visited")
    shutil.copyfile(ADDED / "visit.html", copy / "visit.html")
    return copy


def _copied(folder: Path, what: str) -> Path:
    copy = folder.with_name(f"{folder.name}-{what}")
    return Path(shutil.copytree(folder, copy, copy_function=os.link))


def _entry(folder: Path) -> Path:
    return next(folder / name for name in _ENTRIES if (folder / name).exists())


def _change(folder: Path, changes: _Changes) -> None:
    """Make changes to the package's files, one of which must be there to be made."""
    made = 0
    for name, pattern, replacement in changes:
        for script in (script for each in _PACKAGES for script in (folder / each).glob(name)):
            text, times = re.subn(pattern, replacement, script.read_text("utf-8"))
            if times:
                _write(script, text)
            made += times
    assert made, changes


def _write(file: Path, text: str) -> None:
    """Write a file anew, and not the one that it shares with the original."""
    file.unlink()
    file.write_text(text, "utf-8")
