"""Searching one's own texts by meaning."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.playground.playground import Playground

PASSPORT, SOUP, TRAIN = (
    "Renew your passport at the town hall.",
    "Lentil soup keeps for three days in the fridge.",
    "The last train leaves at half past eleven.",
)


@pytest.mark.parametrize(
    "query, found",
    [
        ("How long can I store leftovers?", SOUP),
        ("documents for travelling abroad", PASSPORT),
        ("night railway timetable", TRAIN),
    ],
)
def test_the_text_that_answers_is_found_first(
    playground: Playground, query: str, found: str
) -> None:
    playground.write(PASSPORT, SOUP, TRAIN)

    playground.ask_for(query)

    expect(playground.results.first.locator("p")).to_have_text(found)


def test_results_are_ranked_by_their_scores(playground: Playground) -> None:
    playground.ask_for("money and banks")
    expect(playground.results.first.locator("p")).to_contain_text("bank")

    shown = playground.tab.locator("#results .score").all_inner_texts()
    scores = [float(score.replace("−", "-")) for score in shown]

    assert len(scores) == 8
    assert scores == sorted(scores, reverse=True)


def test_results_follow_every_letter(playground: Playground) -> None:
    playground.write(PASSPORT, SOUP, TRAIN)
    playground.ask_for("")
    expect(playground.results).to_have_count(0)

    playground.tab.locator("#query").press_sequentially("a warm meal", delay=20)

    expect(playground.results.first.locator("p")).to_have_text(SOUP)


def test_a_text_found_says_where_it_stands(playground: Playground) -> None:
    playground.write(PASSPORT, SOUP, TRAIN)

    playground.ask_for("soup")

    expect(playground.results.first).to_contain_text("text 2")


def test_markup_in_a_text_stays_text(playground: Playground) -> None:
    playground.write("<img src=x onerror=alert(1)>", SOUP)

    playground.ask_for("an HTML image element")

    expect(playground.results.first.locator("p")).to_have_text("<img src=x onerror=alert(1)>")
    assert playground.tab.locator("main img").count() == 0
