"""Work that was made elsewhere: what the service has of it, and a table of it."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from tiny_model import register_tiny

import seedance_widgets as sw


@pytest.fixture
def simulator(fresh_catalog):
    register_tiny(fresh_catalog)
    with_state = sw.Simulator(speed=2000)
    yield with_state
    with_state.close()


@pytest.fixture
def studio(tmp_path, simulator):
    with sw.Studio(tmp_path / "ours", simulate=simulator, defaults={"model": "tiny"}) as studio:
        yield studio


@pytest.fixture
async def others(tmp_path, simulator):
    """Four tasks of somebody else on the same account."""
    with sw.Studio(tmp_path / "theirs", simulate=simulator, defaults={"model": "tiny"}) as theirs:
        return [await theirs.generate(f"owl {n}", seed=n, generate_audio=None) for n in range(4)]


# --- at the service --------------------------------------------------------------------------------------


async def test_what_is_elsewhere_is_a_list_before_it_is_taken_in(studio, others):
    own = await studio.generate("a fox")
    spent = studio.spent
    found = await studio.adopt_all()
    assert set(found.tasks.index) == {task.id for task in others}
    assert found.usd == pytest.approx(sum(task.usd for task in others))
    assert "4 tasks not in this log" in repr(found)
    assert "will not count as spent" in repr(found)
    assert others[0].id in found._repr_html_()
    assert len(studio.log.to_pandas()) == 1
    for task in await found.adopt():
        await task
    frame = studio.log.to_pandas()
    assert len(frame) == 5
    assert frame["file"].eq("saved").all()
    assert frame.loc[frame["task_id"] != own.id, "counted"].eq(False).all()
    assert frame["usd"].sum() == pytest.approx(found.usd + spent)
    assert studio.spent == spent
    again = await studio.adopt_all()
    assert len(again) == 0
    assert "no task that is in no row" in repr(again)


async def test_what_is_to_be_counted_is(studio, others):
    found = await studio.adopt_all(count=True)
    assert "will count as spent" in repr(found)
    for task in await found.adopt():
        await task
    assert studio.spent == pytest.approx(sum(task.usd for task in others))


async def test_a_part_of_it(studio, others):
    assert len(await studio.adopt_all(model="tiny")) == 4
    assert len(await studio.adopt_all(model="seedance-1-0-pro")) == 0
    assert len(await studio.adopt_all(since=dt.timedelta(hours=1))) == 4
    assert len(await studio.adopt_all(since=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))) == 0
    for wrong in ({"model": "sedance"}, {"since": "one day"}):
        with pytest.raises(sw.InvalidRequest):
            await studio.adopt_all(**wrong)


async def test_what_may_be_a_lost_one_of_ours_is_left_out_and_named(studio, others, simulator):
    simulator.faults.break_after(500)
    with pytest.raises(sw.OutcomeUnknown):
        await studio.submit("a fox", seed=7, execution_expires_after=172_800)
    key = studio.log.to_pandas().index[0]
    found = await studio.adopt_all()
    assert len(found) == 0
    assert len(found.left_out) == 5
    assert all(key in why for why in found.left_out.values())
    assert f"may be that of task {key}" in repr(found)
    assert len(studio.log.to_pandas()) == 1


# --- in a table ------------------------------------------------------------------------------------------


def year():
    return pd.DataFrame(
        {
            "model": "seedance-1-5-pro",
            "prompt": ["a fox", "an owl", None],
            "created_at": [
                "2025-11-01",
                pd.Timestamp("2025-11-02 10:00", tz="UTC"),
                dt.datetime(2025, 11, 3, tzinfo=dt.UTC),
            ],
            "usd": [0.25, 0.5, 0.0],
            "tokens": [100, 200, None],
            "status": ["succeeded", "succeeded", "failed"],
            "seed": [1, 2, 3],
            "generate_audio": [True, False, True],
            "tags.campaign": ["spring", None, "autumn"],
            "metrics.clip_score": [0.5, 1, None],
        }
    )


async def test_a_table_of_other_work_is_in_the_log_and_not_counted(studio):
    studio.budget_usd = 1
    keys = studio.log.add(year())
    frame = studio.log.to_pandas()
    assert list(frame.index) == keys
    assert frame["usd"].to_list() == [0.25, 0.5, 0.0]
    assert frame["created_at"].dt.day.to_list() == [1, 2, 3]
    assert frame["tags.campaign"].fillna("").to_list() == ["spring", "", "autumn"]
    assert frame["metrics.clip_score"].to_list()[:2] == [0.5, 1.0]
    assert frame["counted"].eq(False).all()
    assert (studio.spent, studio.left) == (0.0, 1.0)
    assert repr(await studio.resume()) == "nothing was left to do"
    assert sw.draft_economics(frame) is not None


async def test_a_log_that_was_written_is_added_to_another(studio, others, tmp_path):
    source = sw.Studio(tmp_path / "theirs", simulate=True)
    written = source.log.to_csv(tmp_path / "theirs.csv")
    source.close()
    added = studio.log.add(sw.read_log(written))
    frame = studio.log.to_pandas()
    assert list(frame.index) == added == [task.key for task in others]
    assert frame["usd"].to_list() == [task.usd for task in others]
    assert frame["file"].eq("expired").all()
    assert studio.spent == 0
    assert repr(await studio.resume()) == "nothing was left to do"


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"modle": "x"}, "column"),
        ({"usd": -1.0}, "row 0: usd"),
        ({"usd": float("inf")}, "row 0: usd"),
        ({"tokens": "many"}, "row 0: tokens"),
        ({"status": "done"}, "row 0: status"),
        ({"created_at": "some day"}, "row 0: created_at"),
        ({"created_at": None}, "column"),
        ({"status": "running"}, "row 0: status"),
        ({"generate_audio": "yes"}, "row 0: generate_audio"),
        ({"key": "same"}, "key"),
    ],
)
def test_what_cannot_be_a_row_is_refused_whole(studio, change, parameter):
    with pytest.raises(sw.InvalidRequest, match="nothing was added") as caught:
        studio.log.add(year().assign(**change))
    assert parameter in {problem.parameter for problem in caught.value.problems}
    assert len(studio.log.to_pandas()) == 0


def test_a_key_that_is_there_is_refused(studio):
    keys = studio.log.add(year())
    with pytest.raises(sw.InvalidRequest, match="the log has it already"):
        studio.log.add(year().assign(key=["a", keys[1], "b"]))
    assert len(studio.log.to_pandas()) == 3


def test_a_table_without_what_is_needed_is_refused(studio):
    with pytest.raises(sw.InvalidRequest, match="column=.?model"):
        studio.log.add([{"prompt": "a fox", "created_at": "2025-11-01"}])
    assert studio.log.add([]) == []
