"""Simulated studies with a known truth: how often the interval holds it, and how often chance is significant.

The true rate is the mean over items that a decisive vote on an item goes to the first arm. Items differ with a
standard deviation of 1 logit; each gets ten votes, 5 seeds by 2 raters. Beside it, what pooling the votes as if
independent would have said. Run with ``-s`` to see the table.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from seedance_widgets.study.judging.rater_model import RaterModel, trials
from seedance_widgets.study.results.pair_results import results

CASES = [(rate, items) for rate in (0.5, 0.65, 0.8) for items in (12, 30)]


def simulated(rate, items, studies):
    """Coverage, mean width and share significant: of ``results``, and of pooled votes."""
    model = RaterModel.with_rate(rate, ("a", "b"))
    shown = trials(["a", "b"], items=range(items), seeds=range(5), raters=("ann", "ben"))
    ours, pooled = [], []
    for number in range(studies):
        row = results(replace(model, seed=number).judge(shown, number)).iloc[0]
        ours.append((row["low"], row["high"], row["p"]))
        test = stats.binomtest(int(row["wins"]), int(row["decisive"]))
        low, high = test.proportion_ci(method="wilson")
        pooled.append((low, high, test.pvalue))
    return [
        {
            "coverage": ((found[:, 0] <= rate) & (rate <= found[:, 1])).mean(),
            "width": (found[:, 1] - found[:, 0]).mean(),
            "significant": (found[:, 2] < 0.05).mean(),
        }
        for found in (np.array(ours, dtype=float), np.array(pooled, dtype=float))
    ]


def checked(rate, items, studies, slack):
    ours, pooled = simulated(rate, items, studies)
    for name, found in (("by item", ours), ("pooled", pooled)):
        print(
            f"{rate:4} {items:3} items, {name:7}: coverage {found['coverage']:.3f}, "
            f"width {found['width']:.3f}, significant {found['significant']:.3f}"
        )
    assert ours["coverage"] >= 0.93 - slack
    # what makes the interval honest is that it is wider, not that it is endless
    assert pooled["width"] < ours["width"] < 2 * pooled["width"]
    if rate == 0.5:
        assert ours["significant"] <= 0.06 + slack
        assert pooled["significant"] > 0.12


@pytest.mark.parametrize(("rate", "items"), CASES)
def test_intervals_hold_the_truth(rate, items):
    # two standard errors of a share near 0.06 in 80 studies
    checked(rate, items, studies=80, slack=0.053)


@pytest.mark.soak
@pytest.mark.parametrize(("rate", "items"), CASES)
def test_intervals_hold_the_truth_in_many_studies(rate, items):
    checked(rate, items, studies=2_000, slack=0)


@pytest.mark.soak
@pytest.mark.parametrize("items", [12, 30])
def test_strengths_hold_the_truth_too(items):
    model = RaterModel({"a": 0.0, "b": 0.5, "c": 1.2}, side_pull=0.3)
    shown = trials(list(model.strengths), items=range(items), seeds=(1, 2), raters=("ann", "ben"))
    within = []
    for number in range(1_000):
        table = results(replace(model, seed=number).judge(shown, number)).dropna(subset=["bt_low"])
        true = [model.win_rate(*arms) for arms in zip(table["arm_a"], table["arm_b"], strict=True)]
        within += list((table["bt_low"] <= true) & (true <= table["bt_high"]))
    print(f"{items} items, Bradley-Terry of three arms: coverage {np.mean(within):.3f} of {len(within)}")
    assert len(within) > 2_900
    assert np.mean(within) >= 0.93
