"""A real Chromium: Playwright's own where it is installed, else the system's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--enable-blink-features=ForceEagerMeasureMemory",  # measures when it is asked to
    "--no-first-run",
    "--no-sandbox",
)


def launch_chromium(playwright: Playwright) -> Browser:
    """Start it without a window. The test is skipped, with the reason, where there is none."""
    own = Path(playwright.chromium.executable_path)
    names = ("chromium", "chromium-browser", "google-chrome")
    system = next((found for name in names if (found := shutil.which(name))), None)
    if not own.exists() and system is None:
        pytest.skip(
            "no Chromium is installed; `playwright install chromium`, or the system's package"
        )
    path = None if own.exists() else system
    return playwright.chromium.launch(executable_path=path, args=[*FLAGS])
