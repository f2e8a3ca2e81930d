"""How long tasks take and what expires, as learned from a log."""

from __future__ import annotations

import itertools

import pytest
from task_rows import task_row

from seedance_widgets.following.pace import DEFAULT_SECONDS, LearnedPaces, Life, Pace, Paces
from seedance_widgets.log.expiry import Deadline, deadlines
from seedance_widgets.log.schema import tasks
from seedance_widgets.log.store import Store

SECOND = 1_000_000
NOW = 1_800_000_000
_keys = itertools.count()


def row(seconds=40.0, **columns):
    usual = {
        "model": "seedance-1-5-pro-251215",
        "service_tier": "default",
        "resolution": "720p",
        "duration": 5,
        "frames": 121,
        "kind": "standard",
        "created_at": NOW * SECOND,
        "finished_at": None if seconds is None else int((NOW + seconds) * SECOND),
    }
    return Life(**{**usual, **columns})


@pytest.fixture
def store(tmp_path):
    with_file = Store(tmp_path / "log.sqlite")
    yield with_file
    with_file.close()


def add(store, seconds=40.0, **columns):
    made = {**row(seconds)._asdict(), "status": "succeeded", "file": "saved", "intent_at": NOW * SECOND}
    written = task_row(**{**made, **columns, "key": f"k{next(_keys)}"})
    with store.write() as connection:
        connection.execute(tasks.insert(), written.to_dict())
    return written.key


def test_the_median_of_tasks_of_exactly_this_kind():
    paces = Paces([row(30), row(40), row(90), row(500, resolution="1080p"), row(500, duration=10)])
    assert paces.of(row(None)) == Pace(40.0, 30.0, 90.0, 3, same=True)
    assert paces.of(row(None, duration=10)).usual == 500


def test_other_kinds_of_the_model_stand_in():
    paces = Paces([row(30), row(50)])
    pace = paces.of(row(None, resolution="480p", duration=-1))
    assert (pace.usual, pace.count, pace.same) == (40.0, 2, False)
    assert paces.of(row(None, kind="draft")).same is False
    assert paces.of(row(None, kind="final")).same is True


@pytest.mark.parametrize("other", [{"service_tier": "flex"}, {"model": "seedance-1-0-pro-250528"}])
def test_another_tier_or_model_says_nothing(other):
    pace = Paces([row(30)]).of(row(None, **other))
    assert (pace.count, pace.words) == (0, "")
    assert pace.usual == DEFAULT_SECONDS[other.get("service_tier", "default")]


def test_a_length_in_frames_is_a_kind_of_its_own():
    paces = Paces([row(30, duration=None, frames=29), row(60)])
    assert paces.of(row(None, duration=None, frames=29)).usual == 30


def test_a_task_that_ended_before_it_began_is_no_evidence():
    assert Paces([row(-5), row(None)]).of(row(None)).count == 0


def test_less_than_a_second_counts_as_one():
    assert Paces([row(0)]).of(row(None)).words == "usually 1 s"


def test_the_spread_leaves_the_tails_out():
    pace = Paces([row(40 + n) for n in range(20)] + [row(4000)]).of(row(None))
    assert pace.low == 42
    assert pace.high == 58
    assert pace.usual == 50


@pytest.mark.parametrize(
    ("seconds", "words", "late"),
    [
        ([40], "usually 40 s", 50),
        ([38, 40, 44], "usually 40 s", 50),
        ([30, 60], "usually 45 s", 60),
        ([30, 30, 45, 70, 70], "usually 30 s to 1 min 10 s", 70),
        ([90, 91, 92, 93, 94], "usually 1 min 32 s", 115),
    ],
)
def test_words_promise_no_more_than_was_seen(seconds, words, late):
    pace = Paces([row(each) for each in seconds]).of(row(None))
    assert pace.words == words
    assert pace.late == pytest.approx(late)


def test_learned_from_the_log(store):
    for seconds in (30, 40, 50):
        add(store, seconds)
    add(store, 2, simulated=True)
    add(store, 900, status="failed")
    assert LearnedPaces(store, simulated=False).read().of(row(None)) == Pace(40.0, 30.0, 50.0, 3, same=True)
    assert LearnedPaces(store, simulated=True).read().of(row(None)).usual == 2


def test_newer_tasks_replace_older_ones(store):
    written = [
        task_row(
            **row(400 if n < 300 else 40)._asdict(),
            key=f"n{n}",
            status="succeeded",
            intent_at=(NOW + n) * SECOND,
        ).to_dict()
        for n in range(900)
    ]
    with store.write() as connection:
        connection.execute(tasks.insert(), written)
    pace = LearnedPaces(store, simulated=False).read().of(row(None))
    assert (pace.usual, pace.count) == (40.0, 500)


def test_what_expires(store):
    finished = NOW * SECOND
    add(store, file="none", finished_at=finished - 3600 * SECOND)
    add(store, file="failed", finished_at=finished - 7200 * SECOND)
    add(store, file="failed", finished_at=finished - 25 * 3600 * SECOND)
    add(store, file="none", finished_at=finished, simulated=True)
    week = 7 * 86_400 * SECOND
    add(store, kind="draft", created_at=finished - week + 60 * SECOND)
    add(store, kind="draft", created_at=finished - week - 60 * SECOND)
    promoted = add(store, kind="draft", created_at=finished - 60 * SECOND)
    add(store, kind="final", parent_key=promoted, status="running")
    tried = add(store, kind="draft", created_at=finished - 60 * SECOND)
    add(store, kind="final", parent_key=tried, status="failed")
    assert deadlines(store, NOW, simulated=False) == [
        Deadline("clip", 2, finished + 22 * 3600 * SECOND),
        Deadline("draft", 2, finished + 60 * SECOND),
    ]
    assert [each.count for each in deadlines(store, NOW, simulated=True)] == [1]
    assert deadlines(store, NOW + 8 * 86_400, simulated=False) == []
