"""Many clips measured in processes of their own, kept in the log, and measured once."""

from __future__ import annotations

import asyncio
import os
import time

import numpy as np
import pandas as pd
import pytest
from tiny_model import register_tiny

import seedance_widgets as sw
from seedance_widgets.metrics.figures import measures_of, version_of


@pytest.fixture
def made(tmp_path, fresh_catalog):
    """A studio with four clips."""
    register_tiny(fresh_catalog)
    with sw.Studio(tmp_path / "runs", simulate=sw.Simulator(speed=2000)) as studio:
        sw.run(studio.batch([f"fox {n}" for n in range(4)], model="tiny").run(progress=False))
        yield studio


def size(path):
    return path.stat().st_size


def several(path):
    return {"width": 64, "height": np.float32(64.5), "nothing": None}


def counting(log):
    """A function that writes down each time it is called."""

    def counted(path):
        with log.open("a") as file:
            file.write("x")
        return 1

    return counted


async def test_figures_are_kept_and_not_measured_again(made, tmp_path):
    calls = tmp_path / "calls"
    counted = counting(calls)
    frame = made.log.to_pandas()
    found = await made.measure(frame, ["motion", size, several, counted], progress=False)
    assert list(found.columns) == [
        "motion",
        "size",
        "several.height",
        "several.nothing",
        "several.width",
        "counted",
        "trouble",
    ]
    assert found.index.equals(frame.index)
    assert found["size"].to_list() == [path.stat().st_size for path in map(_path, frame["video_path"])]
    assert found["several.height"].eq(64.5).all()
    assert found["several.nothing"].isna().all()
    assert found["trouble"].isna().all()
    assert calls.read_text() == "xxxx"
    again = await made.measure(frame, ["motion", size, several, counted], progress=False)
    pd.testing.assert_frame_equal(again, found)
    assert calls.read_text() == "xxxx"
    kept = made.log.to_pandas()
    assert kept["metrics.motion"].to_list() == found["motion"].to_list()
    assert kept["metrics.several.width"].eq(64).all()
    assert kept["metrics.counted"].eq(1).all()
    assert "metrics.several" not in kept or kept["metrics.several"].isna().all()


def _path(text):
    from pathlib import Path

    return Path(text)


async def test_another_version_or_another_clip_is_measured_anew(made, tmp_path):
    calls = tmp_path / "calls"
    counted = counting(calls)
    task = await made.task(made.log.to_pandas().index[0])
    await made.measure([task], counted, progress=False)
    counted.version = "2"
    await made.measure([task], counted, progress=False)
    assert calls.read_text() == "xx"
    with made.runtime._store.write() as connection:  # as after it was fetched anew
        connection.exec_driver_sql("UPDATE tasks SET sha256 = 'other' WHERE key = ?", (task.key,))
    await made.measure(task, counted, progress=False)
    await made.measure(task.key, {"counted": counted}, progress=False)
    assert calls.read_text() == "xxx"


def test_the_version_of_a_function_is_that_of_its_code():
    def one(path):
        return 1

    def same(path):
        return 1

    def other(path):
        return 2

    assert version_of(one) == version_of(same) != version_of(other)
    assert version_of(lambda path: [x for x in (1, 2)]) != version_of(lambda path: [x for x in (1, 3)])  # noqa: C416
    other.version = "7b"
    assert version_of(other) == "7b"


async def test_what_fails_is_a_value_of_its_own_and_is_tried_again(made, tmp_path):
    switch = tmp_path / "works"

    def fails(path):
        if not switch.exists():
            raise ValueError("no\n  network " * 100)
        return 0.5

    def dies(path):
        os._exit(3)

    def nan(path):
        return float("nan")

    def text(path):
        return "much"

    def numbers(path):
        return np.arange(3)

    keys = made.log.to_pandas().index[:2]
    found = await made.measure(keys, ["brightness", fails, dies, nan, text, numbers], progress=False)
    assert found["brightness"].notna().all()
    assert found[["fails", "dies", "nan", "text", "numbers"]].isna().all(axis=None)
    for trouble in found["trouble"]:
        assert "fails: ValueError: no network no network" in trouble
        assert "dies: the process that measured it ended abruptly" in trouble
        assert "nan: it gave 'nan', which is no finite number" in trouble
        assert "text: it gave 'much'" in trouble
        assert "numbers: it gave '[0 1 2]'" in trouble
    switch.touch()
    again = await made.measure(keys, ["brightness", fails], progress=False)
    assert again["fails"].eq(0.5).all()
    assert again["trouble"].isna().all()


async def test_a_clip_that_is_not_there_or_is_damaged_says_so(made):
    tasks = [await made.task(key) for key in made.log.to_pandas().index]
    tasks[0].video_path.unlink()
    tasks[1].video_path.write_bytes(tasks[1].video_path.read_bytes()[:3000])
    refused = made.runtime.journal.begin(sw.estimate(model="tiny"), stored={})
    found = await made.measure([*tasks, refused.key], ["motion", "black"], progress=False)
    troubles = found["trouble"].to_list()
    assert troubles[0] == troubles[4] == "its clip is not saved"
    assert "motion: MediaError: " in troubles[1]
    assert "black: MediaError: " in troubles[1]
    assert found["motion"].notna().to_list() == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("motoin", 'nearest to it is "motion"|motion'),
        ([lambda path: 1], "is no function with a name of its own"),
        ({"my metric": size}, "is no function with a name of its own"),
        ({"motion": size}, "is no function with a name of its own"),
        ([3], "is no name of a figure and no function"),
    ],
)
async def test_what_cannot_measure_is_refused_by_name(made, given, said):
    with pytest.raises(sw.InvalidRequest, match=said):
        await made.measure(made.log.to_pandas(), given, progress=False)
    assert not [name for name in made.log.to_pandas() if name.startswith("metrics.")]


def test_two_functions_of_one_name_are_refused():
    def one(path):
        return 1

    def two(path):
        return 2

    two.__name__ = "one"
    with pytest.raises(sw.InvalidRequest, match="the name of two functions"):
        measures_of([one, two])


async def test_a_task_that_the_log_does_not_have_is_named(made):
    with pytest.raises(sw.LogError, match="no task 'nowhere'; nothing was measured"):
        await made.measure(["nowhere"], "motion", progress=False)


async def test_an_interrupted_measuring_keeps_what_was_found(made):
    def slow(path):
        time.sleep(0.6)
        return 1

    keys = list(made.log.to_pandas().index)
    work = asyncio.ensure_future(made.measure(keys, slow, progress=False))
    async with asyncio.timeout(30):
        while not [each for each in made.runtime.metrics.known(keys) if each.name == "slow"]:
            await asyncio.sleep(0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await made.measure(keys, slow, progress=False))["slow"].eq(1).all()


async def test_a_table_by_tag_has_the_figures(made):
    frame = made.log.to_pandas()
    made.log.tag(frame.index[:2], campaign="spring")
    await made.measure(frame, "brightness", progress=False)
    by_campaign = made.log.to_pandas().groupby("tags.campaign")["metrics.brightness"].count()
    assert by_campaign.to_dict() == {"spring": 2}
    only = made.log.to_pandas(where={"tags.campaign": "spring"}, columns=["metrics.brightness"])
    assert len(only) == 2
