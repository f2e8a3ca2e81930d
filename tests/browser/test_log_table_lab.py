"""A table of 10,000 tasks in real front ends: found, chosen by keys, saved small, and read without a kernel."""

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
from long_log import lengthen
from tiny_model import register_tiny
register_tiny(sw.catalog)
home = {{home!r}}
with sw.Studio(home, simulate=sw.Simulator(speed=2000), defaults={{{{"model": "tiny"}}}}) as studio:
    made = [sw.run(studio.generate(f"a {{{{word}}}} by the sea")) for word in ("fox", "owl", "hen", "hare")]
lengthen(home + "/log.sqlite", 9_996)
studio = sw.Studio(home, simulate=sw.Simulator(speed=2000))
"""
SHOW = "table = sw.LogTable(studio)\ntable"
TOLD = "print(len(table.frame), table.selected == list(table.frame.index), table.facts['found'])"


@pytest.mark.parametrize("front", ["lab", "notebook"])
def test_ten_thousand_tasks(jupyter, front):
    with jupyter.opened([OPEN.format(home=f"runs-table-{front}"), SHOW, TOLD], front=front) as notebook:
        page = notebook.page
        notebook.finish(0)
        notebook.finish(1)
        rows = page.locator(".sw-log_table-root tr[data-key]")
        rows.first.wait_for()
        expect(rows).to_have_count(25)
        expect(page.get_by_text("1–25 of 10,000")).to_be_visible()
        assert axe_violations(page, ".sw-log_table-root") == []
        page.get_by_role("searchbox", name="Search in all columns").fill("owl copy 77")
        expect(page.get_by_text("found of 10,000")).to_be_visible()
        rows.first.focus()
        for key in (" ", "ArrowDown", "ArrowDown", "Shift+ArrowDown"):
            page.keyboard.press(key)
        page.keyboard.press("b")  # the notebook's key for a new cell
        expect(page.get_by_text("3 selected")).to_be_visible()
        assert page.locator(".jp-CodeCell").count() == 3, "no key of the table's is one of the notebook's"
        notebook.finish(2)
        assert notebook.text(2).strip().startswith("3 True ")
        if front == "notebook":
            return
        notebook.save()
        written = json.loads(notebook.path.read_text("utf-8"))
        assert notebook.path.stat().st_size < 300_000
        assert "LogTable of 10,000 tasks" in json.dumps(written["cells"][1]["outputs"])
        # reopened: a fresh kernel that knows nothing of the table
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        notebook.open()
        expect(rows.first).to_contain_text("owl", timeout=30_000)
        expect(page.get_by_text("found of 10,000")).to_be_visible()
