"""The grid's Python side: what differs between clips, and what little of it is saved."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from clips import SMALL, mp4, noisy_clip
from widget_messages import HOSTILE, ask, state_bytes, until

import seedance_widgets as sw
from seedance_widgets.widgets.compare import CompareGrid, differences

# --- what differs -------------------------------------------------------------------------------------------


def test_only_what_differs_in_a_fixed_order():
    rows = [
        {"seed": 1, "prompt": "a", "ratio": "16:9", "usd": 0.1, "key": "k1"},
        {"seed": 2, "prompt": "a", "ratio": "16:9", "usd": 0.1, "key": "k2"},
        {"seed": 2, "prompt": "b", "ratio": "16:9", "usd": 0.1, "key": "k3"},
    ]
    found = differences(rows)
    assert found == [{"prompt": "a", "seed": 1}, {"prompt": "a", "seed": 2}, {"prompt": "b", "seed": 2}]
    assert [list(row) for row in found] == [["prompt", "seed"]] * 3


def test_nothing_differs_between_equals_and_keys_do_not_count():
    row = {"seed": 1, "prompt": "a", "video_path": "x", "sha256": "y", "created_at": 1}
    assert differences([row | {"key": "1"}, row | {"key": "2", "video_path": "z", "created_at": 2}]) == [
        {},
        {},
    ]
    assert differences([]) == []
    assert differences([row]) == [{}]


@pytest.mark.parametrize("absent", [None, pd.NA, float("nan"), pd.NaT])
def test_absent_is_a_value_and_equal_to_absent(absent):
    assert differences([{"camera_fixed": absent}, {}]) == [{}, {}]
    assert differences([{"camera_fixed": absent}, {"camera_fixed": True}]) == [
        {"camera_fixed": None},
        {"camera_fixed": True},
    ]


def test_the_requested_seed_stands_for_one_that_is_not_known_yet():
    rows = [{"seed": None, "requested_seed": 5}, {"seed": 6, "requested_seed": 6}]
    assert differences(rows) == [{"seed": 5}, {"seed": 6}]
    assert differences([{"seed": None, "requested_seed": 6}, {"seed": 6}]) == [{}, {}]


def test_rows_are_left_as_they_were():
    rows = ({"seed": 1}, {"seed": 2})
    differences(row for row in rows)
    assert rows == ({"seed": 1}, {"seed": 2})


# --- the grid -----------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    made = []
    for index, frames in enumerate((25, 25, 13, 25)):
        made.append(tmp_path / f"clip {index}.mp4")
        made[-1].write_bytes(mp4(frames))
    return made


def captions(grid):
    return [{each["name"]: each["text"] for each in clip["captions"]} for clip in grid.clips]


@pytest.mark.parametrize("count", [0, 1, 10])
def test_two_to_nine(files, count):
    with pytest.raises(ValueError, match="2 to 9 clips"):
        CompareGrid((files * 3)[:count])


def test_what_is_no_clip(files):
    with pytest.raises(ValueError, match="a Task, a path or a row"):
        CompareGrid([files[0], 3])


async def test_tasks_are_captioned_by_what_differs(studio):
    first, second, third = [
        await studio.generate("a fox", **{**SMALL, **changes})
        for changes in ({"seed": 11}, {"seed": 12}, {"seed": 11, "duration": 5, "generate_audio": False})
    ]
    assert captions(CompareGrid([first, second])) == [{"seed": "11"}, {"seed": "12"}]
    found = captions(CompareGrid([first, third]))
    assert [row["duration"] for row in found] == ["4 s", "5 s"]
    assert [row["generate audio"] for row in found] == ["yes", "no"]
    assert found[0]["tokens"] == f"{first.tokens:,}"
    assert found[0]["cost"] == f"${first.usd:.4f}"
    assert set(found[0]) == {"duration", "generate audio", "tokens", "cost"}
    grid = CompareGrid([studio.log.to_pandas().loc[first.key], second])
    assert captions(grid) == [{"seed": "11"}, {"seed": "12"}]
    assert [clip["label"] for clip in grid.clips] == [first.key, second.key]
    assert ask(grid, grid.clips[1]["id"])[1] == [second.video_path.read_bytes()]


def test_files_are_captioned_by_what_they_are(files, tmp_path):
    wide = tmp_path / "wide.mp4"
    wide.write_bytes(mp4(25, width=192))
    assert captions(CompareGrid([files[0], files[1]])) == [{}, {}]
    assert captions(CompareGrid([files[0], wide])) == [{"size": "160x96"}, {"size": "192x96"}]
    assert captions(CompareGrid([files[0], files[2]])) == [{"frames": "25"}, {"frames": "13"}]


async def test_a_file_that_knows_less_makes_no_difference(studio, files):
    tasks = [await studio.generate("a fox", seed=seed, **SMALL) for seed in (1, 2)]
    grid = CompareGrid([*tasks, files[0].with_name("nope.mp4")])
    assert captions(grid) == [{"seed": "1"}, {"seed": "2"}, {}]
    assert grid.clips[2]["words"] == "nope.mp4 is not there."
    assert [clip["failed"] for clip in grid.clips] == [False, False, True]


def test_labels_tell_clips_apart_and_are_never_all_the_same(files, tmp_path):
    def labels(*sources):
        return [clip["label"] for clip in CompareGrid(sources).clips]

    assert labels(files[0], files[1]) == ["clip 0.mp4", "clip 1.mp4"]
    folders = [tmp_path / name / "video.mp4" for name in ("a", "b")]
    for path in folders:
        path.parent.mkdir()
        path.write_bytes(mp4())
    assert labels(*folders) == ["a/video.mp4", "b/video.mp4"]
    assert labels(files[0], files[0]) == ["", ""]


def test_the_same_clip_twice_has_two_numbers(files):
    grid = CompareGrid([files[0], files[0]])
    first, second = (clip["id"] for clip in grid.clips)
    assert first != second
    assert ask(grid, first)[1] == ask(grid, second)[1] == [mp4()]
    numbers = [clip["id"] for clip in grid.clips]
    grid.refresh()
    assert [clip["id"] for clip in grid.clips] == numbers


def test_long_prompts_show_the_place_where_they_differ(files):
    start = "word " * 1000
    rows = [
        {"key": str(n), "video_path": str(files[n]), "prompt": f"{start}{animal} {start}"}
        for n, animal in enumerate(("fox", "wolf"))
    ]
    grid = CompareGrid(rows)
    for clip, row, animal in zip(grid.clips, rows, ("fox", "wolf"), strict=True):
        (caption,) = clip["captions"]
        assert animal in caption["text"]
        assert len(caption["text"]) < 310
        assert ask(grid, caption["id"])[1][0].decode() == row["prompt"]


def test_pictures_are_named_by_the_start_of_their_hash(files):
    rows = [
        {"key": str(n), "video_path": str(files[n]), "first_frame": f"inputs/{str(n) * 64}.png"}
        for n in (0, 1)
    ]
    assert captions(CompareGrid(rows)) == [{"first frame": "00000000….png"}, {"first frame": "11111111….png"}]


async def test_tasks_on_their_way_join_when_they_are_done(tmp_path):
    simulator = sw.Simulator(speed=20)
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        tasks = [await studio.submit("a fox", seed=seed, **SMALL) for seed in (1, 2)]
        grid = CompareGrid(tasks)
        assert all(clip["words"].startswith("The task is ") for clip in grid.clips)
        assert captions(grid) == [{"seed": "1"}, {"seed": "2"}]
        await until(lambda: all(clip.get("id") for clip in grid.clips))
        assert all(clip["poster"] for clip in grid.clips)
        await until(lambda: not grid._follower._running)
    simulator.close()


async def test_a_failed_task_is_told_in_its_cell(studio, simulator, files):
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
    task = await studio.submit("a fox", **SMALL)
    grid = CompareGrid([task, files[0]])
    await until(lambda: grid.clips[0]["failed"])
    assert "OutputVideoSensitiveContentDetected" in grid.clips[0]["words"]
    assert grid.clips[1]["id"]


def test_loop_is_a_trait(files):
    assert not CompareGrid(files).loop
    grid = CompareGrid(files, loop=True)
    assert grid.loop
    assert repr(grid) == "CompareGrid(clip 0.mp4, clip 1.mp4, clip 2.mp4, clip 3.mp4)"


# --- how much is saved --------------------------------------------------------------------------------------


def test_saved_state_of_4_is_under_60_kilobytes_and_of_9_too(files, tmp_path):
    noise = str(noisy_clip(tmp_path / "noise.mp4"))
    worst = [{"key": str(n), "video_path": noise, "prompt": f"{n}{HOSTILE}", "seed": n} for n in range(9)]
    for sources in (files, worst[:4], worst):
        grid = CompareGrid(sources)
        assert all(clip["poster"] for clip in grid.clips)
        assert state_bytes(grid) < 60_000
    assert HOSTILE not in json.dumps(grid.get_state())
