"""Every figure of ``results`` against statsmodels, scipy, krippendorff and choix on random tables of votes."""

from __future__ import annotations

import gc

import choix
import numpy as np
import pandas as pd
import pytest
import study_oracle
from scipy.optimize import linprog

from seedance_widgets.study.judging.rater_model import RaterModel, trials
from seedance_widgets.study.results.bradley_terry import fit_strengths
from seedance_widgets.study.results.pair_results import results

TABLES = 200
EXACT = ("win_rate", "low", "high", "p", "p_adjusted", "sign_wins", "sign_losses", "sign_p", "units", "agreement",
         "half_win_rate", "half_low", "half_high", "half_p", "unit_out_low", "unit_out_high")  # fmt: skip
FITTED = ("side_bias", "side_low", "side_high", "side_p", "bt_win_rate", "bt_low", "bt_high", "bt_p")


def random_votes(number):
    """Unbalanced votes of unlike raters: some trials never answered, some skipped, strong and weak arms."""
    chance = np.random.default_rng(number)
    arms = list("abcd"[: chance.choice([2, 2, 3, 4])])
    model = RaterModel(
        dict(zip(arms, chance.normal(0, 0.7, len(arms)), strict=True)),
        item_sd=float(chance.uniform(0, 2)),
        side_pull=float(chance.normal(0, 0.5)),
        ties=float(chance.uniform(0, 0.5)),
        careless=float(chance.uniform(0, 0.3)),
        seed=number,
    )
    shown = trials(
        arms,
        items=[f"item {at}" for at in range(chance.integers(2, 16))],
        seeds=range(chance.integers(1, 4)),
        raters=["ann", "ben", "cy"][: chance.integers(1, 4)],
        criteria=["look", "motion"][: chance.choice([1, 1, 1, 2])],
        catches=2,
        repeats=2,
        seed=number,
    )
    votes = model.judge(shown, number)
    votes.loc[chance.random(len(votes)) < 0.05, "choice"] = "skip"
    return votes[chance.random(len(votes)) < chance.uniform(0.5, 1)].reset_index(drop=True), arms


@pytest.fixture
def _little_garbage():
    # Holm's adjustment in statsmodels collects garbage each time: not of all that was imported
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_little_garbage")
def test_results_equal_other_libraries_on_random_votes():
    compared = fits = 0
    for number in range(TABLES):
        votes, arms = random_votes(number)
        table = results(votes, arms=arms)
        fitted = not table["side_low"].isna().any()
        rows = {(row["criterion"], row["arm_a"], row["arm_b"]): row for row in table.to_dict("records")}
        for expected in study_oracle.figures(votes, arms, strengths=fitted):
            row = rows[expected["criterion"], expected["arm_a"], expected["arm_b"]]
            for name in EXACT:
                found = np.nan if pd.isna(row[name]) else float(row[name])
                wanted = expected.get(name, found)
                assert found == pytest.approx(wanted, abs=1e-8, nan_ok=True), (number, name)
                compared += not np.isnan(wanted)
            for name in FITTED if fitted else ():
                if name.startswith("bt") and len(arms) == 2:
                    continue
                assert float(row[name]) == pytest.approx(expected[name], abs=1e-4), (number, name)
                fits += 1
    # enough of the tables are rich enough to say something
    assert compared > TABLES * 50
    assert fits > TABLES * 10


def test_leaving_units_out_is_the_same_study_without_them():
    votes, arms = random_votes(4)
    row = results(votes, arms=arms).iloc[0]
    alone = [results(votes[votes["item"] != item], arms=arms).iloc[0] for item in votes["item"].unique()]
    assert row["unit_out_low"] == pytest.approx(min(one["win_rate"] for one in alone), abs=1e-12)
    assert row["unit_out_high"] == pytest.approx(max(one["win_rate"] for one in alone), abs=1e-12)


def random_wins(number, arms=5, votes=400):
    chance = np.random.default_rng(number)
    strength = chance.normal(0, 1, arms)
    left, right = np.array([chance.permutation(arms)[:2] for _ in range(votes)]).T
    won = chance.random(votes) < 1 / (1 + np.exp(strength[right] - strength[left]))
    return left, right, won, chance.integers(0, 12, votes)


def test_strengths_equal_choix_when_sides_cancel():
    # choix knows no sides: with every vote cast on both, the intercept is 0 and the strengths must be its own
    for number in range(20):
        left, right, won, item = random_wins(number)
        both = fit_strengths(np.r_[left, right], np.r_[right, left], np.r_[won, ~won], np.r_[item, item], 5)
        wins = [(a, b) if first else (b, a) for a, b, first in zip(left, right, won, strict=True)]
        assert both.side == pytest.approx(0, abs=1e-9)
        np.testing.assert_allclose(both.logits, choix.ilsr_pairwise(5, wins, max_iter=1000), atol=1e-4)


@pytest.mark.parametrize("votes", [4, 6, 9, 14, 25])
def test_separation_is_found_exactly_where_a_linear_program_finds_it(votes):
    found = {True: 0, False: 0}
    for number in range(60):
        left, right, won, item = random_wins(number, arms=3, votes=votes)
        fit = fit_strengths(left, right, won, item, 3)
        if "confounded" in fit.problems or len(set(fit.group.tolist())) > 1:
            continue
        rows = np.column_stack([np.eye(3)[left] - np.eye(3)[right], np.ones(votes)])[:, 1:]
        towards = rows * np.where(won, 1, -1)[:, None]
        # a direction that no vote speaks against and some vote speaks for
        best = linprog(-towards.sum(axis=0), A_ub=-towards, b_ub=np.zeros(votes), bounds=(-1, 1))
        separated = -best.fun > 1e-9
        assert ("separated" in fit.problems) == separated, number
        found[separated] += 1
    assert found[True] + found[False] > 20
