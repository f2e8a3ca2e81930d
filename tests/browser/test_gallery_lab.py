"""A gallery of 100 drafts in real front ends: judged by keys through the kernel, and reopened without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from stub import axe_violations

SUPPORT = Path(__file__).parents[1] / "support"
OPEN = f"""
import sys
sys.path[:0] = [{str(SUPPORT)!r}]
import seedance_widgets as sw
from many_drafts import many_drafts
simulator = sw.Simulator(speed=500)
studio = sw.Studio({{home!r}}, simulate=simulator)
drafts = many_drafts(studio, 100)
"""
SHOW = "gallery = sw.Gallery(drafts)\ngallery"
TOLD = "print([drafts.index(task) + 1 for task in gallery.accepted], gallery, len(simulator.tasks()))"


def tile(page, number):
    return page.get_by_role("group", name=f"Draft {number},").first


@pytest.mark.parametrize("front", ["lab", "notebook"])
def test_100_drafts_judged_by_keys(jupyter, front):
    with jupyter.opened([OPEN.format(home=f"runs-gallery-{front}"), SHOW, TOLD], front=front) as notebook:
        page = notebook.page
        notebook.finish(0)
        notebook.finish(1)
        tile(page, 1).wait_for()
        assert page.get_by_test_id("gallery-tile").count() == 100
        assert axe_violations(page, ".sw-gallery-root") == []
        for focused in (tile(page, 9), page.get_by_test_id("gallery-filter").nth(1)):
            focused.focus()
            page.keyboard.press("b")  # the notebook's key for a new cell
        tile(page, 1).focus()
        for key in (" ", "ArrowRight", "x", "ArrowRight", "s", "End", " "):
            page.keyboard.press(key)
        status = page.get_by_test_id("gallery-filters")
        expect(status.get_by_role("button", name="accepted 3")).to_be_visible()
        expect(status.get_by_role("button", name="undecided 96")).to_be_visible()
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('.sw-gallery-root video')?.currentTime > 0.2")
        page.keyboard.press("Escape")
        assert page.locator(".jp-CodeCell").count() == 3, "no key of the gallery's is one of the notebook's"
        notebook.finish(2)
        assert notebook.text(2).strip() == (
            "[1, 3, 100] Gallery(100 drafts: 3 accepted (1 starred), 1 rejected, 96 undecided) 1"
        )
        plain = page.get_by_text("100 drafts: 3 accepted (1 starred), 1 rejected, 96 undecided. The verdicts")
        expect(plain).to_be_visible()
        if front == "notebook":
            return
        notebook.save()
        saved = json.loads(notebook.path.read_text("utf-8"))
        state = saved["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
        assert len(json.dumps(state)) < 120_000
        # reopened: a fresh kernel that knows nothing of the gallery
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        notebook.open()
        expect(tile(page, 3)).to_have_attribute("data-verdict", "star", timeout=30_000)
        assert tile(page, 1).locator("img").evaluate("img => img.naturalWidth") > 40
        tile(page, 5).focus()
        page.keyboard.press(" ")
        expect(page.get_by_test_id("gallery-status")).to_contain_text("No answer.", timeout=15_000)
        expect(tile(page, 5)).to_have_attribute("data-verdict", "")
        expect(plain).to_be_visible()
