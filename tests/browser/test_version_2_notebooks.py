"""Notebooks that version 2 saved: they read before a cell is run, and run again without anything being made."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys

import nbformat
import pytest
import version_2
from nbclient import NotebookClient
from playwright.sync_api import TimeoutError  # noqa: A004 - its own name

# of each cell that shows a widget, what only the widget's own code writes from the state that was saved
DRAWN = {
    "panel": {
        1: "All 37",
        2: "at most 109,586 tokens",
        3: "3 unfinished tasks are not followed here",
        4: "Play",
    },
    "judging": {
        1: "It runs into the forest",
        2: "Undecided 1",
        3: "Fetching the first pair",
        4: "320 × 320 px",
    },
    "cards": {6: "Play"},
}


@pytest.fixture
def folder(tmp_path):
    """What a person has: the notebooks beside the home."""
    version_2.restore(tmp_path)
    for path in (*version_2.FOLDER.glob("*.ipynb"), version_2.FOLDER / "fox.png"):
        shutil.copy(path, tmp_path)
    return tmp_path


def counts(folder):
    """How many tasks the service has, and how many rows the log."""
    found = []
    for name in ("simulator", "log"):
        with contextlib.closing(sqlite3.connect(folder / "runs" / f"{name}.sqlite")) as database:
            found += database.execute("SELECT count(*) FROM tasks").fetchone()
    return found


def undrawn(notebook, wanted):
    """What the first cell shows that does not show its words after a while; nothing where all do."""
    for index, words in wanted.items():
        cell = notebook.page.locator(".jp-Cell").nth(index)
        try:
            cell.locator(".jp-OutputArea-output").get_by_text(words).first.wait_for(timeout=30_000)
        except TimeoutError:
            return cell.inner_text() or "nothing"
    try:  # a widget says so while its model is on the way
        notebook.page.wait_for_function(
            "() => !document.querySelector('.jp-Notebook').innerText.includes('Error displaying widget')",
            timeout=30_000,
        )
    except TimeoutError:
        return notebook.page.locator(".jp-Notebook").inner_text()
    return ""


@pytest.mark.parametrize("name", DRAWN)
def test_its_widgets_are_drawn_from_their_saved_state(name, jupyter):
    saved = version_2.FOLDER / f"{name}.ipynb"
    assert (
        "application/vnd.jupyter.widget-state+json"
        in json.loads(saved.read_text("utf-8"))["metadata"]["widgets"]
    )
    errors, told = [], []

    def listen(page):
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: told.append(message.text))

    with jupyter.opened(saved, listen=listen) as notebook:
        if shown := undrawn(notebook, DRAWN[name]):
            # Lab's widget manager calls itself restored when the kernel connects, maybe before it has read the
            # notebook's state: an output that is drawn in between says so for good. A person reloads.
            assert "model not found" in shown, told
            notebook.open()
            assert undrawn(notebook, DRAWN[name]) == "", told
    assert errors == []


@pytest.mark.parametrize("name", DRAWN)
def test_it_runs_again_and_makes_nothing(name, folder):
    before = counts(folder)
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    assert "2 of 2 links made" in "".join(notebook.cells[0].outputs[0].data["text/html"])
    assert counts(folder) == before
    assert (folder / "runs" / "log.v2.sqlite").exists()


def test_its_cards_and_tables_read_as_a_web_page(folder, browser):
    for name in DRAWN:
        command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", f"{name}.ipynb"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    page = browser.new_page()
    page.route("http*://**", lambda route: route.abort())
    page.goto((folder / "cards.html").as_uri(), wait_until="domcontentloaded")
    video = page.locator("video").first
    assert video.get_attribute("src").startswith("runs/media/")
    size = video.evaluate(
        "async video => { await video.play(); return [video.videoWidth, video.videoHeight]; }"
    )
    assert sorted(size) == [720, 1280]
    text = page.inner_text("body")
    for words in ("A fox wakes in the snow", "SIMULATED, not billed", "is shown", "next clip"):
        assert words in text
