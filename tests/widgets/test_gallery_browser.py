"""The gallery in a real browser: real drafts judged by keys and buttons, their clips played."""

from __future__ import annotations

import time

import pytest
from many_drafts import many_drafts
from playwright.sync_api import expect
from stub import axe_violations

import seedance_widgets as sw
from seedance_widgets.widgets.gallery import Gallery


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    simulator = sw.Simulator(speed=500)
    with sw.Studio(tmp_path_factory.mktemp("gallery") / "runs", simulate=simulator) as studio:
        yield studio
    simulator.close()


@pytest.fixture(scope="module")
def drafts(studio):
    return many_drafts(studio, 9)


@pytest.fixture
def gallery(drafts):
    for task in drafts:
        sw.run(task.judge(None))
    gallery = Gallery(drafts)
    yield gallery
    gallery.close()


def tile(stub, number):
    return stub.page.locator(".sw-gallery-tile").nth(number - 1)


def part(stub, name):
    return stub.page.get_by_test_id(f"gallery-{name}")


def filter_(stub, name):
    return part(stub, "filters").get_by_role("button", name=name)


def carry(stub, gallery, verdicts):
    """What was pressed goes to Python, and what Python has in the log comes back."""
    stub.exchange(gallery)
    end = time.monotonic() + 20
    numbers = {draft["key"]: number for number, draft in enumerate(gallery.drafts, 1)}
    while {numbers[key]: verdict for key, verdict in gallery.verdicts.items()} != verdicts:
        assert time.monotonic() < end, gallery.verdicts
        time.sleep(0.02)
    stub.exchange(gallery)


def playing(stub):
    stub.page.wait_for_function(
        "() => { const v = document.querySelector('video'); return v && v.videoWidth && v.currentTime > 0.1; }"
    )
    return stub.page.evaluate(
        "() => { const v = document.querySelector('video');"
        " return [v.closest('[data-key]').querySelector('.sw-gallery-name').textContent, v.muted]; }"
    )


def focused(stub):
    return stub.page.evaluate("() => document.activeElement.ariaLabel?.split(',')[0]")


# --- judging ------------------------------------------------------------------------------------------------


def test_a_verdict_is_shown_once_python_has_it(stub_page, gallery):
    stub = stub_page(gallery)
    tile(stub, 2).focus()
    stub.page.keyboard.press(" ")
    expect(tile(stub, 2)).to_have_attribute("data-pending", "")
    expect(tile(stub, 2)).to_have_attribute("data-verdict", "")
    expect(filter_(stub, "accepted")).to_have_text("accepted 0")
    expect(tile(stub, 2).get_by_role("button", name="accept")).to_have_attribute("aria-pressed", "false")
    carry(stub, gallery, {2: "accept"})
    expect(tile(stub, 2)).to_have_attribute("data-verdict", "accept")
    expect(tile(stub, 2)).not_to_have_attribute("data-pending", "")
    expect(tile(stub, 2)).to_have_attribute("aria-label", "Draft 2, accepted, seed 1, A otter by the sea")
    expect(tile(stub, 2).get_by_role("button", name="accept")).to_have_attribute("aria-pressed", "true")
    expect(filter_(stub, "accepted")).to_have_text("accepted 1")
    expect(part(stub, "status")).to_have_text("Draft 2: accepted. 8 undecided.")
    expect(part(stub, "price")).to_have_text(gallery.price)
    assert gallery.price.startswith("1 accepted: finals at 1080p about $")
    assert stub.saves() == 0


def test_all_by_keys(stub_page, gallery):
    stub = stub_page(gallery)
    press = stub.page.keyboard.press
    filter_(stub, "starred").focus()
    press("Tab")
    press("Tab")
    assert focused(stub) == "Draft 1"
    press("x")
    press("ArrowRight")
    press("s")
    press("ArrowDown")
    press(" ")
    columns = stub.page.evaluate(
        "() => getComputedStyle(document.querySelector('.sw-gallery-grid')).gridTemplateColumns.split(' ').length"
    )
    assert focused(stub) == f"Draft {2 + columns}"
    carry(stub, gallery, {1: "reject", 2: "star", 2 + columns: "accept"})
    press("u")
    carry(stub, gallery, {1: "reject", 2: "star"})
    press("u")
    press("u")
    carry(stub, gallery, {})
    press("u")
    press("Home")
    press("s")
    press("s")
    press("End")
    press("x")
    press("x")
    carry(stub, gallery, {1: "accept"})
    assert focused(stub) == "Draft 9"
    assert [message["verdict"] for message in stub.sent() if message["kind"] == "judge"][-4:] == [
        "star",
        "accept",
        "reject",
        None,
    ], "a press counts on the one before, also while that is on its way"


def test_all_by_buttons(stub_page, gallery):
    stub = stub_page(gallery)
    for number, verb in ((1, "accept"), (2, "reject"), (3, "star")):
        stub.page.get_by_role("button", name=f"{verb} draft {number}").click()
    carry(stub, gallery, {1: "accept", 2: "reject", 3: "star"})
    stub.page.get_by_role("button", name="reject draft 2").click()
    carry(stub, gallery, {1: "accept", 3: "star"})


def test_a_key_that_is_held_down_is_one_press(stub_page, gallery):
    stub = stub_page(gallery)
    tile(stub, 1).focus()
    for _ in range(4):
        stub.page.keyboard.down(" ")
    stub.page.keyboard.up(" ")
    assert [message["verdict"] for message in stub.sent() if message["kind"] == "judge"] == ["accept"]


def test_filters_count_and_what_leaves_one_passes_the_focus_on(stub_page, gallery):
    stub = stub_page(gallery)
    filter_(stub, "undecided").click()
    tile(stub, 4).focus()
    stub.page.keyboard.press("x")
    carry(stub, gallery, {4: "reject"})
    expect(tile(stub, 4)).to_be_hidden()
    assert focused(stub) == "Draft 5"
    stub.page.keyboard.press("ArrowLeft")
    assert focused(stub) == "Draft 3", "what is hidden is passed over"
    expect(filter_(stub, "undecided")).to_have_text("undecided 8")
    filter_(stub, "rejected").click()
    assert stub.page.locator(".sw-gallery-tile:visible").count() == 1
    filter_(stub, "starred").click()
    expect(part(stub, "empty")).to_have_text("No starred drafts.")
    expect(filter_(stub, "starred")).to_have_attribute("aria-pressed", "true")
    filter_(stub, "all").click()
    assert stub.page.locator(".sw-gallery-tile:visible").count() == 9


def test_what_python_refuses_is_said_and_not_shown(stub_page, gallery):
    stub = stub_page(gallery)
    tile(stub, 1).focus()
    stub.page.keyboard.press(" ")
    key = gallery.drafts[0]["key"]
    refused = {"kind": "refused", "key": key, "reason": "the log cannot be used: disk full"}
    stub.message({**refused, "verdict": "star"})
    expect(tile(stub, 1)).to_have_attribute("data-pending", "")
    stub.message({**refused, "verdict": "accept"})
    expect(part(stub, "status")).to_have_text("Draft 1: not saved. the log cannot be used: disk full")
    expect(tile(stub, 1)).to_have_attribute("data-verdict", "")
    expect(tile(stub, 1)).not_to_have_attribute("data-pending", "")


def test_without_a_kernel_stills_and_verdicts_are_there_to_look_at(stub_page, gallery, drafts):
    sw.run(drafts[0].judge("star"))
    gallery.refresh()
    stub = stub_page(gallery)
    stub.page.clock.install()
    tile(stub, 2).focus()
    stub.page.keyboard.press(" ")
    expect(part(stub, "status")).to_have_text(
        "No answer. Is the kernel busy? Without one this is what was saved, to look at.", timeout=10_000
    )
    expect(tile(stub, 1)).to_have_attribute("data-verdict", "star")
    expect(tile(stub, 2)).to_have_attribute("data-verdict", "")
    assert tile(stub, 1).locator("img").evaluate("img => img.naturalWidth") > 40
    stub.message({"kind": "here"})
    expect(part(stub, "status")).to_be_empty()


# --- playing ------------------------------------------------------------------------------------------------


def test_enter_plays_with_sound_and_the_pointer_without(stub_page, gallery):
    stub = stub_page(gallery)
    stub.exchange(gallery)
    tile(stub, 2).focus()
    stub.page.keyboard.press("Enter")
    stub.exchange(gallery)
    assert playing(stub) == ["2", False]
    stub.page.keyboard.press("ArrowRight")
    assert stub.page.locator("video").count() == 0
    tile(stub, 5).locator(".sw-gallery-view").hover()
    stub.page.wait_for_function("() => document.querySelector('[data-playing]')")
    stub.exchange(gallery)
    assert playing(stub) == ["5", True]
    stub.page.mouse.move(2, 2)
    expect(stub.page.locator("video")).to_have_count(0)


def test_a_pointer_that_passes_fetches_nothing_and_calm_people_are_left_in_peace(stub_page, gallery):
    stub = stub_page(gallery, reduced_motion=True)
    stub.exchange(gallery)
    clips = {draft["clip"] for draft in gallery.drafts}
    tile(stub, 1).locator(".sw-gallery-view").hover()
    stub.page.wait_for_timeout(400)
    assert not [message for message in stub.sent() if message.get("id") in clips]


def test_few_clips_are_kept_and_all_are_let_go(stub_page, gallery):
    stub = stub_page(gallery)
    stub.exchange(gallery)
    posters = len(stub.live_urls())
    for number in (1, 2, 3, 4, 5, 6):
        tile(stub, number).focus()
        stub.page.keyboard.press("Enter")
        stub.exchange(gallery)
        assert playing(stub)[0] == str(number)
    assert len(stub.live_urls()) - posters == 4
    asked = len(stub.sent())
    stub.page.keyboard.press("ArrowLeft")
    stub.page.keyboard.press("Enter")
    assert playing(stub)[0] == "5"
    assert len(stub.sent()) == asked, "it is still there"
    stub.abort()
    assert stub.live_urls() == []
    assert stub.listening() == {}


def test_a_clip_that_is_gone_is_told(stub_page, gallery):
    stub = stub_page(gallery)
    tile(stub, 3).focus()
    stub.page.keyboard.press("Enter")
    stub.message({"kind": "failed", "id": gallery.drafts[2]["clip"], "reason": "No such file or directory"})
    expect(part(stub, "status")).to_have_text("Draft 3 cannot be played. No such file or directory")
    expect(stub.page.locator("[data-playing]")).to_have_count(0)


# --- how it looks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_accessible_and_fits(stub_page, gallery, drafts, theme):
    for task, verdict in zip(drafts, ("accept", "reject", "star"), strict=False):
        sw.run(task.judge(verdict))
    gallery.refresh()
    for width in (1400, 320):
        stub = stub_page(gallery, theme=theme, width=width)
        stub.exchange(gallery)
        tile(stub, 4).focus()
        stub.page.keyboard.press(" ")
        assert axe_violations(stub.page) == []
        assert stub.page.evaluate("() => document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [1400, 900, 320])
def test_buttons_of_a_tile_are_one_row_and_its_marks_keep_apart(stub_page, gallery, drafts, width):
    sw.run(drafts[0].judge("star"))
    gallery.refresh()
    stub = stub_page(gallery, width=width)
    stub.set("finals", [drafts[0].key])
    for size in ("120", "200", "480"):
        part(stub, "size").fill(size)
        left, _, right, _ = box(tile(stub, 1))
        buttons = [box(button) for button in tile(stub, 1).get_by_role("button").all()]
        assert len(buttons) == 4
        assert len({top for _, top, _, _ in buttons}) == 1
        assert all(left <= x and end <= right and end - x >= 24 for x, _, end, _ in buttons)
        view = box(tile(stub, 1).get_by_test_id("gallery-view"))
        marks = [box(tile(stub, 1).get_by_test_id(f"gallery-{name}")) for name in ("name", "mark", "final")]
        for number, one in enumerate(marks):
            assert view[0] <= one[0] < one[2] <= view[2]
            assert view[1] <= one[1] < one[3] <= view[3]
            for other in marks[:number]:
                assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


def box(locator):
    """Left, top, right and bottom in px."""
    return locator.evaluate(
        "(e) => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; }"
    )


def test_posters_come_when_scrolled_to(stub_page, drafts):
    many = Gallery(drafts)
    stub = stub_page(many, width=320, height=500)
    stub.page.wait_for_function("() => stub.sent(0).length > 1")
    posters = [draft["poster"] for draft in many.drafts]
    asked = {message["id"] for message in stub.sent() if message["kind"] == "load"}
    assert posters[0] in asked
    assert posters[-1] not in asked
    tile(stub, 9).scroll_into_view_if_needed()
    stub.page.wait_for_function("id => stub.sent(0).some((each) => each.id === id)", arg=posters[-1])
    many.close()


def test_new_facts_leave_the_rest_alone(stub_page, gallery):
    stub = stub_page(gallery)
    stub.exchange(gallery)
    tile(stub, 2).focus()
    asked = len(stub.sent())
    stub.page.evaluate("() => { window.known = document.querySelectorAll('.sw-gallery-tile')[1]; }")
    stub.set("drafts", [dict(draft, facts="seed 99") for draft in gallery.drafts])
    assert stub.page.locator(".sw-gallery-tile").count() == 9
    assert stub.page.evaluate("() => window.known === document.querySelectorAll('.sw-gallery-tile')[1]")
    assert focused(stub) == "Draft 2"
    expect(tile(stub, 2).locator(".sw-gallery-facts")).to_have_text("seed 99")
    assert len(stub.sent()) == asked
