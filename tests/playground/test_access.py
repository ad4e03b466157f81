"""The page for everyone: by keyboard alone, on a phone, in the dark, heard instead of seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.playground.playground import Playground

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"

FOCUSED = "document.activeElement.id || document.activeElement.getAttribute('href')"

UNNAMED = """() => {
  const used = "button, input, select, textarea, progress, [tabindex='0']";
  const named = (each) =>
    each.labels?.length || each.getAttribute("aria-label") || each.innerText?.trim();
  return [...document.querySelectorAll(used)]
    .filter((each) => each.checkVisibility() && !named(each))
    .map((each) => each.outerHTML);
}"""

# The contrast of every cell of a heatmap with every similarity, as it is painted.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll("#heatmap tbody td")].map((cell) => {
    const { color, backgroundColor } = getComputedStyle(cell);
    const [light, dark] = [luminance(color), luminance(backgroundColor)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  });
}"""


def test_the_first_tab_offers_to_skip_to_the_texts(playground: Playground) -> None:
    playground.tab.keyboard.press("Tab")
    assert playground.evaluate(FOCUSED) == "#texts"

    playground.tab.keyboard.press("Enter")

    expect(playground.tab.locator("#texts")).to_be_focused()


def test_everything_works_by_keyboard_alone(playground: Playground) -> None:
    keyboard = playground.tab.keyboard
    playground.tab.keyboard.press("Tab")
    keyboard.press("Enter")
    keyboard.press("Control+A")
    keyboard.type("A cat on a mat\nA dog on a log\nShares fell")
    expect(playground.heads).to_have_count(3)

    tab_to(playground.tab, "query")
    keyboard.press("Control+A")
    keyboard.type("stock market")
    expect(playground.results.first.locator("p")).to_have_text("Shares fell")

    tab_to(playground.tab, "grouped")
    keyboard.press("Space")
    expect(playground.tab.locator("#grouped")).to_be_checked()
    keyboard.press("Tab")  # into the heatmap, which is one stop
    for key in ("ArrowRight", "ArrowDown", "End"):
        keyboard.press(key)
    expect(playground.tab.locator("#heatmap tr").nth(2).locator("td").last).to_be_focused()
    expect(playground.tab.locator("#pair")).to_contain_text("“")

    tab_to(playground.tab, "search-code-copy")
    tab_to(playground.tab, "prompt")
    tab_to(playground.tab, "send")


def test_every_stop_of_the_keyboard_is_seen(playground: Playground) -> None:
    unseen = []
    playground.tab.locator("body").focus()
    for _ in range(40):
        playground.tab.keyboard.press("Tab")
        outline = playground.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e);"
            " return [e.outerHTML.slice(0, 80), s.outlineStyle, parseFloat(s.outlineWidth)]; })()"
        )
        if outline[0].startswith("<body"):
            break
        if outline[1] == "none" or outline[2] < 2:
            unseen.append(outline[0])

    assert unseen == []


def test_everything_that_can_be_used_has_a_name(playground: Playground) -> None:
    assert playground.evaluate(UNNAMED) == []


def test_what_changes_by_itself_is_told_to_those_who_listen(playground: Playground) -> None:
    for identifier in ("model-status", "texts-status", "search-status", "answer-status"):
        expect(playground.tab.locator(f"#{identifier}")).to_have_attribute("role", "status")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width, height", [(1280, 900), (360, 740)], ids=["desktop", "phone"])
def test_the_page_fits_and_is_legible(
    browser: Browser, url: str, scheme: str, width: int, height: int
) -> None:
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the literals that it takes
        viewport={"width": width, "height": height},
        has_touch=width < 500,
    )
    playground = Playground(context, url).visit().until_ready()
    expect(playground.heads).to_have_count(12)
    playground.tab.get_by_label("Group what is alike").check()
    playground.screenshot(SCREENSHOTS / f"playground-{width}-{scheme}.png")

    assert playground.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert min(playground.evaluate(CONTRASTS)) >= 4.5
    assert playground.complaints == []
    context.close()


def test_a_heatmap_is_legible_at_every_similarity(playground: Playground) -> None:
    for scheme in ("light", "dark"):
        playground.tab.emulate_media(color_scheme=scheme)
        for percent in range(101):
            playground.evaluate(
                "document.querySelectorAll('#heatmap tbody td').forEach((cell) => {"
                f" cell.style.setProperty('--near', '{percent}%');"
                f" cell.classList.toggle('near', {str(percent >= 71).lower()}); }})"
            )
            assert min(playground.evaluate(CONTRASTS)[:1]) >= 4.5, (scheme, percent)


def test_nothing_moves_for_those_who_do_not_want_it(playground: Playground) -> None:
    playground.tab.emulate_media(reduced_motion="reduce")

    moving = playground.evaluate(
        "[...document.querySelectorAll('*')].filter((each) => {"
        " const s = getComputedStyle(each);"
        " return s.transitionDuration !== '0s' || s.animationName !== 'none'; }).length"
    )

    assert moving == 0


def tab_to(tab: Page, identifier: str) -> None:
    """Press Tab until the element is reached."""
    for _ in range(40):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.id") == identifier:
            return
    raise AssertionError(f"#{identifier} cannot be reached by keyboard")
