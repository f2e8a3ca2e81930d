"""The form and the Panel in a real JupyterLab: what is typed reaches Python as it was typed, and what a server
says is text on the way back, in the form's own lines, the board, the player and the lasting cards.
"""

from __future__ import annotations

import ast

from hostile import HURT, TEXTS

from seedance_widgets.request.fields import MODE_TITLES
from seedance_widgets.terminal import printable

DRAFTS = """
import seedance_widgets as sw
simulator = sw.Simulator(speed=500)
studio = sw.Studio("runs-hostile", simulate=simulator, defaults={{"model": "seedance-1-5-pro"}})
texts = {texts!r}
for text in texts:
    await studio.generate(text, draft=True, ratio="1:1", duration=4)
"""
OPEN = """
for text in texts:
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected", message=text)
panel = sw.Panel(studio)
panel
"""
READ = "[(task.request.prompt, str(task.error)) for task in panel.form.tasks]"
LOAD = "panel.form.load(panel.form.tasks[{}])"


def contents(page, selector):
    return page.locator(selector).evaluate_all("all => all.map(each => each.textContent)")


def said(page, selector, text):
    """Wait until a place says it, and give back all of what it says."""
    page.wait_for_function(
        "([selector, text]) => [...document.querySelectorAll(selector)].some(each => each.textContent.includes(text))",
        arg=[selector, text],
        timeout=30_000,
    )


def test_the_panel_shows_everything_as_typed(jupyter):
    texts = list(TEXTS.values())
    cells = [DRAFTS.format(texts=texts), OPEN, READ, *(LOAD.format(n) for n in range(len(texts)))]
    with jupyter.opened(cells) as notebook:
        page = notebook.page
        notebook.finish(0)
        notebook.finish(1)
        prompt = page.get_by_label("Prompt", exact=True)
        prompt.wait_for(timeout=30_000)
        page.get_by_label("Resolution", exact=True).select_option("480p")
        for text in texts:
            prompt.fill(text)
            page.wait_for_function(
                "() => !document.querySelector('.sw-form-generate').disabled", timeout=10_000
            )
            page.get_by_role("button", name="Generate", exact=True).click()
            # of a long message the start; an error spells out what would turn the direction of a terminal
            told = f"Detected: {printable(text[:300])}"
            said(page, ".sw-form-status [role=status]", told)
            said(page, ".sw-panel-stage [data-testid=player-status]", told)
            said(page, ".jp-RenderedHTMLCommon", told)
        notebook.finish(2)
        sent = ast.literal_eval(notebook.text(2))
        assert [prompt for prompt, _ in sent] == texts
        cards = contents(page, ".jp-RenderedHTMLCommon > div > div:nth-child(2)")
        shown = [text if len(text) <= 300 else f"{text[:297]}..." for text in texts]
        assert cards == [*shown, *reversed(shown)]
        board = contents(page, ".sw-panel [data-testid=prompt]")
        for text in texts:
            assert board.count(text if len(text) <= 120 else f"{text[:117]}...") == 2
        for number, text in enumerate(texts):
            notebook.finish(3 + number)
            page.wait_for_function(
                "text => document.querySelector('.sw-form textarea').value === text", arg=text, timeout=10_000
            )
        page.get_by_label("Mode", exact=True).select_option(label=MODE_TITLES["from_draft"])
        page.get_by_label("Draft", exact=True).wait_for()
        options = page.get_by_label("Draft", exact=True).locator("option").all_text_contents()
        # ipywidgets writes spaces that do not break
        drafts = [option.replace("\xa0", " ").partition(" · ")[2] for option in options]
        assert sorted(drafts) == sorted(text[:60] for text in texts)
        assert not page.evaluate(HURT)
