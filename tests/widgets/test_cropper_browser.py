from __future__ import annotations

import pytest
from pictures import jpeg
from stub import axe_violations, synced

from seedance_widgets.widgets.cropper import ImageCropper


@pytest.fixture
def opened(stub_page):
    """A page with a cropper over a real picture, and its Python widget."""

    def open_page(source=None, ratio="21:9", *, parameters=None, **options):
        cropper = ImageCropper(source or jpeg(), ratio=ratio, **(parameters or {}))
        page = stub_page(cropper, **options)
        page.exchange(cropper)
        if cropper.size:
            page.page.wait_for_function("document.querySelector('img').naturalWidth > 0")
        return page, cropper

    return open_page


def box(stub, name):
    return stub.page.get_by_test_id(f"cropper-{name}").bounding_box()


def middle(stub, name):
    found = box(stub, name)
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def drag(stub, start, by, steps=8):
    mouse = stub.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move(start[0] + by[0], start[1] + by[1], steps=steps)
    mouse.up()


def screen(stub, source_pixels):
    return source_pixels * box(stub, "stage")["width"] / stub.trait("size")[0]


def test_the_window_starts_at_the_services_crop_and_nothing_is_said(opened):
    stub, _ = opened()
    assert stub.sent() == [{"kind": "load", "id": 0}]
    assert stub.saves() == 0
    window, stage = box(stub, "window"), box(stub, "stage")
    assert window["y"] - stage["y"] == pytest.approx(stage["height"] * 128 / 1080, abs=1)
    assert window["height"] == pytest.approx(stage["height"] * 823 / 1080, abs=1)
    assert window["width"] == pytest.approx(stage["width"], abs=1)
    text = stub.page.get_by_test_id("cropper-facts").inner_text()
    assert "1920 × 1080 px" in text
    assert "1920 × 823 px, 76 % of the picture" in text
    assert "1470 × 630 px (dreamina-seedance-2-0-mini, 720p)" in text


def test_a_drag_is_one_save(opened):
    stub, cropper = opened()
    drag(stub, middle(stub, "window"), (0, screen(stub, 100)))
    assert stub.saves() == 1
    stub.exchange(cropper)
    assert cropper.crop.y == pytest.approx(228, abs=2)
    assert (cropper.crop.width, cropper.crop.height) == (1918, 822)
    drag(stub, middle(stub, "window"), (-900, 900))
    stub.exchange(cropper)
    assert cropper.rect == [0, 258, 1918, 822]
    assert stub.saves() == 2
    assert "Window 1918 × 822 px at 0, 258" in stub.page.get_by_test_id("cropper-status").inner_text()


def test_a_press_without_a_move_is_no_gesture(opened):
    stub, _ = opened()
    stub.page.mouse.click(*middle(stub, "window"))
    stub.page.mouse.click(*middle(stub, "window"), button="right")
    assert stub.saves() == 0
    assert stub.trait("rect") == [0, 128, 1920, 823]


@pytest.mark.parametrize(
    ("handle", "by", "still"),
    [
        ("se", (-160, -90), lambda c: (c[0], c[1])),
        ("nw", (160, 90), lambda c: (c[0] + c[2], c[1] + c[3])),
        ("e", (-160, 0), lambda c: c[0]),
        ("s", (0, -90), lambda c: c[1]),
    ],
)
def test_a_handle_resizes_in_the_ratio(opened, handle, by, still):
    stub, cropper = opened(ratio="16:9")
    before = cropper.rect
    drag(stub, middle(stub, handle), by)
    stub.exchange(cropper)
    assert stub.saves() == 1
    assert cropper.rect[2] * 9 == cropper.rect[3] * 16
    scale = 1920 / box(stub, "stage")["width"]
    assert cropper.rect[2] == pytest.approx(1920 - 160 * scale, abs=17)
    assert still(cropper.rect) == still(before)
    # pulled far beyond the least that the service takes
    drag(stub, middle(stub, "se"), (-2000, -2000))
    stub.exchange(cropper)
    assert min(cropper.rect[2:]) >= 301
    cropper.image()


def test_keys_move_by_one_pixel_and_ten(opened):
    stub, cropper = opened()
    window = stub.page.get_by_test_id("cropper-window")
    window.focus()
    window.press("ArrowDown")
    assert stub.state()["rect"] == [0, 129, 1918, 822]
    window.press("Shift+ArrowUp")
    assert stub.state()["rect"] == [0, 119, 1918, 822]
    assert stub.saves() == 2
    for _ in range(5):  # held down: one gesture
        stub.page.keyboard.down("ArrowRight")
    assert stub.saves() == 2
    stub.page.keyboard.up("ArrowRight")
    assert stub.saves() == 3
    stub.exchange(cropper)
    assert cropper.rect == [2, 119, 1918, 822]
    window.press("-")
    stub.exchange(cropper)
    assert cropper.rect[2:] == [1911, 819]
    window.press("Shift++")
    window.press("Control+ArrowDown")
    stub.exchange(cropper)
    assert cropper.rect[2:] == [1918, 822]


def test_escape_puts_a_drag_back(opened):
    stub, _ = opened()
    mouse = stub.page.mouse
    mouse.move(*middle(stub, "window"))
    mouse.down()
    mouse.move(300, 300, steps=3)
    stub.page.keyboard.press("Escape")
    mouse.move(310, 400)
    mouse.up()
    assert stub.saves() == 0
    assert stub.page.get_by_test_id("cropper-y").input_value() == "128"


def test_fields_and_centre(opened):
    stub, cropper = opened()
    page = stub.page
    x, y, width = (page.get_by_test_id(f"cropper-{name}") for name in ("x", "y", "width"))
    y.fill("200")
    y.press("Enter")
    assert stub.state()["rect"] == [0, 200, 1918, 822]
    width.fill("1400")
    width.press("Tab")
    assert stub.state()["rect"] == [0, 200, 1400, 600]
    x.fill("9999")
    x.press("Enter")
    assert stub.state()["rect"] == [520, 200, 1400, 600]
    assert x.input_value() == "520"
    width.fill("1")
    width.press("Enter")
    assert stub.state()["rect"][2:] == [707, 303]
    x.fill("")
    x.press("Enter")
    assert x.input_value() == "520"
    assert stub.saves() == 4
    page.get_by_test_id("cropper-centre").click()
    assert stub.state()["rect"] == [0, 128, 1920, 823]
    page.get_by_test_id("cropper-centre").click()
    assert stub.saves() == 5
    stub.exchange(cropper)
    assert cropper.rect == [0, 128, 1920, 823]


def test_a_finger_drags_too(opened):
    stub, cropper = opened(ratio="1:1", touch=True, width=400)
    start = middle(stub, "window")
    session = stub.page.context.new_cdp_session(stub.page)

    def touch(kind, *points):
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
        )

    touch("touchStart", start)
    for step in range(1, 9):
        touch("touchMove", (start[0] - 5 * step, start[1] - 9 * step))
    touch("touchEnd")
    assert stub.saves() == 1
    stub.exchange(cropper)
    assert cropper.crop.x == pytest.approx(420 - 40 * 1920 / box(stub, "stage")["width"], abs=8)


def test_adaptive_shows_no_cut(opened):
    stub, cropper = opened(ratio="adaptive")
    assert not stub.page.get_by_test_id("cropper-window").is_visible()
    assert not stub.page.get_by_test_id("cropper-fields").is_visible()
    assert "nothing is cut" in stub.page.get_by_test_id("cropper-notice").inner_text()
    assert axe_violations(stub.page) == []
    cropper.ratio = "1:1"
    stub.exchange(cropper)
    assert stub.page.get_by_test_id("cropper-window").is_visible()
    assert stub.page.get_by_test_id("cropper-x").input_value() == "420"


def test_words_about_the_cut(opened):
    stub, cropper = opened(ratio="1:1")
    words = stub.page.get_by_test_id("cropper-warnings")
    assert words.inner_text() == "The cut loses 44 % of the picture."
    cropper.model, cropper.resolution = "seedance-1-0-pro", "1080p"
    stub.exchange(cropper)
    assert "enlarged 1.33 times" in words.inner_text()
    cropper.ratio, cropper.resolution = "16:9", "480p"
    stub.exchange(cropper)
    assert words.inner_text() == ""


def test_another_picture_replaces_the_first(opened):
    stub, cropper = opened()
    first = stub.live_urls()
    cropper.source = jpeg(600, 800)
    stub.exchange(cropper)
    stub.exchange(cropper)
    stub.page.wait_for_function("document.querySelector('img').naturalWidth === 600")
    assert stub.page.get_by_test_id("cropper-picture").is_visible()
    assert "600 × 800 px" in stub.page.get_by_test_id("cropper-facts").inner_text()
    assert len(stub.live_urls()) == 1
    assert stub.live_urls() != first
    stub.abort()
    assert stub.live_urls() == []
    assert stub.listening() == {}
    drag(stub, middle(stub, "window"), (0, 50))
    assert stub.saves() == 0


def test_an_address_is_words(opened):
    stub, _ = opened("https://example.com/fox.png")
    assert "nothing is fetched here" in stub.page.get_by_test_id("cropper-notice").inner_text()
    assert not stub.page.get_by_test_id("cropper-stage").is_visible()
    assert stub.sent() == []


def test_a_view_without_a_kernel_still_reads(stub_page):
    stub = stub_page("cropper", synced(ImageCropper(jpeg(), ratio="1:1")))
    assert "1080 × 1080 px" in stub.page.get_by_test_id("cropper-facts").inner_text()
    assert stub.page.get_by_test_id("cropper-waiting").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(opened, theme):
    stub, cropper = opened(ratio="1:1", theme=theme, width=320)
    cropper.error = "an error"
    stub.exchange(cropper)
    drag(stub, middle(stub, "se"), (-60, -60))
    assert axe_violations(stub.page) == []
    assert stub.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_every_control_is_reached_by_tab(opened):
    stub, _ = opened()
    reached = []
    for _ in range(5):
        stub.page.keyboard.press("Tab")
        reached.append(stub.page.evaluate("document.activeElement.dataset.testid"))
        # on the element itself: Notebook 7 moves between cells by its arrow keys otherwise
    assert reached == [f"cropper-{name}" for name in ("window", "x", "y", "width", "centre")]
