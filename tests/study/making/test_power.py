"""Plans against the exact test, and against simulated studies whose items differ in another way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import seedance_widgets as sw
from seedance_widgets.study.judging.rater_model import RaterModel, trials
from seedance_widgets.study.making.power import decisive_pairs, design_effect, plan, sign_test_power
from seedance_widgets.study.results.pair_results import results
from seedance_widgets.study.results.win_rates import sign_test, win_rates

# win rate, power asked, ties, seeds, raters
SETTINGS = [(0.65, 0.8, 0.2, 1, 1), (0.8, 0.9, 0.1, 1, 1), (0.65, 0.8, 0.2, 2, 2), (0.8, 0.8, 0.1, 2, 2), (0.7, 0.9, 0.0, 1, 2)]  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "pairs"),
    [(0.55, 820), (0.60, 210), (0.65, 97), (0.70, 54), (0.75, 35), (0.80, 23), (0.90, 12)],
)
def test_decisive_pairs_for_a_power_of_80_percent(rate, pairs):
    assert decisive_pairs(rate) == decisive_pairs(1 - rate) == pairs


@pytest.mark.parametrize(
    ("wins", "pairs"), [(6, 6), (9, 10), (15, 20), (21, 30), (33, 50), (61, 100), (115, 200)]
)
def test_wins_that_are_just_significant(wins, pairs):
    assert sign_test(wins, pairs - wins) < 0.05 <= sign_test(wins - 1, pairs - wins + 1)


def test_power_is_that_of_the_binomial_test():
    for pairs, rate in ((5, 0.9), (12, 0.9), (23, 0.8), (54, 0.7)):
        significant = [k for k in range(pairs + 1) if stats.binomtest(k, pairs).pvalue <= 0.05]
        expected = stats.binom.pmf(significant, pairs, rate).sum()
        assert sign_test_power(np.array([pairs]), rate)[0] == pytest.approx(expected, abs=1e-12)


def test_a_price_tag_as_in_the_method_notes():
    found = plan(win_rate=0.65, power=0.8, ties=0.2)
    assert (found.decisive, found.pairs, found.clips) == (97, 122, 244)
    assert found.wins_needed == 59
    assert repr(found).startswith("122 items x 1 seed, 122 pairs, 244 clips; ")
    assert sign_test(59, 38) < 0.05 < sign_test(58, 39)


def test_votes_on_one_item_are_worth_less():
    assert design_effect(4, 0.2) == pytest.approx(1.6)
    alone, together = plan(0.65, icc=0.2), plan(0.65, icc=0.2, seeds=2, raters=2)
    assert together.items < alone.items
    assert together.votes >= 97 * 1.6
    assert (together.pairs, together.clips) == (2 * together.items, 4 * together.items)
    # an item that decides all its votes has one vote
    assert plan(0.7, icc=1, raters=5).items >= alone.decisive / 2
    assert plan(0.7, icc=1, raters=5).items >= plan(0.7, icc=0.2, raters=5).items * 2


def test_more_comparisons_need_more_items():
    assert plan(0.65, arms=3).decisive > plan(0.65).decisive
    assert plan(0.65, arms=3).clips == 3 * plan(0.65, arms=3).items
    assert plan(0.65, criteria=3).decisive == plan(0.65, arms=3).decisive


def test_fewer_than_six_items_are_said_to_be_of_no_use():
    found = plan(0.9, items=5, seeds=4)
    assert found.power == 0
    assert "never" in repr(found)
    assert plan(1.0, icc=0, raters=50).items == 6
    enough = plan(0.65, items=500)
    assert enough.notes == ()
    assert enough.power > 0.99


@pytest.mark.parametrize(
    "wrong",
    [
        {"win_rate": 0.5},
        {"win_rate": 1.2},
        {"power": 1},
        {"ties": 1},
        {"icc": -0.1},
        {"seeds": 0},
        {"arms": 1},
    ],
)
def test_plans_that_make_no_sense_are_refused(wrong):
    with pytest.raises(sw.InvalidStudy):
        plan(**{"win_rate": 0.65, **wrong})


def intraclass(model, rate):
    """How alike decisive votes on an item are, from rates drawn for many items."""
    normal = np.random.default_rng(1).standard_normal(400_000)
    own = 1 / (1 + np.exp(-model.strengths["a"] - model.item_sd * normal))
    return own.var() / (rate * (1 - rate)), own


@pytest.mark.parametrize(("rate", "power", "ties", "seeds", "raters"), SETTINGS)
def test_the_stated_power_is_met(rate, power, ties, seeds, raters):
    model = RaterModel.with_rate(rate, ("a", "b"))
    icc, own = intraclass(model, rate)
    found = plan(rate, power, ties=ties, icc=icc, seeds=seeds, raters=raters)
    chance = np.random.default_rng(2)
    decisive = chance.binomial(seeds * raters, 1 - ties, (4_000, found.items))
    wins = chance.binomial(decisive, chance.choice(own, decisive.shape)).astype(float)
    met = (win_rates(wins, decisive - wins).p < 0.05).mean()
    assert found.power >= power
    assert met == pytest.approx(found.power, abs=0.03)


@pytest.mark.soak
@pytest.mark.parametrize(("rate", "power", "ties", "seeds", "raters"), SETTINGS)
def test_the_stated_power_is_met_by_whole_studies(rate, power, ties, seeds, raters):
    model = RaterModel.with_rate(rate, ("a", "b"), ties=ties)
    found = plan(rate, power, ties=ties, icc=intraclass(model, rate)[0], seeds=seeds, raters=raters)
    shown = trials(["a", "b"], items=range(found.items), seeds=range(seeds), raters=range(raters))
    met = np.mean([
        results(replace(model, seed=number).judge(shown, number)).loc[0, "significant"] for number in range(2_000)
    ])  # fmt: skip
    assert met == pytest.approx(found.power, abs=0.03)
