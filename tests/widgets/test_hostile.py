"""Whatever a person, a file or a server calls itself: every widget and card shows it as typed, as text.

The form and the Panel, which are made of ipywidgets, are in the browser folder, as they need a JupyterLab.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hostile import HURT, TEXTS
from PIL import Image

import seedance_widgets as sw
from seedance_widgets.inputs.image import Image as Picture
from seedance_widgets.terminal import printable
from seedance_widgets.widgets.input_picker import ImagePicker

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"resolution": "480p", "ratio": "1:1", "duration": 4, "generate_audio": False}
CODE = "OutputVideoSensitiveContentDetected"
STYLE = """node => {
  const { whiteSpaceCollapse, direction, unicodeBidi } = getComputedStyle(node);
  return { lines: whiteSpaceCollapse.startsWith('preserve'),
    own: direction === 'rtl' || unicodeBidi === 'plaintext', attribute: node.getAttribute('aria-label') };
}"""


@dataclass
class World:
    """A studio where the text was a prompt, and where it was the server's reason for a failure."""

    text: str
    studio: sw.Studio
    made: sw.Task
    failed: sw.Task
    folder: Path

    @property
    def file_name(self) -> str:
        """As much of it as a file may be called."""
        return self.text.replace("/", "").encode()[:200].decode(errors="ignore")


@pytest.fixture(scope="module", params=TEXTS)
def world(request, tmp_path_factory):
    text, folder = TEXTS[request.param], tmp_path_factory.mktemp(request.param)
    simulator = sw.Simulator(speed=500)
    with sw.Studio(folder / "runs", simulate=simulator) as studio:
        made = sw.run(studio.generate(text, **SMALL))
        simulator.faults.fail_task(CODE, message=text)
        failed = sw.run(studio.submit("a fox", **SMALL))
        with pytest.raises(sw.TaskFailed):
            sw.run(failed.wait())
        yield World(text, studio, made, failed, folder)
    simulator.close()


@dataclass
class Place:
    """Where a text is shown, and what must stand there."""

    locator: Any
    text: str
    is_prompt: bool = False


def at(stub, name, nth=0):
    return stub.page.get_by_test_id(name).nth(nth)


def cut(text, limit):
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def brief(text):
    return (
        text
        if len(text) <= 600
        else f"{text[:600]}… ({len(text):,} characters, all of them in the task's error)"
    )


def folded(text):
    return text if len(text) <= 600 else f"{text[:600]}… and {len(text) - 600:,} more characters{text[600:]}"


def jpeg():
    out = io.BytesIO()
    Image.new("RGB", (400, 400), "teal").save(out, "JPEG")
    return out.getvalue()


# --- the table: each opens a page and names the places where the text must stand -----------------------------


def picker_file_name(world, open_page):
    name = world.text.replace("/", "")
    picker = ImagePicker(world.text)
    stub = open_page(picker)
    file = {"name": name, "mimeType": "image/jpeg", "buffer": jpeg()}
    stub.page.get_by_test_id("picker-file").set_input_files([file])
    settle(stub, picker)
    assert picker.names == [name]
    return stub.page, [Place(at(stub, "picker-name"), name), Place(at(stub, "picker-label"), world.text)]


def picker_refusal(world, open_page):
    picker = ImagePicker("First frame")
    stub = open_page(picker)
    picker.error = f"cannot read {world.text}"
    stub.exchange(picker)
    return stub.page, [Place(at(stub, "picker-error"), picker.error)]


def cropper_of_an_address(world, open_page):
    cropper = sw.ImageCropper(Picture(name=world.text, url="https://example.com/fox"))
    stub = open_page(cropper)
    notice = cropper.facts["notice"]
    assert notice.startswith(f"{world.text} is an address")
    return stub.page, [Place(at(stub, "cropper-notice"), notice)]


def cropper_refusal(world, open_page):
    cropper = sw.ImageCropper(jpeg())
    with pytest.raises(sw.SeedanceError):
        cropper.source = world.folder / world.file_name
    stub = open_page(cropper)
    assert printable(world.file_name) in cropper.error
    return stub.page, [Place(at(stub, "cropper-error"), cropper.error)]


def player_prompt(world, open_page):
    player = sw.VideoPlayer(world.made)
    stub = open_page(player)
    if at(stub, "player-more").is_visible():
        assert at(stub, "player-prompt").text_content() == f"{world.text[:300]}…"
        at(stub, "player-more").click()
        stub.exchange(player)
    return stub.page, [Place(at(stub, "player-prompt"), world.text, is_prompt=True)]


def player_file_name(world, open_page):
    path = world.folder / f"{world.file_name}.mp4"
    path.write_bytes(world.made.video_path.read_bytes())
    stub = open_page(sw.VideoPlayer(path))
    assert at(stub, "player-root").get_attribute("aria-label") == f"Video player, {path.name}"
    return stub.page, [Place(at(stub, "player-save"), path.name)]


def player_failure(world, open_page):
    stub = open_page(sw.VideoPlayer(world.failed))
    return stub.page, [Place(at(stub, "player-status"), brief(str(world.failed.error)))]


def player_load_failure(world, open_page):
    player = sw.VideoPlayer(world.made)
    stub = open_page(player)
    at(stub, "player-start").click()
    stub.message({"kind": "failed", "id": player.clip["id"], "reason": world.text})
    return stub.page, [Place(at(stub, "player-status"), f"video.mp4 could not be loaded. {world.text}")]


def grid(world, open_page):
    grid = sw.CompareGrid([world.made, world.failed])
    stub = open_page(grid)
    if at(stub, "compare-more").is_visible():
        assert at(stub, "compare-value").text_content().startswith(f"{world.text[:300]}…")
        at(stub, "compare-more").click()
        stub.exchange(grid)
    return stub.page, [
        Place(at(stub, "compare-value"), world.text, is_prompt=True),
        Place(at(stub, "compare-words", 1), brief(str(world.failed.error))),
    ]


def grid_file_name(world, open_page):
    path = world.folder / f"{world.file_name}.mp4"
    path.write_bytes(world.made.video_path.read_bytes())
    stub = open_page(sw.CompareGrid([path, world.made]))
    return stub.page, [Place(at(stub, "compare-name"), path.name)]


def board(world, open_page):
    stub = open_page(sw.TaskBoard(world.studio))
    stub.set("notice", world.text)
    stub.set("player", {"ref": "anywidget:none", "path": world.text, "title": world.text})
    rows = {key: stub.page.locator(f"[data-key='{key}']") for key in (world.made.key, world.failed.key)}
    made, failed = rows.values()
    return stub.page, [
        Place(made.get_by_test_id("prompt"), cut(world.text, 120), is_prompt=True),
        Place(failed.get_by_test_id("problem"), cut(f"{CODE}: {world.text}", 300)),
        Place(at(stub, "line"), world.text),
        Place(at(stub, "title").locator("strong"), world.text),
        Place(at(stub, "player"), f"The clip cannot be played here; its file is {world.text}"),
    ]


def card(world, open_page):
    page = open_page.browser.new_page(viewport={"width": 400, "height": 800})
    page.set_content(f"<main>{world.made._repr_html_()}{world.failed._repr_html_()}</main>")
    label = page.locator("video").get_attribute("aria-label")
    assert label == world.text[:100]
    return page, [
        Place(
            page.locator("main > div:first-child > div:nth-child(2)"), cut(world.text, 300), is_prompt=True
        ),
        Place(page.locator("main > div:last-child > div:nth-child(4)"), folded(str(world.failed.error))),
    ]


SURFACES = (
    picker_file_name, picker_refusal, cropper_of_an_address, cropper_refusal, player_prompt, player_file_name,
    player_failure, player_load_failure, grid, grid_file_name, board, card,
)  # fmt: skip


def settle(stub, picker):
    """Carry messages until Python has the picture."""
    for _ in range(100):
        stub.exchange(picker)
        if picker.count:
            stub.exchange(picker)
            return
        stub.page.wait_for_timeout(10)
    pytest.fail("the picture did not arrive")


@pytest.fixture
def open_page(stub_page, browser):
    def opened(widget):
        return stub_page(widget, width=400)

    opened.browser = browser
    return opened


@pytest.mark.parametrize("surface", SURFACES, ids=lambda each: each.__name__)
def test_text_is_shown_as_typed(world, open_page, surface):
    page, places = surface(world, open_page)
    for place in places:
        place.locator.scroll_into_view_if_needed()
        assert place.locator.is_visible()
        assert place.locator.text_content() == place.text
        style = place.locator.evaluate(STYLE)
        assert style["lines"] or "\n" not in place.text
        assert style["own"] or not (place.is_prompt and place.text.startswith("ש"))
    assert not page.evaluate(HURT)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
