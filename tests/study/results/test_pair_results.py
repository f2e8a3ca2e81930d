"""What the tables of a study say, on small studies whose answer can be counted by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import seedance_widgets as sw
from seedance_widgets.study.judging.agreement import raters
from seedance_widgets.study.judging.rater_model import RaterModel, trials
from seedance_widgets.study.judging.vote_arrays import read_votes
from seedance_widgets.study.making.arm_outcomes import spending_by_arm
from seedance_widgets.study.results.pair_results import results
from seedance_widgets.study.results.standings import strengths

COLUMNS = ["rater", "item", "seed", "arm_left", "arm_right", "choice"]


def votes(*rows, **columns):
    return pd.DataFrame(rows, columns=COLUMNS).assign(**columns)


def duels(winners, rater="ann", seed=1):
    """One vote an item: which of plain and camera won it, or a tie; the left side is plain on even items."""
    rows = []
    for number, winner in enumerate(winners):
        left, right = ("plain", "camera") if number % 2 == 0 else ("camera", "plain")
        choice = winner if winner in {"tie", "skip"} else "left" if winner == left else "right"
        rows.append((rater, f"item {number}", seed, left, right, choice))
    return votes(*rows)


def clip_table(*rows):
    return pd.DataFrame(rows, columns=["arm", "item", "seed", "status", "usd"])


def test_wins_ties_and_skips_are_counted():
    table = results(duels(["camera"] * 7 + ["plain"] * 2 + ["tie"] * 2 + ["skip"]))
    row = table.iloc[0]
    assert (row["arm_a"], row["arm_b"], row["criterion"]) == ("camera", "plain", "preference")
    assert [row[name] for name in ("votes", "wins", "losses", "ties", "decisive", "skips")] == [
        11,
        7,
        2,
        2,
        9,
        1,
    ]
    assert row["win_rate"] == pytest.approx(7 / 9)
    assert row["half_win_rate"] == pytest.approx(8 / 11)
    assert row["tie_rate"] == pytest.approx(2 / 11)
    assert (row["sign_wins"], row["sign_losses"]) == (7, 2)
    assert row["sign_p"] == pytest.approx(0.1796875)
    assert "1 skipped" in row["notes"]
    assert len(table) == 1


def test_arms_name_pairs_in_the_order_given_and_all_pairs_have_a_row():
    cast = duels(["camera"] * 6)
    assert results(cast, arms=["plain", "camera"]).loc[0, "win_rate"] == 0.0
    table = results(cast, arms=["plain", "camera", "third"])
    assert list(zip(table["arm_a"], table["arm_b"], strict=True)) == [
        ("plain", "camera"), ("plain", "third"), ("camera", "third"),
    ]  # fmt: skip
    assert table.loc[1, "votes"] == 0
    assert pd.isna(table.loc[1, "win_rate"])


def test_only_real_votes_count():
    real = duels(["camera"] * 6)
    repeats = duels(["plain"] * 6).assign(kind="repeat")
    catch = votes(("ann", "item 0", 1, "plain", "plain", "left"), kind="catch")
    row = results(pd.concat([real.assign(kind="real"), repeats, catch])).iloc[0]
    assert (row["wins"], row["losses"]) == (6, 0)
    assert row["catch_accuracy"] == 0
    assert row["repeat_consistency"] == 0


def test_a_repeat_with_its_sides_swapped_is_held_against_the_arm_and_not_the_side():
    real = votes(("ann", "i", 1, "a", "b", "left"), ("ann", "j", 1, "a", "b", "tie"), kind="real")
    again = votes(("ann", "i", 1, "b", "a", "right"), ("ann", "j", 1, "b", "a", "left"), kind="repeat")
    table = raters(pd.concat([real, again]))
    assert table.loc["ann", "repeats"] == 2
    assert table.loc["ann", "repeat_consistency"] == 0.5
    assert table.loc["ann", "left_rate"] == 1


def test_fewer_than_six_items_are_said_to_never_reach_significance():
    five = results(duels(["camera"] * 5)).loc[0]
    assert "never" in five["notes"]
    assert not five["significant"]
    six = results(duels(["camera"] * 6)).loc[0]
    assert "never" not in six["notes"]
    assert six["significant"]
    # and each of the six decides
    assert six["unit_out_flips"] == 6
    assert "any one of 6 items changes the verdict" in six["notes"]


def test_without_items_the_seed_is_what_counts_and_this_is_said():
    rows = [("ann", None, seed, "a", "b", "left" if seed % 4 else "right") for seed in range(8)]
    row = results(votes(*rows)).loc[0]
    assert (row["unit"], row["units"]) == ("seed", 8)
    assert "for these prompts only" in row["notes"]
    with_items = results(duels(["camera"] * 8)).loc[0]
    assert (with_items["unit"], "for these prompts" in with_items["notes"]) == ("item", False)
    assert "one seed an item" in with_items["notes"]


def test_several_comparisons_share_the_level_and_looks_are_said():
    cast = duels(["camera"] * 9 + ["plain"])
    both = pd.concat([cast.assign(criterion="look"), cast.assign(criterion="motion")])
    alone, together = results(cast).loc[0], results(both)
    assert alone["p_adjusted"] == alone["p"]
    assert together["p_adjusted"].tolist() == pytest.approx([2 * alone["p"]] * 2)
    peeked = results(cast, looks=3).loc[0]
    assert peeked["p_adjusted"] == pytest.approx(3 * alone["p"])
    assert "looked at 3 times" in peeked["notes"]
    assert (alone["significant"], peeked["significant"]) == (True, False)


def test_a_rater_bound_to_the_left_is_seen():
    rows = [
        (rater, f"item {item}", 1, *(("a", "b") if (item + at) % 2 else ("b", "a")), "left" if item % 5 else "right")
        for at, rater in enumerate(("ann", "ben"))
        for item in range(20)
    ]  # fmt: skip
    row = results(votes(*rows)).loc[0]
    assert row["left_rate"] == 0.8
    assert row["side_low"] > 0
    assert row["side_bias"] == pytest.approx(math.log(4))
    assert "left is preferred" in row["notes"]
    assert row["win_rate"] == pytest.approx(0.5)


def test_an_arm_kept_on_one_side_cannot_be_told_from_it():
    rows = [("ann", f"item {item}", 1, "a", "b", "left" if item % 3 else "right") for item in range(12)]
    row = results(votes(*rows)).loc[0]
    assert pd.isna(row["side_bias"])
    assert "cannot be told from arms" in row["notes"]
    assert "a was on the left in 100%" in row["notes"]


def three(*pairs):
    """Each pair's first arm wins on one of three items with sides swapped between."""
    return votes(*[
        ("ann", f"item {item}", 1, *((one, other) if item % 2 else (other, one)), "left" if (item % 2) == (item % 3 > 0) else "right")
        for one, other in pairs for item in range(12)
    ])  # fmt: skip


def test_arms_that_never_met_have_no_order():
    table = results(three(("a", "b"), ("c", "d"))).set_index(["arm_a", "arm_b"])
    assert table["bt_win_rate"].notna().to_dict() == {
        ("a", "b"): True, ("a", "c"): False, ("a", "d"): False,
        ("b", "c"): False, ("b", "d"): False, ("c", "d"): True,
    }  # fmt: skip
    assert table["notes"].str.contains("never compared").all()
    # through a third they have
    linked = results(three(("a", "b"), ("b", "c"))).set_index(["arm_a", "arm_b"])
    assert linked["votes"].tolist() == [12, 0, 12]
    assert linked["bt_win_rate"].notna().all()
    assert linked.loc[("a", "c"), "bt_win_rate"] > linked.loc[("a", "b"), "bt_win_rate"] > 0.5


def test_an_arm_that_never_loses_is_pulled_to_even_and_has_no_interval():
    cast = three(("a", "b"), ("a", "c"), ("b", "c"))
    won = cast.assign(choice=["left" if row.arm_left == "a" else "right" if row.arm_right == "a" else row.choice for row in cast.itertuples()])  # fmt: skip
    row = results(won).loc[0]
    assert 0.8 < row["bt_win_rate"] < 1
    assert pd.isna(row["bt_low"])
    assert pd.isna(row["bt_p"])
    assert "always wins" in row["notes"]
    # the direct comparison needs no such help
    assert row["win_rate"] == 1
    assert row["low"] > 0.6


def test_strengths_rank_arms_and_show_what_one_item_can_change():
    model = RaterModel({"weak": -1.0, "middle": 0.0, "strong": 1.0}, item_sd=0.5)
    shown = trials(list(model.strengths), items=range(20), raters=["ann", "ben"])
    table = strengths(model.judge(shown, 3)).droplevel("criterion")
    assert table.index.tolist() == ["strong", "middle", "weak"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["strength"].sum() == pytest.approx(0)
    assert (table["low"] < table["strength"]).all()
    assert (table["rank_worst"] >= table["rank_best"]).all()


def test_failed_clips_count_as_lost_beside_the_result_and_are_said():
    cast = duels(["camera"] * 7 + ["plain"] * 2)
    clips = clip_table(
        *[(arm, f"item {item}", 1, "succeeded", 0.1) for arm in ("plain", "camera") for item in range(9)],
        *[("camera", f"refused {item}", 1, "failed", 0.0) for item in range(3)],
        *[("plain", f"refused {item}", 1, "succeeded", 0.1) for item in range(3)],
    )
    row = results(cast, clips=clips).loc[0]
    assert row["win_rate"] == pytest.approx(7 / 9)
    assert row["failed_win_rate"] == pytest.approx(7 / 12)
    assert "incomplete: of camera's 12 clips 3 failed" in row["notes"]
    table = spending_by_arm(read_votes(cast), clips).droplevel("criterion")
    assert table.loc["camera", ["clips", "failed", "won"]].tolist() == [12, 3, 7]
    assert table.loc["plain", "usd_per_win"] == pytest.approx(1.2 / 2)
    assert table["complete"].to_dict() == {"camera": False, "plain": True}
    assert table.loc["camera", "failure_low"] == pytest.approx(0.0889, abs=1e-4)


def test_a_failed_clip_made_again_is_one_clip():
    clips = clip_table(
        ("a", "i", 1, "failed", 0.0), ("a", "i", 1, "succeeded", 0.3), ("b", "i", 1, "queued", 0.0)
    )
    cast = votes(("ann", "i", 1, "a", "b", "left"))
    table = spending_by_arm(read_votes(cast), clips).droplevel("criterion")
    assert table.loc["a", ["clips", "succeeded", "failed"]].tolist() == [1, 1, 0]
    assert table.loc["b", "unfinished"] == 1


def test_clips_without_a_known_price_are_said():
    clips = clip_table(
        ("a", "i", 1, "succeeded", 0.3), ("a", "j", 1, "succeeded", None), ("b", "i", 1, "succeeded", 0.2)
    )
    cast = votes(("ann", "i", 1, "a", "b", "left"))
    table = spending_by_arm(read_votes(cast), clips).droplevel("criterion")
    assert table["unpriced"].to_dict() == {"a": 1, "b": 0}
    assert table["usd"].to_dict() == {"a": 0.3, "b": 0.2}


def test_without_items_a_failed_clip_is_lost_by_its_seed():
    cast = votes(*[("ann", None, seed, "a", "b", "left" if seed % 2 else "right") for seed in range(8)])
    clips = pd.DataFrame([(arm, seed, "failed" if (arm, seed) == ("b", 9) else "succeeded", 0.1) for arm in "ab" for seed in (*range(8), 9)],
                         columns=["arm", "seed", "status", "usd"])  # fmt: skip
    row = results(cast, clips=clips).loc[0]
    assert row["win_rate"] == pytest.approx(4 / 8)
    assert row["failed_win_rate"] == pytest.approx(5 / 9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"choice": "up"}, "choice is 'up'"),
        ({"kind": "real", "arm_right": "plain", "arm_left": "plain"}, "itself"),
        ({"kind": "catch"}, "two different arms"),
        ({"item": None, "seed": None}, "neither"),
        ({"rater": None}, "no rater"),
        ({"item": "one"}, "repeat a rater's vote"),
    ],
)
def test_votes_that_make_no_sense_are_refused(change, said):
    with pytest.raises(sw.InvalidStudy, match=said):
        results(duels(["camera"] * 4).assign(**change))


def test_missing_columns_and_lonely_arms_are_refused():
    cast = duels(["camera"] * 4)
    with pytest.raises(sw.InvalidStudy, match="no column choice"):
        results(cast.drop(columns="choice"))
    with pytest.raises(sw.InvalidStudy, match="arm_left is"):
        results(cast, arms=["plain", "other"])
    with pytest.raises(sw.InvalidStudy, match="two arms"):
        results(cast[:0])
    with pytest.raises(sw.InvalidStudy, match="looks"):
        results(cast, looks=0)
    assert results(cast[:0], arms=["a", "b"]).empty


def test_columns_read_back_from_csv_give_the_same_results(tmp_path):
    cast = RaterModel({"a": 0.4, "b": 0.0}).judge(trials(["a", "b"], items=range(8), seeds=[1, 2]), 1)
    cast.to_csv(tmp_path / "votes.csv", index=False)
    again = pd.read_csv(tmp_path / "votes.csv")
    pd.testing.assert_frame_equal(results(again), results(cast))
    nullable = cast.convert_dtypes()
    pd.testing.assert_frame_equal(results(nullable), results(cast))
