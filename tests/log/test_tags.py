"""Tags, notes and metrics: written by people, read in the DataFrame, asked for by ``where``."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import seedance_widgets as sw

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}


@pytest.fixture
async def studio(tmp_path):
    with sw.Studio(tmp_path / "runs", simulate=sw.Simulator(speed=2000)) as studio:
        await studio.generate("a fox", tags={"campaign": "spring", "round": 2}, note="the first", **SMALL)
        await studio.generate("an owl", tags={"campaign": "autumn"}, **SMALL)
        await studio.generate("a hen", **SMALL)
        yield studio


async def test_they_are_columns_and_survive_news_of_the_task(studio):
    frame = studio.log.to_pandas()
    assert frame["tags.campaign"].tolist() == ["spring", "autumn", pd.NA]
    assert frame["tags.round"].tolist() == ["2", pd.NA, pd.NA]
    assert frame["note"].tolist() == ["the first", pd.NA, pd.NA]
    first, *others = frame.index
    studio.log.tag(others, campaign="winter")
    studio.log.tag(first, round=None)
    studio.log.note(others[0], "look again")
    studio.log.metric(first, clip_score=0.31, motion=np.float64(2.5))
    studio.log.metric(first, motion=None)
    task = await studio.task(others[0])
    await task.judge("accept")
    frame = studio.log.to_pandas()
    assert frame["tags.campaign"].tolist() == ["spring", "winter", "winter"]
    assert "tags.round" not in frame
    assert frame["note"].tolist() == ["the first", "look again", pd.NA]
    assert frame["metrics.clip_score"].tolist() == [0.31, pd.NA, pd.NA]
    assert "metrics.motion" not in frame
    studio.log.tag(frame[frame["tags.campaign"] == "winter"], campaign="all")
    assert studio.log.to_pandas()["tags.campaign"].tolist() == ["spring", "all", "all"]


async def test_rows_are_asked_for(studio):
    log = studio.log
    keys = list(log.to_pandas().index)
    log.metric(keys[1], clip_score=0.5)
    hour = dt.timedelta(hours=1)
    asked = [
        ({"where": {"status": "succeeded"}}, keys),
        ({"where": {"tags.campaign": "spring"}}, keys[:1]),
        ({"where": {"tags.campaign": ["spring", "autumn"]}}, keys[:2]),
        ({"where": {"tags.campaign": None}}, keys[2:]),
        ({"where": {"metrics.clip_score": 0.5}}, keys[1:2]),
        ({"where": {"prompt": ["a hen", "nothing"], "simulated": True}}, keys[2:]),
        ({"where": {"study": None}, "since": hour}, keys),
        ({"since": "2099-01-01"}, []),
        ({"since": pd.Timestamp.now(tz="Asia/Tokyo") - hour}, keys),
    ]
    for how, found in asked:
        assert list(log.to_pandas(**how).index) == found, how
    frame = log.to_pandas(columns=["prompt", "created_at", "tags.nobody"], timezone=None)
    assert list(frame.columns) == ["prompt", "created_at", "tags.nobody"]
    assert frame["created_at"].dt.tz is None
    assert str(log.to_pandas(timezone="Asia/Tokyo")["created_at"].dt.tz) == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"where": {"statuss": 1}}, "status"),
        ({"where": ["status"]}, "no dict"),
        ({"since": "soon"}, "no moment"),
        ({"columns": ["promt"]}, "no column"),
        ({"timezone": "Moon/Base"}, "timezone"),
    ],
)
async def test_what_cannot_be_asked_is_refused(studio, how, said):
    with pytest.raises(sw.InvalidRequest, match=said):
        studio.log.to_pandas(**how)


async def test_what_cannot_be_written_is_refused_and_changes_nothing(studio):
    before = studio.log.to_pandas()
    key = before.index[0]
    with pytest.raises(sw.InvalidRequest, match="no text, number or date"):
        studio.log.tag(key, campaign=["a"])
    with pytest.raises(sw.InvalidRequest, match="no finite number"):
        studio.log.metric(key, motion=float("nan"))
    with pytest.raises(sw.InvalidRequest, match="no text"):
        studio.log.note(key, 7)
    with pytest.raises(sw.LogError, match="no task 'nobody'"):
        studio.log.tag([key, "nobody"], campaign="x")
    with pytest.raises(sw.InvalidRequest, match="tags"):
        await studio.submit("a fox", tags=["spring"], **SMALL)
    with pytest.raises(sw.InvalidRequest, match="note"):
        await studio.submit("a fox", note=7, **SMALL)
    pd.testing.assert_frame_equal(studio.log.to_pandas(), before)


async def test_a_final_has_the_tags_of_its_draft(tmp_path):
    with sw.Studio(tmp_path / "runs", simulate=sw.Simulator(speed=2000)) as studio:
        draft = {"model": "seedance-1-5-pro", "ratio": "1:1", "duration": 4, "draft": True}
        made = await studio.generate("a fox", tags={"campaign": "spring"}, **draft)
        await made.judge("accept")
        await (await studio.promote(made, "480p"))
        frame = studio.log.to_pandas()
        assert frame["tags.campaign"].tolist() == ["spring", "spring"]
        economics = sw.draft_economics(frame, by="tags.campaign")
        assert "spring" in repr(economics)


async def test_they_are_never_sent(studio):
    answer = await studio.list()
    assert "spring" not in str(answer)
    assert "the first" not in str(answer)
    body = studio.runtime.journal.recent(3)[-1].body
    assert "spring" not in body
