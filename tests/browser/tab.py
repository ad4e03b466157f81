"""A page that is asked questions, as the processes of Node, Deno and Bun are."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page

START = """async ([library, options]) => {
  const edgelet = await import(library);
  const { createSubject } = await import("/js/subject.js");
  globalThis.subject = createSubject(edgelet, options);
}"""
_CALL = """async ([method, ...parameters]) =>
  JSON.stringify((await subject[method](...parameters)) ?? null)"""
_LIBRARY = "/dist/browser.js"


class Tab:
    """A page with edgelet in it. `problems` are the warnings and errors of its console."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self._url = url

    def open(self, library: str = _LIBRARY, **options: Any) -> Tab:
        """Visit the page, or visit it again, and load the library into it."""
        self.page.goto(self._url)
        self.page.evaluate(START, [library, options])
        return self

    def call(self, method: str, *parameters: Any) -> Any:
        """Ask for `method` of `subject.js` and wait for the answer."""
        return json.loads(self.page.evaluate(_CALL, [method, *parameters]))

    def close(self) -> None:
        """Leave the page."""
        self.page.close()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)
