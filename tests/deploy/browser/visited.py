"""A page of a deployed folder, in a real browser: it asks the function as its author's pages do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Page

from tests.browser.static_server import StaticServer

PREFIX = "/some/where/"
"""The folder lies below a site's root, as on many hosts."""

_READY = """async (given) => {
  const { ready } = await import("./functions.js");
  await ready(given);
}"""
_ASK = """async ([path, init]) => {
  const response = await fetch(path, init);
  const text = await response.text().catch((error) => `failed: ${error.name}`);
  return { status: response.status, headers: [...response.headers], text };
}"""
_BEGIN = """async (path) => {
  globalThis.leaving = new AbortController();
  const response = await fetch(path, { signal: leaving.signal });
  globalThis.pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  return (await pieces.read()).value;
}"""
_REST = """async () => {
  let text = "";
  for (let piece; !(piece = await pieces.read()).done; ) text += piece.value;
  return text;
}"""


@dataclass(frozen=True)
class Said:
    """An answer, as the page saw it."""

    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Evaluating(Protocol):
    """A tab of any browser."""

    def goto(self, url: str) -> Any: ...

    def evaluate(self, expression: str, arg: Any = ..., /) -> Any: ...


class Visited:
    """The page, with its server. `url` is the folder's."""

    def __init__(self, page: Evaluating, site: StaticServer, name: str) -> None:
        self.page = page
        self.site = site
        self.url = f"{site.url}{PREFIX}"
        self._function = f"functions/v1/{name}"

    def visit(self, **env: str) -> Visited:
        """Load the page anew, and wait for the function, with these variables if there are any."""
        self.page.goto(self.url)
        self.page.evaluate(_READY, {"env": env} if env else {})
        return self

    def ask(self, below: str = "", **init: Any) -> Said:
        """Fetch the function, or what is below it."""
        said = self.page.evaluate(_ASK, [f"{self._function}{below}", init])
        return Said(said["status"], dict(said["headers"]), said["text"])

    def begin(self, below: str) -> str:
        """The first piece of an answer that streams; `rest` gives the others."""
        return str(self.page.evaluate(_BEGIN, f"{self._function}{below}"))

    def rest(self) -> str:
        return str(self.page.evaluate(_REST, None))

    def leave(self) -> None:
        """Abort what was begun."""
        self.page.evaluate("async () => leaving.abort()", None)

    def fetched(self, part: str) -> int:
        """How often a file whose path has this part was asked of the server."""
        return len([each for each in self.site.transfers if part in each.path])


Visit = Callable[[Path, str], Visited]
"""Serves a deployed folder, by the function's name, and gives its page."""


@contextmanager
def visited(page: Evaluating, folder: Path, name: str) -> Iterator[Visited]:
    """A deployed folder on a server that knows nothing else."""
    with StaticServer({PREFIX: folder}) as site:
        yield Visited(page, site, name)


def stop_workers(page: Page) -> None:
    """What a browser does to service workers that have nothing to do."""
    session = page.context.new_cdp_session(page)
    session.send("ServiceWorker.enable")
    session.send("ServiceWorker.stopAllWorkers")
    session.detach()
