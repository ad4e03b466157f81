"""Starts Chromium, and knows what its processes hold."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, BrowserType

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Memory is measured when it is asked for, not at some later garbage collection.
    "--enable-blink-features=ForceEagerMeasureMemory",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable(kind: BrowserType) -> str:
    """Playwright's own Chromium, or the system's."""
    found = [path for path in map(shutil.which, NAMES) if path]
    if Path(kind.executable_path).exists():
        return kind.executable_path
    if found:
        return found[0]
    raise SystemExit(
        "error: no Chromium was found; install one with `.venv/bin/playwright install chromium` "
        "or your system's package manager"
    )


def launch(kind: BrowserType) -> Browser:
    """A browser that keeps nothing on disk."""
    return kind.launch(executable_path=executable(kind), args=list(FLAGS))


@contextmanager
def fresh_profile(kind: BrowserType) -> Iterator[BrowserContext]:
    """A browser whose caches are empty and on disk, as a visitor's are."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        profile(kind, Path(folder)) as context,
    ):
        yield context


@contextmanager
def profile(kind: BrowserType, folder: Path) -> Iterator[BrowserContext]:
    """A browser that keeps what it must keep in a folder, and finds it there the next time."""
    context = kind.launch_persistent_context(
        folder, executable_path=executable(kind), args=list(FLAGS)
    )
    try:
        yield context
    finally:
        context.close()


def page_process_memory(browser: Browser) -> tuple[int, int] | None:
    """Bytes of the largest page process: private now, and resident at its peak. Linux alone."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    found = [_memory(each["id"]) for each in processes if each["type"] == "renderer"]
    known = [each for each in found if each]
    return max(known) if known else None


def _memory(process: int) -> tuple[int, int] | None:
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    private = sum(_kilobytes(rollup, f"Private_{kind}:") for kind in ("Clean", "Dirty"))
    return private * 1024, _kilobytes(status, "VmHWM:") * 1024


def _kilobytes(text: str, name: str) -> int:
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))
