"""The one procedure at its edges, and as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_widgets.study.results.win_rates import leaving_out_each, sign_test, win_rates

votes_by_item = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=40).filter(
    lambda items: any(sum(item) for item in items)
)


def rates(items):
    wins, losses = np.array(items, dtype=float).T
    return win_rates(wins, losses)


@given(votes_by_item)
def test_interval_and_p_value_never_disagree(items):
    found = rates(items)
    assert 0 <= found.low <= found.rate <= found.high <= 1
    assert (found.p < 0.05) == (not found.low <= 0.5 <= found.high) or found.p == pytest.approx(0.05)
    assert found.items - 1e-9 <= found.effective <= np.sum(items) + 1e-9


@given(votes_by_item)
def test_the_other_arm_has_the_mirrored_figures(items):
    found, other = rates(items), rates([pair[::-1] for pair in items])
    assert other.rate == pytest.approx(1 - found.rate)
    assert (other.low, other.high) == (pytest.approx(1 - found.high), pytest.approx(1 - found.low))
    assert other.p == pytest.approx(found.p)


@given(votes_by_item.filter(lambda items: sum(map(any, items)) < 6))
def test_fewer_than_six_items_are_never_significant(items):
    found = rates(items)
    assert found.p > 0.05
    assert found.low < 0.5 < found.high


@pytest.mark.parametrize("votes", [1, 10])
def test_six_items_of_one_mind_are_significant_by_both_tests(votes):
    assert rates([(votes, 0)] * 6).p < 0.05
    assert sign_test(6, 0) < 0.05
    assert rates([(votes, 0)] * 5).p > 0.05
    assert sign_test(5, 0) > 0.05


@pytest.mark.parametrize(("pair", "rate"), [((4, 0), 1.0), ((0, 4), 0.0)])
def test_a_rate_of_0_or_1_has_an_interval_that_shrinks_with_items(pair, rate):
    widths = [found.high - found.low for found in (rates([pair] * items) for items in (6, 12, 30, 100))]
    assert rates([pair] * 12).rate == rate
    assert sorted(widths, reverse=True) == widths
    assert 0 < widths[-1] < 0.05
    assert 0.4 < widths[0] < 0.6


def test_votes_on_one_item_are_no_substitute_for_items():
    # 8 items of 12 decide all their votes for one arm: the same study, however often each is asked
    for votes in (1, 5, 50):
        found = rates([(votes, 0)] * 8 + [(0, votes)] * 4)
        assert found.effective == pytest.approx(12)
        assert found.p > 0.2
    # where all items are alike, votes do count
    assert rates([(7, 3)] * 12).effective > 60


def test_an_item_with_many_votes_weighs_no_more_than_another():
    assert rates([(1, 0), (0, 100)]).rate == 0.5


@given(votes_by_item)
def test_leaving_out_each_is_the_same_without_it(items):
    wins, losses = np.array(items, dtype=float).T
    out = leaving_out_each(wins, losses)
    for at, item in enumerate(items):
        rest = items[:at] + items[at + 1 :]
        if not any(item):
            assert np.isnan(out.rate[at])
        elif any(sum(other) for other in rest):
            again = rates(rest)
            assert out.rate[at] == pytest.approx(float(again.rate))
            assert out.p[at] == pytest.approx(float(again.p), abs=1e-6)


def test_without_a_decisive_vote_nothing_is_claimed():
    found = win_rates(np.zeros(8), np.zeros(8))
    assert np.isnan([found.rate, found.low, found.high, found.p]).all()
    assert np.isnan(sign_test(0, 0))
