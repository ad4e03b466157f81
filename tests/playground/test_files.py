"""Dropping a text file on the page to search it."""

from __future__ import annotations

import random

from playwright.sync_api import expect

from tests.playground.playground import Playground

GARDEN = """# The garden

Tomatoes want sun and a wall
that keeps the warmth of the day.

Cut the hedge in late summer, when
no bird is nesting in it any more.

Store apples in the cellar, not touching each other.
"""


def test_a_dropped_file_is_searched_paragraph_by_paragraph(playground: Playground) -> None:
    playground.drop("garden.md", GARDEN.encode())
    expect(playground.status).to_contain_text("4 texts embedded")

    playground.ask_for("keeping fruit through the winter")

    expect(playground.results.first).to_contain_text("Store apples in the cellar")
    expect(playground.results.first).to_contain_text("line 9")


def test_a_file_can_be_chosen_too(playground: Playground) -> None:
    with playground.tab.expect_file_chooser() as chooser:
        playground.tab.get_by_role("button", name="Open a text file…").click()
    chooser.value.set_files(
        {"name": "garden.md", "mimeType": "text/markdown", "buffer": GARDEN.encode()}
    )

    expect(playground.tab.locator("#file-card")).to_contain_text("garden.md")
    expect(playground.status).to_contain_text("4 texts embedded")


def test_a_list_is_searched_line_by_line(playground: Playground) -> None:
    playground.drop("words.txt", b"piano\r\nviolin\r\nhammer\r\nscrewdriver\r\n")
    expect(playground.status).to_contain_text("4 texts embedded")

    playground.ask_for("a tool for nails")

    expect(playground.results.first.locator("p")).to_have_text("hammer")


def test_ones_own_sentences_come_back(playground: Playground) -> None:
    playground.write("one", "two")
    playground.drop("words.txt", b"piano\nviolin\nhammer\n")
    expect(playground.heads).to_have_count(3)

    playground.tab.get_by_role("button", name="Back to your sentences").click()

    expect(playground.heads).to_have_count(2)
    expect(playground.tab.locator("#texts")).to_have_value("one\ntwo")


def test_thousands_of_lines_stay_usable_while_they_are_embedded(playground: Playground) -> None:
    playground.drop("big.txt", thousands_of_lines())
    expect(playground.search_status).to_contain_text("so far")
    expect(playground.tab.locator("#costs tr")).to_have_count(40)

    # Typing is heard, and answered, in the midst of it.
    playground.ask_for("ticket seven")
    expect(playground.results).to_have_count(8)
    expect(playground.status).to_contain_text("Embedding")
    assert playground.tab.locator("#texts-progress").evaluate("bar => bar.value < bar.max")

    playground.tab.get_by_role("button", name="Cancel").click()
    expect(playground.status).to_contain_text("Stopped at")
    stopped = playground.tab.locator("#texts-progress").evaluate("bar => bar.value")

    playground.tab.get_by_role("button", name="Continue").click()
    expect(playground.status).to_contain_text("Embedding")
    assert playground.tab.locator("#texts-progress").evaluate("bar => bar.value") >= stopped
    playground.tab.get_by_role("button", name="Cancel").click()
    expect(playground.status).to_contain_text("Stopped at")


def test_a_file_that_is_not_text_is_refused_in_a_sentence(playground: Playground) -> None:
    playground.drop("photo.jpg", bytes([0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 2]))

    expect(playground.status).to_have_text(
        "photo.jpg is not a text file; drop plain text, Markdown, CSV or source code in UTF-8."
    )


def test_an_empty_file_is_refused_in_a_sentence(playground: Playground) -> None:
    playground.drop("empty.txt", b"\n\n")

    expect(playground.status).to_have_text("empty.txt has no text in it.")


def thousands_of_lines() -> bytes:
    words = random.Random(1)
    subjects = ["Ticket", "Invoice", "Parcel", "Letter", "Order"]
    lines = (
        f"{words.choice(subjects)} {n} is {words.randint(2, 90)} days late" for n in range(5000)
    )
    return "\n".join(lines).encode()
