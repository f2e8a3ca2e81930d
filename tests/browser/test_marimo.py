"""marimo runs what is an anywidget, and says of the form, which is made of ipywidgets, that it does not."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from playwright.sync_api import expect

APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from PIL import Image
    import seedance_widgets as sw
    from seedance_widgets.widgets.input_picker import ImagePicker

    studio = sw.Studio("runs", simulate=sw.Simulator(speed=500))
    small = dict(resolution="480p", ratio="1:1", duration=4)
    one, two = [sw.run(studio.generate(f"fox {n}", **small)) for n in range(2)]
    return ImagePicker, Image, mo, one, small, studio, sw, two


@app.cell
def _(Image, mo, sw):
    cropper = mo.ui.anywidget(sw.ImageCropper(Image.new("RGB", (1600, 1200), "teal"), ratio="21:9"))
    cropper
    return (cropper,)


@app.cell
def _(cropper, mo):
    mo.md(f"Python cuts {cropper.image().crop} of {cropper.rect}")


@app.cell
def _(one, sw):
    sw.VideoPlayer(one)


@app.cell
def _(one, sw, two):
    sw.CompareGrid([one, two])


@app.cell
def _(ImagePicker):
    ImagePicker()


@app.cell
def _(studio, sw):
    sw.TaskBoard(studio)


@app.cell
def _(studio, sw):
    sw.ParameterForm(studio)
"""
PLAYED = """video => new Promise((done, fail) => {
  setTimeout(fail, 20000, Error("it does not play"));
  const look = () => video.currentTime > 0.2 ? done() : setTimeout(look, 50);
  look();
})"""
CUT = re.compile(r"Python cuts Crop\(x=(\d+), y=(\d+), width=(\d+), height=(\d+)\) of \[([\d, ]+)\]")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("marimo")
    (folder / "app.py").write_text(APP)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    homes = {f"XDG_{name}_HOME": str(folder / "xdg") for name in ("CONFIG", "CACHE", "STATE", "DATA")}
    command = [
        sys.executable, "-m", "marimo", "run", "app.py", "--headless", "--no-token", "--host", "127.0.0.1",
        "--port", str(port),
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=os.environ | homes, stdout=log, stderr=log) as server,
    ):
        try:
            deadline = time.monotonic() + 60
            while not healthy(url):
                assert server.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()


def healthy(url):
    try:
        return urllib.request.urlopen(f"{url}/health").status == 200
    except OSError:
        return False


def cut(page):
    """What Python would cut, and the window it has, as the app writes them."""
    found = CUT.search(page.locator("body").inner_text())
    return [int(part) for part in found.groups()[:4]], [int(part) for part in found[5].split(",")]


def test_anywidgets_run_in_marimo(browser, address):
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto(address)
    window = page.get_by_test_id("cropper-window")
    window.wait_for(timeout=60_000)
    for name in ("player-root", "compare-root", "picker-root", "board"):
        page.get_by_test_id(name).wait_for()

    centred = [0, 257, 1600, 686]
    page.get_by_text("Python cuts").wait_for()
    assert cut(page) == (centred, centred)
    window.scroll_into_view_if_needed()
    box = window.bounding_box()
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0], start[1] - 400, steps=5)
    page.mouse.up()
    page.get_by_text("Python cuts Crop(x=0, y=0,").wait_for()
    asked, window_now = cut(page)
    assert asked == window_now
    assert asked[2] * 9 == asked[3] * 21

    page.get_by_test_id("player-start").click()
    page.get_by_test_id("compare-play").click()
    for name, count in (("player-video", 1), ("compare-video", 2)):
        assert page.get_by_test_id(name).count() == count
        for video in page.get_by_test_id(name).all():
            video.evaluate(PLAYED)
    expect(page.get_by_test_id("row")).to_have_count(2)
    expect(page.get_by_test_id("money")).to_contain_text("Spent $0.2716")
    board = page.get_by_test_id("board")
    board.get_by_test_id("open").last.click()
    board.get_by_test_id("player-start").click()
    board.get_by_test_id("player-video").evaluate(PLAYED)
    expect(board.get_by_test_id("player-prompt")).to_have_text("fox 0")
    assert page.get_by_text("Jupyter widgets are not supported in marimo").is_visible()
    assert errors == []
