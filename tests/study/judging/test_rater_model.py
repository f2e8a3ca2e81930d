"""The simulated rater does what it says it does, and a rehearsal can be repeated."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import seedance_widgets as sw
from seedance_widgets.study.judging.rater_model import RaterModel, trials

MANY = {"items": range(4_000), "seeds": (0,)}


def shares(votes):
    return votes["choice"].value_counts(normalize=True)


def first_wins(votes, arm):
    decisive = votes[votes["choice"].isin(["left", "right"])]
    return ((decisive["choice"] == "left") == (decisive["arm_left"] == arm)).mean()


@pytest.mark.parametrize("rate", [0.5, 0.65, 0.8])
@pytest.mark.parametrize("others", [{}, {"side_pull": 0.5, "ties": 0.3, "careless": 0.2, "item_sd": 2.0}])
def test_the_true_win_rate_is_the_mean_over_items(rate, others):
    model = RaterModel.with_rate(rate, ("a", "b"), **others)
    assert model.win_rate("a", "b") == pytest.approx(rate, abs=1e-9)
    assert model.win_rate("b", "a") == pytest.approx(1 - rate, abs=1e-9)
    # three standard errors of a share of 4,000
    assert first_wins(model.judge(trials(["a", "b"], **MANY), 1), "a") == pytest.approx(rate, abs=0.026)


def test_a_rate_that_careless_answers_forbid_is_refused():
    with pytest.raises(sw.InvalidStudy):
        RaterModel.with_rate(0.99, ("a", "b"), careless=0.5)


def test_the_first_of_several_arms_has_the_rate_against_each_of_the_others():
    model = RaterModel.with_rate(0.7, ("a", "b", "c"))
    assert model.win_rate("a", "b") == pytest.approx(0.7)
    assert model.win_rate("a", "c") == pytest.approx(0.7)
    assert model.win_rate("b", "c") == pytest.approx(0.5)


@pytest.mark.parametrize(
    "wrong", [{"ties": 1.2}, {"careless": -0.1}, {"item_sd": -1}, {"seconds": 0}, {"ties": float("nan")}]
)
def test_a_rater_that_cannot_be_is_refused(wrong):
    with pytest.raises(sw.InvalidStudy, match=next(iter(wrong))):
        sw.RaterModel({"a": 0.0, "b": 0.0}, **wrong)


def test_ties_and_the_pull_of_a_side_are_as_set():
    votes = RaterModel({"a": 0, "b": 0}, item_sd=0, ties=0.3, side_pull=1.0).judge(
        trials(["a", "b"], **MANY), 1
    )
    assert shares(votes)["tie"] == pytest.approx(0.3, abs=0.025)
    assert shares(votes)["left"] == pytest.approx(0.7 * 0.731, abs=0.025)


def test_twice_the_same_clip_is_a_tie_unless_careless():
    shown = trials(["a", "b"], **MANY, catches=2_000)
    shown = shown[shown["kind"] == "catch"]
    assert set(RaterModel({"a": 0, "b": 1}).judge(shown, 1)["choice"]) == {"tie"}
    careless = RaterModel({"a": 0, "b": 1}, careless=0.3).judge(shown, 1)
    assert shares(careless)["tie"] == pytest.approx(0.8, abs=0.03)


def test_raters_agree_on_what_an_item_does_to_an_arm():
    model = RaterModel({"a": 0, "b": 0}, item_sd=4)
    shown = trials(["a", "b"], items=range(300), raters=["ann", "ben"])
    votes = model.judge(shown, 1)
    a_won = (votes["choice"] == "left") == (votes["arm_left"] == "a")
    table = a_won.groupby([votes["rater"], votes["item"]]).first().unstack(level=0)  # noqa: PD010 - no values to pivot
    assert (table["ann"] == table["ben"]).mean() > 0.7
    # and one trial at a time is judged like the whole
    alone = [model._strength(item, "a") for item in range(300)]
    assert alone == [replace(model)._strength(item, "a") for item in range(300)]
    assert alone != [replace(model, seed=1)._strength(item, "a") for item in range(300)]


def test_a_rehearsal_can_be_repeated():
    model = RaterModel({"a": 0.3, "b": 0}, ties=0.1)
    shown = trials(["a", "b"], items=range(10), catches=2, repeats=2, seed=4)
    pd.testing.assert_frame_equal(shown, trials(["a", "b"], items=range(10), catches=2, repeats=2, seed=4))
    pd.testing.assert_frame_equal(model.judge(shown, 1), replace(model).judge(shown, 1))
    assert not model.judge(shown, 1)["choice"].equals(model.judge(shown, 2)["choice"])


def test_trials_are_balanced_and_complete():
    shown = trials(["a", "b", "c"], items=["i", "j", "k"], seeds=[1, 2], raters=["ann", "ben"], criteria=["x", "y"],
                   catches=1, repeats=2)  # fmt: skip
    real = shown[shown["kind"] == "real"]
    assert len(real) == 3 * 3 * 2 * 2 * 2
    pairs = real[["arm_left", "arm_right"]].apply(lambda row: "".join(sorted(row)), axis=1)
    assert pairs.value_counts().tolist() == [24] * 3
    left = real.groupby(["rater", pairs])["arm_left"].value_counts()
    assert set(left) == {6}
    again = shown[shown["kind"] == "repeat"].merge(real, on=["rater", "item", "seed", "criterion"])
    swapped = (again["arm_left_x"] == again["arm_right_y"]) & (again["arm_right_x"] == again["arm_left_y"])
    assert swapped.groupby([again["rater"], again["criterion"]]).sum().tolist() == [2] * 4
    assert (shown["kind"] == "catch").sum() == 4
