"""What the package logs: a readable story, nothing that is anybody's own, and no failure in silence."""

from __future__ import annotations

import logging
import subprocess
import sys
import time

import httpx
import pytest

from seedance_widgets.background_loop import engine

SMALL = {"resolution": "480p", "ratio": "1:1", "duration": 4}


async def fail():
    raise ValueError("lost in the background")


def records(caplog, level):
    return [record for record in caplog.records if record.levelno == level]


def test_work_that_fails_in_the_background_is_logged_with_its_traceback(caplog):
    future = engine.submit(fail())
    with pytest.raises(ValueError, match="lost in the background"):
        future.result(timeout=30)
    end = time.monotonic() + 30
    while not records(caplog, logging.ERROR):  # whoever waits may hear of it first
        assert time.monotonic() < end
        time.sleep(0.01)
    (record,) = records(caplog, logging.ERROR)
    assert record.name == "seedance_widgets.background_loop"
    assert record.getMessage() == "fail failed in the background"
    assert isinstance(record.exc_info[1], ValueError)


async def test_what_is_raised_to_who_waits_is_not_logged_as_well(caplog):
    with pytest.raises(ValueError, match="lost in the background"):
        await engine.bridge(fail())
    assert records(caplog, logging.ERROR) == []


async def test_a_task_tells_its_story(studio, caplog):
    caplog.set_level(logging.INFO, "seedance_widgets")
    task = await studio.generate("a secret fox", model="seedance-1-0-pro", seed=11, **SMALL)
    told = [record.getMessage() for record in caplog.records if task.key in record.getMessage()]
    steps = ["written down, at most $", f"queued as {task.id}", "running", "succeeded, ", "its clip is saved"]
    places = [next(index for index, line in enumerate(told) if step in line) for step in steps]
    assert places == sorted(places)
    assert "a secret fox" not in caplog.text


async def test_a_listener_that_fails_stops_nothing_and_is_logged(studio, caplog):
    def listener(_):
        raise RuntimeError("my own mistake")

    studio.subscribe(listener)
    task = await studio.generate("a fox", **SMALL)
    assert task.status == "succeeded"
    (first, *_) = records(caplog, logging.ERROR)
    assert isinstance(first.exc_info[1], RuntimeError)


def test_it_is_silent_until_somebody_switches_it_on(tmp_path):
    script = (
        "import seedance_widgets as sw\n"
        "from seedance_widgets.background_loop import engine\n"
        "async def fail(): raise ValueError('nobody asked')\n"
        "try: engine.submit(fail()).result()\n"
        "except ValueError: pass\n"
    )
    run = [sys.executable, "-c", script]
    silent = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert (silent.returncode, silent.stderr) == (0, "")
    told = script.replace(
        "import seedance", "import logging; logging.basicConfig(level='INFO'); import seedance", 1
    )
    loud = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert "ERROR:seedance_widgets.background_loop:fail failed in the background" in loud.stderr
    assert "ValueError: nobody asked" in loud.stderr


async def test_signed_links_are_in_no_log_line(studio, caplog, simulator):
    """httpx writes every address at INFO; only what is ours is cut, and only for its query."""
    caplog.set_level(logging.DEBUG)
    task = await studio.generate("a fox", model="seedance-1-5-pro", **SMALL)
    assert "signature=" in task.row.video_url
    shown = "\n".join(record.getMessage() for record in caplog.records)
    assert task.row.video_url.partition("?")[0] in shown
    assert "signature=" not in shown
    with simulator.serve() as url:
        async with httpx.AsyncClient() as somebody:
            await somebody.get(url + "/?signature=theirs")
    assert any("signature=theirs" in record.getMessage() for record in caplog.records)
