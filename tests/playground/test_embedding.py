"""Texts become vectors in the page: loading, comparing, what each text cost."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from tests.playground.playground import Playground

CAT, DOG, BANK = "A cat sleeps in the sun.", "A dog naps on the porch.", "The bank raised its fees."


def test_a_first_visit_fetches_each_file_and_says_how_far_it_is(
    newcomer: BrowserContext, url: str
) -> None:
    playground = Playground(newcomer, url).visit()

    files = playground.tab.locator("#files li")
    expect(files.filter(has_text="model.onnx.data")).to_be_visible()
    expect(files.filter(has_text="tokenizer.json")).to_be_visible()

    playground.until_ready()
    for bar in playground.tab.locator("#files progress").all():
        assert bar.evaluate("bar => bar.value === bar.max && bar.max > 1")
    expect(playground.model_status).to_contain_text("MB fetched")
    assert playground.complaints == []


def test_a_second_visit_has_the_model_in_the_cache(newcomer: BrowserContext, url: str) -> None:
    Playground(newcomer, url).visit().until_ready().tab.close()

    again = Playground(newcomer, url).visit().until_ready()

    expect(again.model_status).to_contain_text("from cache")
    expect(again.tab.locator("#files li", has_text="model.onnx.data")).to_contain_text("from cache")
    assert again.complaints == []


def test_what_is_alike_is_near_in_the_heatmap(playground: Playground) -> None:
    playground.write(CAT, DOG, BANK)

    assert playground.cell(1, 1) == 1
    assert playground.cell(1, 2) == playground.cell(2, 1)
    assert playground.cell(1, 2) > playground.cell(1, 3) + 0.2


def test_the_heatmap_follows_what_is_typed(playground: Playground) -> None:
    playground.write(CAT, DOG)
    before = playground.cell(1, 2)

    playground.write(CAT, CAT.replace("sleeps", "is sleeping"))

    assert playground.cell(1, 2) > max(before, 0.9)


def test_only_what_is_new_is_embedded(playground: Playground) -> None:
    playground.write(CAT, DOG)
    cost = playground.tab.locator("#costs tr", has_text=CAT)
    before = cost.inner_text()

    playground.write(CAT, DOG, BANK)

    assert cost.inner_text() == before


def test_a_cell_tells_which_texts_it_is_about(playground: Playground) -> None:
    playground.write(CAT, DOG)

    playground.tab.locator("#heatmap tbody td").nth(1).hover()

    expect(playground.tab.locator("#pair")).to_have_text(
        f"{playground.cell(1, 2):.2f}: “{CAT}” and “{DOG}”"
    )


def test_grouping_puts_like_beside_like(playground: Playground) -> None:
    playground.write(CAT, BANK, DOG, "Banks charge more for accounts.")

    playground.tab.get_by_label("Group what is alike").check()

    order = [int(text) for text in playground.heads.all_inner_texts()]
    assert {*order[:2]} in ({1, 3}, {2, 4})


def test_tokens_and_cuts_are_shown_for_each_text(playground: Playground) -> None:
    playground.write("Hello world", "word " * 400)

    rows = playground.tab.locator("#costs tr")
    expect(rows.nth(0)).to_contain_text("4 of 256")
    expect(rows.nth(0)).to_contain_text("whole")
    expect(rows.nth(1)).to_contain_text("256 of 256")
    expect(rows.nth(1)).to_contain_text("end cut off")
    expect(rows.nth(1).locator(".figure")).to_contain_text("s")
    expect(playground.tab.locator("#cost-sum")).to_contain_text("1 was cut at 256 tokens")


def test_many_texts_are_searched_without_a_heatmap(playground: Playground) -> None:
    playground.tab.fill("#texts", "\n".join(f"Ticket number {n}" for n in range(60)))

    expect(playground.status).to_contain_text("60 texts embedded")
    expect(playground.tab.locator("#heatmap")).to_contain_text("3,600 cells")
    expect(playground.search_status).to_contain_text("nearest of 60 texts")


def test_no_text_at_all_is_no_error(playground: Playground) -> None:
    playground.tab.get_by_role("button", name="Clear").click()

    expect(playground.status).to_have_text("No texts yet.")
    expect(playground.results).to_have_count(0)

    playground.tab.get_by_role("button", name="Sample").click()
    expect(playground.heads).to_have_count(12)


def test_the_chooser_has_what_the_folder_of_models_has(playground: Playground) -> None:
    expect(playground.tab.get_by_label("Model").first).to_be_enabled()
    options = playground.tab.locator("#choice option").all_inner_texts()

    assert "all-MiniLM-L6-v2, int8" in options


def test_nothing_that_is_loaded_moves_the_page(newcomer: BrowserContext, url: str) -> None:
    playground = Playground(newcomer, url).visit().until_ready()
    expect(playground.heads).to_have_count(12)

    assert sum(playground.evaluate("window.shifts")) < 0.02
