"""The table of the log in a real browser: by mouse, by keys alone, its clips played, its words heard."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect
from stub import axe_violations
from tiny_model import register_tiny

import seedance_widgets as sw

WORDS = ["fox", "owl", "hen", "hare", "elk"]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    from seedance_widgets.catalog import _families, _registry

    before = dict(_registry())
    register_tiny(sw.catalog)
    simulator = sw.Simulator(speed=2000)
    folder = tmp_path_factory.mktemp("table") / "runs"
    with sw.Studio(folder, simulate=simulator, defaults={"model": "tiny"}) as studio:
        rows = [
            {"prompt": f"a {WORDS[n % 5]} {n}", "campaign": "spring" if n % 2 else "autumn"}
            for n in range(32)
        ]
        sw.run(studio.batch(rows).run(progress=False))
        yield studio
    simulator.close()
    _registry().clear()
    _registry().update(before)
    _families.clear()


@pytest.fixture
def table(studio):
    table = sw.LogTable(studio)
    yield table
    table.close()


def part(stub, name):
    return stub.page.get_by_test_id(f"table-{name}")


def rows(stub):
    return stub.page.locator("tr[data-key]")


def carry(stub, table, done):
    """What the browser sent goes to Python, and what Python says comes back, until it is so."""
    limit = time.monotonic() + 20
    while True:
        stub.exchange(table)
        if done():
            stub.exchange(table)  # what came meanwhile
            return
        assert time.monotonic() < limit
        stub.page.wait_for_timeout(40)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 420])
def test_it_is_seen_by_everybody(stub_page, table, theme, width):
    stub = stub_page(table, theme=theme, width=width)
    expect(rows(stub)).to_have_count(25)
    stub.exchange(table)
    stub.page.wait_for_function("() => document.querySelector('img')?.naturalWidth > 0")
    assert axe_violations(stub.page) == []
    assert stub.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_a_word_is_found_while_one_types(stub_page, table):
    stub = stub_page(table)
    stub.page.get_by_role("searchbox").press_sequentially("fox spring")
    carry(stub, table, lambda: part(stub, "where").inner_text() == "1–3 of 3 found of 32")
    expect(rows(stub)).to_have_count(3)
    assert stub.page.get_by_role("searchbox").input_value() == "fox spring"


def test_by_mouse_sorted_filtered_turned_and_chosen(stub_page, table):
    stub = stub_page(table)
    stub.page.get_by_role("button", name="prompt").click()
    carry(stub, table, lambda: table.query["sort"] == "prompt")
    expect(stub.page.get_by_role("columnheader", name="prompt")).to_have_attribute("aria-sort", "ascending")
    expect(rows(stub).first).to_contain_text("a elk 14")
    stub.page.get_by_label("Only with tags.campaign").select_option("spring")
    carry(stub, table, lambda: table.facts["found"] == 16)
    part(stub, "size").select_option("10")
    carry(stub, table, lambda: len(table.rows) == 10)
    stub.page.get_by_role("button", name="Next page").click()
    carry(stub, table, lambda: part(stub, "where").inner_text() == "11–16 of 16 found of 32")
    boxes = stub.page.locator("tr[data-key] input")
    boxes.nth(1).click()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(part(stub, "count")).to_have_text("3 selected")
    stub.exchange(table)
    assert table.selected == [row["key"] for row in table.rows[1:4]]
    stub.page.get_by_label("Select this page").click()
    expect(part(stub, "count")).to_have_text("6 selected")
    stub.page.get_by_role("button", name="Select none").click()
    expect(part(stub, "count")).to_have_text("none selected")
    expect(part(stub, "compare")).to_be_disabled()


def test_by_keys_alone(stub_page, table):
    stub = stub_page(table)
    press = stub.page.keyboard.press
    stub.page.get_by_label("Table of tasks").focus()
    rows(stub).first.focus()
    press(" ")
    press("ArrowDown")
    press("Shift+ArrowDown")
    press("End")
    press(" ")
    stub.exchange(table)
    assert len(table.selected) == 4
    press("PageDown")
    carry(stub, table, lambda: table.query["page"] == 1)
    assert stub.page.evaluate("() => document.activeElement.tagName") == "TR"
    press("/")
    stub.page.keyboard.type("hen 2")
    carry(stub, table, lambda: table.facts["found"] < 32)
    assert stub.page.evaluate("() => document.activeElement.type") == "search"
    assert len(table.selected) == 4, "what is chosen stays, also where it is not found"


def test_a_poster_plays_under_the_pointer_and_a_press_plays_it_large(stub_page, table):
    stub = stub_page(table)
    stub.exchange(table)
    look = stub.page.get_by_role("button", name="Play a owl 31")
    look.hover()
    stub.page.wait_for_timeout(300)
    carry(stub, table, lambda: stub.page.locator(".sw-log_table-preview").count() == 1)
    stub.page.mouse.move(0, 0)
    expect(stub.page.locator(".sw-log_table-preview")).to_have_count(0)
    rows(stub).nth(2).focus()
    stub.page.keyboard.press("Enter")
    carry(stub, table, lambda: part(stub, "video").count() == 1)
    stub.page.wait_for_function("() => document.querySelector('video')?.currentTime > 0.1")
    expect(part(stub, "title")).to_contain_text("a elk 29")
    stub.page.keyboard.press("Escape")
    expect(part(stub, "stage")).to_be_hidden()
    assert stub.page.evaluate("() => document.activeElement.tagName") == "TR"


def test_what_costs_is_asked_and_no_is_the_first_answer(stub_page, table, studio):
    stub = stub_page(table)
    rows(stub).first.focus()
    stub.page.keyboard.press(" ")
    part(stub, "rerun").click()
    carry(stub, table, lambda: bool(table.ask))
    expect(part(stub, "words")).to_contain_text("Send 1 request again, each for a new clip, at most $")
    assert stub.page.evaluate("() => document.activeElement.dataset.testid") == "table-no"
    assert axe_violations(stub.page) == []
    stub.page.keyboard.press("Enter")
    carry(stub, table, lambda: not table.ask)
    assert len(studio.log.to_pandas()) == 32


def test_columns_and_tags(stub_page, table):
    stub = stub_page(table)
    stub.page.get_by_text("Columns").click()
    stub.page.get_by_label("tokens", exact=True).check()
    carry(stub, table, lambda: {"name": "tokens", "kind": "number"} in table.columns)
    expect(stub.page.get_by_role("columnheader", name="tokens", exact=True)).to_be_visible()
    assert stub.page.evaluate("() => document.activeElement.dataset.column") == "tokens"
    stub.page.keyboard.press("Escape")
    rows(stub).first.focus()
    stub.page.keyboard.press(" ")
    part(stub, "tag").click()
    stub.page.keyboard.type("look=noir")
    stub.page.keyboard.press("Enter")
    carry(stub, table, lambda: "tagged look=noir" in table.notice)
    expect(rows(stub).first).to_contain_text("noir")
    expect(part(stub, "line")).to_have_text("1 task tagged look=noir")


def test_a_view_that_ends_leaves_nothing(stub_page, table):
    stub = stub_page(table)
    stub.exchange(table)
    stub.page.wait_for_function("() => document.querySelector('img')?.naturalWidth > 0")
    stub.abort()
    assert stub.live_urls() == []
    assert not any(stub.listening().values())
