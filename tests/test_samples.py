"""What README and notebooks let people ask for is there today: none names a model that is retired."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

import seedance_widgets as sw

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ABOUT_IT = "retired-model"  # tag of a cell that is about one
WORD = re.compile(r"[\w.-]*seedance[\w.-]*\w", re.IGNORECASE)


def retired_in(text):
    """Names of retired models in a text, however they are written."""
    now = time.time()
    retired = [model for model in sw.catalog.models() if model.retirement and model.retirement.is_past(now)]
    found = {model.name for model in retired if model.title.lower() in text.lower()}
    for word in WORD.findall(text):
        try:
            model = sw.catalog.find(word)
        except sw.InvalidRequest:
            continue  # the package, the command, the magic
        if model in retired:
            found.add(model.name)
    return found


def cells(notebook):
    """Each cell of a notebook with all that it shows, and whether it is about a retired model."""
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        shown = [*cell["source"], json.dumps(cell.get("outputs", []))]
        yield "".join(shown), ABOUT_IT in cell["metadata"].get("tags", ())


def test_the_readme_names_no_retired_model():
    assert retired_in((ROOT / "README.md").read_text("utf-8")) == set()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_names_no_retired_model_but_where_it_is_about_one(notebook):
    for text, about_it in cells(notebook):
        assert bool(retired_in(text)) == about_it, text


def test_one_notebook_shows_that_what_a_retired_model_made_still_opens():
    assert sum(about_it for notebook in NOTEBOOKS for _, about_it in cells(notebook)) == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('submit("a fox", model="seedance-1-5-pro")', {"seedance-1-5-pro"}),
        ("%%seedance --model seedance-1.5-pro --seed 11", {"seedance-1-5-pro"}),
        ("`doubao-seedance-1-5-pro-251215`.", {"seedance-1-5-pro"}),
        ("Take Seedance 1.5 pro for sound", {"seedance-1-5-pro"}),
        ("seedance_1_0_lite_t2v", {"seedance-1-0-lite-t2v"}),
        ("import seedance_widgets; seedance-2.5, seedance-1-0-pro, seedance-1-0-pro-fast.", set()),
    ],
)
def test_the_search_finds_them(text, names):
    assert retired_in(text) == names
