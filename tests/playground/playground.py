"""The playground as a person uses it: what is typed, clicked, dropped, read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, expect

PATIENCE = 60_000
"""Milliseconds for what the machine computes; only a page that hangs waits so long."""

expect.set_options(timeout=PATIENCE)

DROP = """([name, content]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(content)], name));
  for (const type of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(
      new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }),
    );
  }
}"""

# Notes every move of what is on the page that no hand caused.
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
}).observe({ type: "layout-shift", buffered: true });
"""


class Playground:
    """A tab with the page in it. Whatever the browser complains of is kept in `complaints`."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.tab = context.new_page()
        self.tab.set_default_timeout(PATIENCE)
        self.tab.add_init_script(WATCH_SHIFTS)
        self.tab.on("console", self._note)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))

    def visit(self) -> Playground:
        """Open the page; the model may still be loading."""
        self.tab.goto(self.url)
        return self

    def until_ready(self) -> Playground:
        """Wait until the model is there and the texts are embedded."""
        expect(self.tab.locator("#model")).to_have_attribute("data-state", "ready")
        expect(self.status).to_contain_text("embedded")
        expect(self.results.first).to_be_visible()
        return self

    def write(self, *texts: str) -> None:
        """Replace the texts, as by hand, and wait until they are embedded and searched."""
        self.tab.fill("#texts", "\n".join(texts))
        expect(self.tab.locator("#heatmap .label")).to_have_text([text.strip() for text in texts])
        expect(self.search_status).to_contain_text(f"nearest of {len(texts)} text")

    def ask_for(self, query: str) -> None:
        """Search."""
        self.tab.fill("#query", query)

    def drop(self, name: str, content: bytes) -> None:
        """Drop a file on the page."""
        self.tab.evaluate(DROP, [name, list(content)])

    def ask(self, prompt: str, *, host: str, mode: str, model: str = "tiny", key: str = "") -> None:
        """Fill in the form and send it."""
        self.tab.get_by_label(mode, exact=True).check()
        self.tab.get_by_label("Address").fill(host)
        self.tab.locator("#model-name").fill(model)
        self.tab.locator("#key").fill(key)
        self.tab.get_by_label("Prompt").fill(prompt)
        self.tab.get_by_role("button", name="Ask").click()

    def cell(self, row: int, column: int) -> float:
        """What the heatmap says of two texts, by their numbers."""
        cell = self.tab.locator(f'#heatmap td[data-row="{row - 1}"][data-column="{column - 1}"]')
        return float(cell.inner_text().replace("−", "-"))

    def best(self) -> str:
        """The text found first."""
        return self.results.first.locator("p").inner_text()

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return self.tab.evaluate(expression)

    def screenshot(self, path: Path) -> None:
        """Keep a picture of the whole page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=path, full_page=True)

    @property
    def status(self) -> Locator:
        """What the page says of the texts."""
        return self.tab.locator("#texts-status")

    @property
    def search_status(self) -> Locator:
        """What the page says of the search."""
        return self.tab.locator("#search-status")

    @property
    def model_status(self) -> Locator:
        """What the page says of the model."""
        return self.tab.locator("#model-status")

    @property
    def results(self) -> Locator:
        """The texts found."""
        return self.tab.locator("#results li")

    @property
    def heads(self) -> Locator:
        """The heatmap's columns."""
        return self.tab.locator('#heatmap th[scope="col"]')

    @property
    def answer(self) -> Locator:
        """What the language model wrote."""
        return self.tab.locator("#answer")

    @property
    def answer_status(self) -> Locator:
        """What the page says of the answer."""
        return self.tab.locator("#answer-status")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
