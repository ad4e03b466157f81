"""Visits of a page whose service worker is the function, in Chromium: time counts from navigation.

A new visitor has an empty profile. One who returns has been here, and all was kept that is kept:
Chromium was restarted, the server is asked whether files have changed, and says that they have not.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import IO
from urllib.parse import urlencode

from bench.browser.chromium import fresh_profile, profile
from bench.browser.server import listening
from bench.cold.copies import with_marks, with_page, without_snapshot
from bench.cold.folders import FIGURES, deploy
from bench.cold.functions import LANGUAGES
from bench.cold.starts import PATIENCE, Marks
from playwright.sync_api import BrowserType

BLOCK = 1 << 20
"""Bytes that the server sends at once."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who visits a folder and asks the function that lies there; `home` is the profile kept."""

    name: str
    folder: Path
    function: str
    figures: Sequence[str] = FIGURES
    stages: bool = False
    home: Path | None = None


def visitors(project: Path, work: Path) -> list[Visitor]:
    """New and returning visitors of the function in both languages."""
    found = []
    for language, shown in LANGUAGES.items():
        plain, function = work / f"browser-{language}", f"cold-{language}"
        deploy(project, language, "browser", plain)
        folder, name = with_page(plain), f"Chromium, {shown}"
        returning, home = f"{name}, returning", work / f"home-{language}"
        without = f"{name}, without snapshot"
        found += [
            Visitor(name, folder, function),
            Visitor(without, without_snapshot(folder), function, ("ask", "embed")),
            Visitor(returning, folder, function, home=home),
            Visitor(name, with_marks(folder), function, ("embed",), stages=True),
        ]
    return found


def visit(
    kind: BrowserType, site: str, visitor: Visitor, figure: str, inference_host: str
) -> Marks:
    """Visit once, in a browser that is started for it. The first visit makes `visitor.home`."""
    place = f"functions/v1/{visitor.function}/{figure}"
    query = urlencode({"place": place, "host": inference_host})
    address = f"{site}/{visitor.folder.name}/visit.html?{query}"
    opened = fresh_profile(kind) if visitor.home is None else profile(kind, visitor.home)
    with opened as browser:
        page = browser.pages[0]
        page.set_default_timeout(PATIENCE * 1e3)
        page.goto(address)
        return dict(page.evaluate("visited"))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the folders in `folder`, as a static web server does; gives its URL."""
    with listening(partial(_Handler, directory=str(folder))) as url:
        yield url


class _Handler(SimpleHTTPRequestHandler):
    """Python's own, which knows `If-Modified-Since`, with connections that are kept."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def copyfile(self, source: IO[bytes], outputfile: IO[bytes]) -> None:  # type: ignore[override]
        shutil.copyfileobj(source, outputfile, BLOCK)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep the terminal for the figures."""
