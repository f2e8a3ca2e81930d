"""A working notebook stays small: cards are links and a tiny poster, widgets hold no bytes and packed code."""

from __future__ import annotations

import json

from playwright.sync_api import expect

LIMIT = 200_000
OPEN = """
import seedance_widgets as sw
studio = sw.Studio('runs-size', simulate=sw.Simulator(speed=500))
params = dict(model='seedance-1-5-pro', resolution='480p', ratio='16:9', duration=4, generate_audio=False)
"""
CELLS = [
    OPEN,
    *(f"t{n} = await studio.generate('A fox by the sea, take {n}', seed={n}, **params)" for n in range(20)),
    "sw.CompareGrid([t0, t1, t2, t3])",
    "sw.Panel(studio)",
]


def test_20_cards_a_panel_and_a_grid_of_4_with_widget_state_are_under_200_kilobytes(jupyter):
    with jupyter.opened(CELLS) as notebook:
        for index in range(len(CELLS)):
            notebook.finish(index)
        notebook.page.get_by_label("Prompt", exact=True).wait_for(timeout=30_000)
        notebook.page.wait_for_timeout(1_000)
        notebook.save()
        saved = json.loads(notebook.path.read_text("utf-8"))
        size = notebook.path.stat().st_size
        state = saved["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
        assert len(state) > 30
        html = [
            "".join(output["data"]["text/html"])
            for cell in saved["cells"]
            for output in cell["outputs"]
            if "text/html" in output.get("data", {})
        ]
        assert sum("<video" in page for page in html) == 20
        assert size < LIMIT, f"{size:,} bytes"

        # all of it is in there: another day, no cell has run yet
        page = notebook.page
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        notebook.open()
        expect(page.get_by_test_id("compare-video")).to_have_count(4, timeout=30_000)
        expect(page.get_by_test_id("row")).to_have_count(20)
        expect(page.get_by_test_id("row").first.get_by_test_id("status")).to_have_text("succeeded")
        expect(page.get_by_label("Prompt", exact=True)).to_be_visible()
