"""What `study.results()` is: a DataFrame with every figure, of which a cell shows what answers the question."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

import seedance_widgets as sw
from seedance_widgets.study.judging.rater_model import trials
from seedance_widgets.study.judging.vote_arrays import read_votes
from seedance_widgets.study.making.arm_outcomes import spending_by_arm
from seedance_widgets.study.results.pair_results import results
from seedance_widgets.study.results.results import Results


def judged(arms, criteria=("preference",), items=12, **others):
    """Results of made-up raters, a clip for 0.10 USD, and two of the last arm's failed."""
    model = sw.RaterModel({arm: 2.0 * at for at, arm in enumerate(arms)}, item_sd=0.5, **others)
    shown = trials(
        arms, items=[f"item {at}" for at in range(items)], raters=["ann", "ben"], criteria=criteria
    )
    votes = model.judge(shown, 1)
    clips = pd.DataFrame(
        [
            {"arm": arm, "item": f"item {at}", "seed": 0, "status": "failed" if lost else "succeeded", "usd": 0.1 * (not lost)}
            for arm in arms
            for at in range(items + 2)
            for lost in [arm == arms[-1] and at >= items]
        ]
    )  # fmt: skip
    return Results(results(votes, arms=arms, clips=clips), spending_by_arm(read_votes(votes, arms), clips))


@pytest.fixture(scope="module")
def found():
    return judged(["plain", "camera"])


def test_it_is_a_data_frame_with_every_column(found):
    assert isinstance(found, pd.DataFrame)
    assert len(found.columns) == 49
    plain = pd.DataFrame(found)
    assert type(plain) is pd.DataFrame
    pd.testing.assert_frame_equal(plain, found.copy())
    for made in (
        found[["win_rate", "low"]],
        found.T,
        found.copy(),
        found.query("wins > 0"),
        pd.concat([found] * 2),
    ):
        assert type(made) is pd.DataFrame
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)), found)
    assert repr(pickle.loads(pickle.dumps(found))) == repr(found)


def test_the_answer_comes_first_and_the_figures_are_those_of_the_row(found):
    row = found.iloc[0]
    assert row["significant"]
    first = found.summary
    assert first.startswith("camera is preferred to plain: it wins ")
    assert f"{1 - row['win_rate']:.0%} of decisive votes" in first
    assert f"{1 - row['high']:.0%} to {1 - row['low']:.0%}" in first
    assert repr(found).startswith(first)
    camera, plain = (line for _, line in found.by_arm.iterrows())
    assert (camera["arm"], camera["against"], plain["arm"]) == ("camera", "plain", "plain")
    assert (camera["wins"], plain["wins"], plain["losses"]) == (row["losses"], row["wins"], row["losses"])
    assert [plain[name] for name in ("win_rate", "low", "high")] == pytest.approx(
        [row[name] for name in ("win_rate", "low", "high")]
    )
    assert camera["low"] == pytest.approx(1 - row["high"])
    assert (camera["failed"], plain["failed"]) == (2, 0)
    assert set(found.by_arm["votes"]) == {24}
    pairs_won = 12 * 0.1 / camera["usd_per_win"]
    assert pairs_won == pytest.approx(round(pairs_won))


def test_it_fits_a_screen_and_says_where_the_rest_is(found):
    html, text = found._repr_html_(), repr(found)
    assert html.count("<th>") == 12
    assert max(map(len, text.splitlines())) < 200
    for shown in (html, text):
        assert "49 columns: its .T shows every figure" in shown
        assert "one seed an item" in shown
    assert "<b>camera</b> is preferred to <b>plain</b>" in html


def test_no_difference_is_not_called_one():
    even = judged(["plain", "camera"], items=5)
    assert even.summary.startswith("No difference between ")
    assert " is shown: " in even.summary


def test_several_pairs_and_criteria_each_have_their_answer():
    found = judged(["a", "b", "c"], criteria=("look", "motion"), items=8)
    assert len(found.summary.splitlines()) == len(found) == 6
    assert found.summary.startswith("look: ")
    assert list(found.by_arm["criterion"].unique()) == ["look", "motion"]
    assert len(found.by_arm) == 12
    assert found._repr_html_().count("<th>criterion</th>") == 1


def test_nothing_decisive_is_said():
    ties = judged(["plain", "camera"], ties=1.0)
    assert ties.summary == "No decisive vote on plain and camera."
    assert ties.by_arm["win_rate"].isna().all()
    assert "–" in repr(ties)


def test_whatever_an_arm_is_called_is_text():
    html = judged(["<b>one</b> $", "two $"])._repr_html_()
    assert "&lt;b&gt;one&lt;/b&gt; <span>$</span>" in html
    assert "$" not in html.replace("<span>$</span>", "")


def test_a_column_taken_out_in_place_leaves_a_table_like_any_other():
    found = judged(["plain", "camera"])
    del found["wins"]
    assert repr(found) == repr(pd.DataFrame(found))
    assert found._repr_html_() == pd.DataFrame(found)._repr_html_()
    found["mine"] = 1
    assert found["mine"].tolist() == [1]
