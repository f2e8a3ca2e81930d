"""No key typed into a widget is a command of the notebook: two presses of d on a button would delete the cell."""

from __future__ import annotations

import pytest

CELL = """
import seedance_widgets as sw
studio = sw.Studio("runs-keys", simulate=sw.Simulator(speed=500))
tasks = [sw.run(studio.generate(f"fox {n}", resolution="480p", ratio="1:1", duration=4)) for n in range(2)]
from PIL import Image
"""
PANEL = """
panel = sw.Panel(studio)
panel.play(tasks[0])
panel.form._prompt.value = "a fox"  # so that Generate can be pressed
panel
"""
REST = """
from IPython.display import display
display(sw.CompareGrid(tasks), sw.ImageCropper(Image.new("RGB", (640, 480), "teal"), "21:9"), tasks[0])
"""
# every part that a mouse or Tab gives the focus, but for texts, which front ends leave in peace
PARTS = """() => [...document.querySelectorAll(".jp-OutputArea-output :is(button, input, select, video, [tabindex='0'])")]
  .filter((part) => part.checkVisibility() && !part.disabled && part.type !== "file")
  .map((part, number) => { part.dataset.part = number; return part.outerHTML.slice(0, 80); })"""
NOTEBOOK = """() => {
  const { content } = window.jupyterapp.shell.currentWidget;
  return [...content.widgets].map((cell) => [cell.model.type, cell.model.outputs?.length]);
}"""


@pytest.mark.parametrize("front", ["lab", "notebook"])
def test_the_notebook_stays_as_it_is(jupyter, front):
    with jupyter.opened([CELL, PANEL, REST, "pass"], front=front) as notebook:
        page = notebook.page
        for index in range(3):
            notebook.finish(index)
        page.get_by_test_id("cropper-window").wait_for()
        page.get_by_test_id("compare-play").wait_for()
        page.get_by_label("Prompt", exact=True).wait_for()
        before = page.evaluate(NOTEBOOK)
        parts = page.evaluate(PARTS)
        assert len(parts) > 30
        for number, part in enumerate(parts):
            where = page.locator(f"[data-part='{number}']")
            if not where.count():
                continue  # a press on another part took it away
            where.evaluate("part => part.focus({ preventScroll: true })")
            for key in ("d", "d", "x", "m"):
                page.keyboard.press(key)
            assert page.evaluate(NOTEBOOK) == before, part
