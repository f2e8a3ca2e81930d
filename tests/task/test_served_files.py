"""Which files a Jupyter server gives to the page, by what it writes down of itself."""

from __future__ import annotations

import json
import re

import pytest

from seedance_widgets.task import served_files
from seedance_widgets.task.card import CardFacts, card_html
from seedance_widgets.task.served_files import why_out_of_reach


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder of a server that has started this process."""
    root, runtime = tmp_path / "root", tmp_path / "runtime"
    root.mkdir()
    runtime.mkdir()
    (runtime / "jpserver-12345.json").write_text(json.dumps({"pid": 12345, "root_dir": str(root)}))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("JPY_PARENT_PID", "12345")
    served_files._served_folder.cache_clear()
    yield root
    served_files._served_folder.cache_clear()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("root/runs/media/k/video.mp4", None),
        ("root/.runs/media/k/video.mp4", "it is in .runs, a hidden folder"),
        ("root/a/.b/c/video.mp4", "it is in .b, a hidden folder"),
        ("elsewhere/video.mp4", "outside .*root, the folder that the Jupyter server gives out"),
        ("rooted/video.mp4", "outside .*root, the folder"),
    ],
)
def test_hidden_and_outside_is_out_of_reach(root, tmp_path, place, why):
    said = why_out_of_reach(tmp_path / place)
    assert said is None if why is None else re.search(why, said)


@pytest.mark.parametrize("pid", ["", "nobody", "99999"])
def test_of_an_unknown_server_nothing_is_said(root, tmp_path, monkeypatch, pid):
    monkeypatch.setenv("JPY_PARENT_PID", pid)
    assert why_out_of_reach(tmp_path / "elsewhere" / "video.mp4") is None


def test_a_card_says_it_and_how_to_play_in_place_of_a_dead_player():
    facts = CardFacts("k", "succeeded", "m", "p", simulated=True, elapsed=1.0, video=".runs/v.mp4")
    assert "<video" in card_html(facts)
    html = card_html(CardFacts("k", "succeeded", "m", "p", simulated=True, elapsed=1.0, video=".runs/v.mp4",
                               poster=b"jpeg", unreached="it is in .runs, a hidden folder"))  # fmt: skip
    assert "<video" not in html
    assert "<img" in html
    assert "hidden folder" in html
    assert "sw.Gallery([task])" in html
    assert ".runs/v.mp4" in html
