"""The whole job by mouse and keyboard, in real front ends: fill, crop, generate, go on working, watch, reload."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pictures import encoded, photo
from playwright.sync_api import expect

OPEN = """
import seedance_widgets as sw
studio = sw.Studio({home!r}, simulate=sw.Simulator(speed=15), budget_usd=5)
panel = sw.Panel(studio)
panel
"""
PICTURES = Path(__file__).parents[2] / "notebooks" / "pictures"
FRONTS = ("lab", "notebook")
READY = """async video => {
  while (video.readyState < 2) await new Promise(done => setTimeout(done, 20));
}"""
# comes back when the clip has gone on by itself; the machine may be slow
PLAYED = """async video => {
  await video.play();
  while (video.currentTime < 0.2) await new Promise(done => setTimeout(done, 20));
  return [video.videoWidth, video.videoHeight];
}"""


def open_panel(notebook, home="runs"):
    notebook.finish(0)
    notebook.page.get_by_label("Prompt", exact=True).wait_for(timeout=30_000)


def generate(notebook):
    button = notebook.page.get_by_role("button", name="Generate", exact=True)
    button.wait_for()
    notebook.page.wait_for_function(
        "() => !document.querySelector('.sw-form-generate').disabled", timeout=10_000
    )
    button.click()


@pytest.mark.parametrize("turn", [0, *(pytest.param(n, marks=pytest.mark.soak) for n in range(1, 10))])
@pytest.mark.parametrize("front", FRONTS)
def test_one_clip_by_hand(jupyter, tmp_path, front, turn):
    picture = tmp_path / "fox.jpg"
    picture.write_bytes(encoded(photo(1600, 1200)))
    cells = [OPEN.format(home=f"runs-{front}-{turn}"), "6 * 7", "studio.log.to_pandas().iloc[-1].to_dict()"]
    with jupyter.opened(cells, front=front) as notebook:
        page = notebook.page
        open_panel(notebook)
        page.get_by_label("Mode", exact=True).select_option(label="first frame")
        page.get_by_label("Prompt", exact=True).fill("A fox looks up, a breeze moves the grass")
        page.get_by_label("Ratio", exact=True).select_option("21:9")
        page.get_by_label("Resolution", exact=True).select_option("480p")
        page.get_by_label("Seconds", exact=True).fill("4")
        page.locator(".sw-form input[type=file]").first.set_input_files(str(picture))
        window = page.get_by_test_id("cropper-window")
        window.wait_for(timeout=15_000)
        box = window.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 200, steps=6)
        page.mouse.up()
        expect(page.get_by_test_id("cropper-status")).to_contain_text("Window")
        generate(notebook)
        notebook.finish(1)
        assert "42" in notebook.text(1)
        plain = page.locator(".jp-OutputArea-output.jp-RenderedHTMLCommon video")
        plain.wait_for(timeout=60_000)
        page.wait_for_function(
            "() => document.querySelector('.jp-RenderedHTMLCommon video')?.readyState >= 2", timeout=20_000
        )
        assert plain.evaluate(PLAYED) == [992, 432]
        notebook.finish(2)
        row = notebook.text(2)
        assert "'status': 'succeeded'" in row
        assert "'first_frame': 'inputs/" in row
        notebook.save()
        notebook.open()
        again = page.locator(".jp-RenderedHTMLCommon video")
        again.wait_for(timeout=30_000)
        page.wait_for_function(
            "() => document.querySelector('.jp-RenderedHTMLCommon video')?.readyState >= 2", timeout=20_000
        )


def test_what_was_typed_before_the_press_is_sent(jupyter):
    """While the kernel is busy the front end holds back what is typed, but not a press."""
    cells = [
        OPEN.format(home="runs-typed"),
        "import time; panel.form._prompt.observe(lambda _: time.sleep(1), 'value')",
        "studio.log.to_pandas()['prompt'].tolist()",
    ]
    with jupyter.opened(cells) as notebook:
        page = notebook.page
        open_panel(notebook)
        page.get_by_label("Resolution", exact=True).select_option("480p")
        prompt = page.get_by_label("Prompt", exact=True)
        prompt.fill("A fox")
        page.wait_for_function("() => !document.querySelector('.sw-form-generate').disabled")
        notebook.finish(1)
        prompt.press_sequentially(" by the sea")
        generate(notebook)
        page.get_by_test_id("row").get_by_text("succeeded").wait_for(timeout=60_000)
        notebook.finish(2)
        assert "['A fox by the sea']" in notebook.text(2)


def test_the_readmes_pictures(jupyter, tmp_path, request):
    """The Panel after one clip, and its card, small enough for the README; ``--pictures`` puts them there."""
    from PIL import Image

    folder = PICTURES if request.config.getoption("--pictures") else tmp_path
    with jupyter.opened([OPEN.format(home="runs")], width=1400, height=1250) as notebook:
        page = notebook.page
        page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
        open_panel(notebook)
        page.get_by_label("Model").select_option("Seedance 2.0 · dreamina-seedance-2-0")
        page.get_by_label("Try one").select_option(label="Daisies (text)")
        page.get_by_label("Resolution", exact=True).select_option("480p")
        generate(notebook)
        page.locator(".jp-RenderedHTMLCommon video").wait_for(timeout=60_000)
        # the poster that is not saved
        page.wait_for_function(
            "() => document.querySelector('.sw-panel-stage video')?.poster.startsWith('blob:')"
        )
        page.get_by_test_id("row").get_by_text("succeeded").wait_for()
        card = page.locator(".jp-RenderedHTMLCommon > div:has(> video)")
        card.locator("video").evaluate(READY)
        for name, shown in (("panel", page.locator(".sw-panel")), ("card", card)):
            shown.evaluate("element => element.scrollIntoView({block: 'start'})")
            page.wait_for_timeout(300)
            shot = Image.open(io.BytesIO(shown.screenshot()))
            if name == "panel":  # lines of the cell around it
                shot = shot.crop((0, 2, shot.width, shot.height - 4))
            picture = shot.convert("RGB").quantize(192, dither=Image.Dither.FLOYDSTEINBERG)
            picture.save(folder / f"{name}.png", optimize=True)
            assert (folder / f"{name}.png").stat().st_size < 200_000
            assert min(shot.size) > 400
