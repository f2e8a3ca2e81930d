"""Clips as inputs: what is taken, what is refused with the way out, and what becomes of a task's own clip."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seedance_widgets as sw

ADDRESS = "https://example.com/clips/fox.mp4?signature=secret"
SMALL = {"resolution": "480p", "ratio": "16:9", "duration": 4}
MODEL = {"model": "seedance-2.0"}


@pytest.mark.parametrize("source", [ADDRESS, "asset://asset-2026", sw.VideoInput(ADDRESS, seconds=4.0)])
def test_an_address_an_id_and_a_clip_of_known_length_are_sent_as_they_are(source):
    request = sw.TaskRequest("a fox", **MODEL, reference_videos=source)
    url = getattr(source, "address", source)
    item = {"type": "video_url", "video_url": {"url": url}, "role": "reference_video"}
    assert request.to_dict()["content"] == [{"type": "text", "text": "a fox"}, item]
    assert request.mode == "reference"
    assert sw.TaskRequest.from_dict(request.to_dict()).to_dict() == request.to_dict()


@pytest.mark.parametrize(
    "source",
    [Path("fox.mp4"), "fox.mp4", "/clips/fox.mp4", "~/fox.mp4", "file:///fox.mp4", b"ftyp", " ", 7,
     "data:video/mp4;base64,AAAA"],
)  # fmt: skip
def test_a_clip_on_this_machine_is_refused_with_the_way_out(source):
    with pytest.raises(sw.InvalidRequest, match="upload it to where the service reaches it") as caught:
        sw.TaskRequest("a fox", **MODEL, reference_videos=[source])
    assert [problem.parameter for problem in caught.value.problems] == ["reference_videos[0]"]
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e9])
def test_a_length_that_is_none_is_refused(seconds):
    with pytest.raises(sw.MediaError, match="no length of a clip"):
        sw.VideoInput(ADDRESS, seconds=seconds)


def test_a_clip_in_extra_is_checked_as_one_that_is_given(studio):
    item = {"type": "video_url", "video_url": {"url": ADDRESS}, "role": "reference_video"}
    request = sw.TaskRequest("a fox", **MODEL, extra={"content": [item]})
    assert request.reference_videos == (sw.VideoInput(ADDRESS),)
    assert request.extra == {}
    with pytest.raises(sw.InvalidRequest, match="at most 3"):
        sw.TaskRequest("a fox", **MODEL, extra={"content": [item] * 4})


# --- the clip of a task ----------------------------------------------------------------------------------


async def test_a_task_is_a_clip_of_known_length_and_the_log_has_its_key(studio):
    first = await studio.generate("a fox", **MODEL, **SMALL)
    second = await studio.generate("again [Video 1]", **MODEL, **SMALL, reference_videos=[first])
    (clip,) = second.request.reference_videos
    assert (clip.seconds, clip.width, clip.height, clip.task) == (4, 864, 496, first.key)
    assert clip.size_bytes == first.video_path.stat().st_size
    row = studio.log.to_pandas().loc[second.key]
    assert json.loads(row["reference_videos"]) == [f"task:{first.key}"]
    assert row["usd"] == sw.estimate(second.request).usd
    assert "signature" not in studio.log.to_pandas().to_csv()
    assert "signature" not in second.row.body


async def test_an_address_is_in_the_table_without_its_query(studio):
    task = await studio.generate("a fox", **MODEL, **SMALL, reference_videos=[ADDRESS, "asset://a-1"])
    shown = json.loads(studio.log.to_pandas().loc[task.key, "reference_videos"])
    assert shown == ["https://example.com/clips/fox.mp4", "asset://a-1"]
    assert task.request.reference_videos[0].address == ADDRESS


async def test_a_request_that_is_sent_again_has_a_link_that_lives(studio):
    first = await studio.generate("a fox", **MODEL, **SMALL)
    second = await studio.generate("again", **MODEL, **SMALL, reference_videos=[first])
    again = await (await studio.task(second.key))
    third = await studio.rerun(again.key)
    (clip,) = third.request.reference_videos
    assert clip.address == first.row.video_url
    assert f"reference_videos=['task:{first.key}']" in second.to_code()
    assert (await third).row.reference_videos == second.row.reference_videos


async def test_a_clip_that_is_not_there_is_refused_before_anything_is_sent(tmp_path, clock, simulator):
    with sw.Studio(tmp_path, simulate=simulator, clock=clock) as studio:
        first = await studio.submit("a fox", **MODEL, **SMALL)
        with pytest.raises(sw.InvalidRequest, match=f"task {first.key} is .* and has no clip"):
            await studio.submit("again", **MODEL, **SMALL, reference_videos=[first])
        with pytest.raises(sw.InvalidRequest, match="no such task"):
            await studio.submit("again", **MODEL, **SMALL, reference_videos=["task:261127-000000-none0"])
        assert len(simulator.tasks()) == 1


async def test_a_link_that_has_expired_is_said_with_the_file_to_upload(tmp_path, clock):
    with sw.Studio(tmp_path, simulate=sw.Simulator(speed=2000, clock=clock), clock=clock) as studio:
        clock.now += 60
        first = await studio.submit("a fox", **MODEL, **SMALL)
        clock.now += 3600
        await first
        clock.now += 25 * 3600
        with pytest.raises(sw.InvalidRequest, match=r"kept the clip .* for 24 hours.* Upload .*video\.mp4"):
            await studio.submit("again", **MODEL, **SMALL, reference_videos=[first])
        # so does a stored request that names it
        with pytest.raises(sw.InvalidRequest, match="24 hours"):
            await studio.submit("again", **MODEL, **SMALL, reference_videos=[f"task:{first.key}"])


async def test_a_task_of_another_home_is_taken_by_its_link(tmp_path, simulator):
    with (
        sw.Studio(tmp_path / "a", simulate=simulator) as one,
        sw.Studio(tmp_path / "b", simulate=simulator) as two,
    ):
        first = await one.generate("a fox", **MODEL, **SMALL)
        second = await two.generate("again", **MODEL, **SMALL, reference_videos=[first])
        assert json.loads(second.row.reference_videos) == [f"task:{first.key}"]
        assert second.status == "succeeded"


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 10**400, True, "4", pd.NA, [4]])
def test_what_is_no_length_is_refused_in_words(seconds):
    with pytest.raises(sw.MediaError, match="is no length of a clip"):
        sw.VideoInput("https://example.com/a.mp4", seconds=seconds)


@pytest.mark.parametrize("seconds", [4, 4.5, np.float64(4.0), np.int64(4)])
def test_any_number_is_a_length(seconds):
    assert sw.VideoInput("https://example.com/a.mp4", seconds=seconds).seconds == seconds
