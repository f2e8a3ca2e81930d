"""axe-core on the real Panel, in both themes: no serious or critical violation in what is ours."""

from __future__ import annotations

import pytest

CELL = """
import seedance_widgets as sw
studio = sw.Studio("runs-axe", simulate=sw.Simulator(speed=500), budget_usd=5)
task = sw.run(studio.generate("a fox", resolution="480p", ratio="1:1", duration=4))
panel = sw.Panel(studio)
panel.play(task)
panel
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panel_is_accessible(jupyter, theme):
    from axe_playwright_python.sync_playwright import Axe

    with jupyter.opened([CELL], theme=theme) as notebook:
        notebook.finish(0)
        page = notebook.page
        page.get_by_label("Prompt", exact=True).fill("a fox")
        page.get_by_label("Mode", exact=True).select_option(label="first frame")
        page.get_by_label("More parameters").check()
        page.get_by_test_id("picker-root").wait_for()
        page.wait_for_timeout(500)
        found = Axe().run(page, context=".jp-OutputArea")
    serious = [
        f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for each in found.response["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert not serious, "\n".join(serious)
