"""When to look next: how many looks a task costs, and how late its end is seen."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_widgets.following.pace import Life, Pace, Paces, Rhythm, rhythm_of
from seedance_widgets.modelark.client import Spacing

SECOND = 1_000_000
UNKNOWN = Pace(60.0, 60.0, 60.0, 0, same=False)
LIFE = Life("seedance-1-5-pro-251215", "default", "720p", 5, 121, "standard")
SPREADS = {
    "uniform": lambda chance: chance.uniform(20, 90),
    "narrow": lambda chance: chance.uniform(58, 62),
    "lognormal 0.3": lambda chance: chance.lognormvariate(math.log(60), 0.3),
    "lognormal 0.5": lambda chance: chance.lognormvariate(math.log(60), 0.5),
}


def learned(seconds):
    return Paces([LIFE._replace(finished_at=round(each) * SECOND) for each in seconds]).of(LIFE)


def looks(rhythm, life):
    """Ages at which a task is looked at, up to the first look that finds it ended."""
    ages = [rhythm.pause(0.0)]
    while ages[-1] < life:
        ages.append(ages[-1] + rhythm.pause(ages[-1]))
    return ages


@pytest.mark.parametrize("spread", SPREADS)
def test_twenty_of_a_kind_make_a_task_cheap_and_its_end_soon_known(spread):
    chance = random.Random(7)
    delays, costs = [], []
    for _ in range(200):
        rhythm = rhythm_of(learned([SPREADS[spread](chance) for _ in range(20)]), "default")
        costs.append(len(looks(rhythm, 60.0)))
        lives = [SPREADS[spread](chance) for _ in range(10)]
        delays += [looks(rhythm, life)[-1] - life for life in lives]
    # twenty are few: now and then they were all quicker, and 60 s is late
    assert statistics.fmean(costs) <= 25
    assert statistics.quantiles(costs, n=10)[-1] <= 30
    assert statistics.fmean(delays) <= 1.5


@pytest.mark.parametrize(
    ("pace", "tier", "step"),
    [
        (None, "default", 2.0),
        (UNKNOWN, "default", 2.0),
        (Pace(40.0, 30.0, 50.0, 4, same=True), "default", 2.0),
        (Pace(40.0, 30.0, 50.0, 100, same=False), "default", 2.0),
        (UNKNOWN, "flex", 10.0),
    ],
)
def test_where_too_little_is_known_looks_are_even(pace, tier, step):
    rhythm = rhythm_of(pace, tier)
    assert {rhythm.pause(age) for age in range(100)} == {step}


def test_a_few_early_looks_then_none_until_a_little_before_the_earliest_usual_end():
    rhythm = rhythm_of(Pace(3600.0, 1800.0, 5400.0, 20, same=True), "flex")
    early = [age for age in looks(rhythm, 3600.0) if age < 60]
    assert early == pytest.approx([5, 15, 45])
    assert looks(rhythm, 3600.0).index(1350) < 60
    rhythm = rhythm_of(Pace(60.0, 40.0, 80.0, 20, same=True), "default")
    assert looks(rhythm, 40)[:4] == pytest.approx([3, 9, 27, 35])


def test_looks_are_densest_where_most_of_the_rest_ends():
    rhythm = rhythm_of(Pace(300.0, 200.0, 400.0, 20, same=True), "default")
    assert rhythm.pause(180) > rhythm.pause(250) > rhythm.pause(350) < rhythm.pause(500)


def test_the_tail_grows_with_how_late_a_task_is():
    rhythm = rhythm_of(Pace(60.0, 40.0, 80.0, 20, same=True), "default")
    assert rhythm.pause(90) == pytest.approx(rhythm.pause(79) + 0.5)
    assert rhythm.pause(180) == pytest.approx(rhythm.pause(79) + 5)
    assert rhythm.pause(10_000) == 30


def test_a_pace_of_the_quickest_alone_costs_the_others_little():
    """The first five of a batch have ended; the rest takes as long as it takes."""
    chance = random.Random(5)
    lives = sorted(chance.lognormvariate(math.log(60), 0.4) for _ in range(100))
    rhythm = rhythm_of(learned(lives[:5]), "default")
    delays = [looks(rhythm, life)[-1] - life for life in lives[5:]]
    assert statistics.fmean(delays) <= 0.05 * statistics.fmean(lives) + 1


@pytest.mark.parametrize("tier", ["default", "flex"])
def test_many_in_one_call_are_looked_at_more_often_but_never_below_the_shortest(tier):
    rhythm = rhythm_of(UNKNOWN, tier)
    assert rhythm.pause(300, 4) == rhythm.pause(300) / 2
    assert rhythm.pause(0, 200) == {"default": 1.0, "flex": 5.0}[tier]


def test_everything_follows_the_scale_except_what_was_learned_at_that_speed():
    slow, fast = rhythm_of(UNKNOWN, "default"), rhythm_of(UNKNOWN, "default", 0.1)
    assert [fast.pause(age / 10) for age in range(500)] == pytest.approx(
        [slow.pause(age) / 10 for age in range(500)]
    )
    known = Pace(60.0, 40.0, 80.0, 20, same=True)
    quick = Pace(6.0, 4.0, 8.0, 20, same=True)
    slow, fast = rhythm_of(known, "default"), rhythm_of(quick, "default", 0.1)
    assert [fast.pause(age / 10) for age in range(500)] == pytest.approx(
        [slow.pause(age) / 10 for age in range(500)]
    )


@given(
    st.lists(st.integers(0, 100_000), min_size=1, max_size=40),
    st.sampled_from(["default", "flex", "odd"]),
    st.floats(0, 1e6),
    st.integers(1, 500),
)
def test_no_pause_is_out_of_bounds(seconds, tier, age, together):
    rhythm = rhythm_of(learned(seconds), tier)
    assert rhythm.shortest <= rhythm.pause(age, together) <= 30
    # no look leaps over the moment from which looks are dense
    if age < rhythm.begin:
        assert age + rhythm.pause(age, together) <= rhythm.begin + rhythm.shortest


def test_a_rhythm_is_a_plain_value():
    assert rhythm_of(None, "default") == Rhythm(0.0, ((120.0, 2.0),), 3.0, 1.0, 30.0)


@given(st.lists(st.floats(0, 3), min_size=2, max_size=200), st.sampled_from([1.0, 20.0]))
def test_starts_are_never_closer_than_the_service_allows(waits, rate):
    spacing, now, starts = Spacing(rate), 0.0, []
    for wait in waits:
        now += wait
        starts.append(spacing.take(now))
        assert starts[-1] >= now
    assert all(later - earlier >= 1 / rate for earlier, later in itertools.pairwise(starts))


def test_a_hold_lets_nobody_start_before_it_ends():
    spacing = Spacing(1.0)
    spacing.hold(50.0)
    spacing.hold(20.0)
    assert spacing.take(3.0) == 50
    assert spacing.take(3.0) > 51
