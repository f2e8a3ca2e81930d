"""What a rater is shown, blind, and what becomes of a vote."""

from __future__ import annotations

import importlib.util
import re
import sqlite3
from collections import Counter

import pandas as pd
import pytest
from study_clips import ANIMALS, ARMS, SMALL

import seedance_widgets as sw
from seedance_widgets.study.judging.trials import Draw
from seedance_widgets.study.making.design import design_of

RATERS = [f"rater {number}" for number in range(20)]


class Everything:
    def __contains__(self, _):
        return True


def draw(rater="ann", arms=ARMS, items=ANIMALS, seeds=(11, 12), secret="secret"):
    return Draw(design_of(arms, items, seeds, (), SMALL), secret, rater)


def of_kind(shown, kind):
    return [pair for pair in shown if pair.kind == kind]


# --- the list --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rater", RATERS[:5])
def test_every_pair_is_shown_once_and_each_arm_on_the_left_in_half_of_them(rater):
    real = of_kind(draw(rater).pairings(Everything()), "real")
    assert Counter(pair.left[1:] for pair in real) == {
        (item, seed): 1 for item in ANIMALS for seed in (11, 12)
    }
    assert all(pair.left[1:] == pair.right[1:] and pair.left[0] != pair.right[0] for pair in real)
    assert Counter(pair.left[0] for pair in real) == {"plain": 6, "camera": 6}
    # within an item too, so that a pull of the left side is no item's
    assert all(count == 1 for count in Counter((pair.left[0], pair.left[1]) for pair in real).values())


@pytest.mark.parametrize("rater", RATERS[:5])
def test_catches_and_late_swapped_repeats_are_mixed_in(rater):
    shown = draw(rater).pairings(Everything())
    catches, repeats = of_kind(shown, "catch"), of_kind(shown, "repeat")
    assert (len(shown), len(catches), len(repeats)) == (14, 1, 1)
    assert catches[0].left == catches[0].right
    [first] = [pair for pair in shown if pair.left == repeats[0].right and pair.right == repeats[0].left]
    assert first.kind == "real"
    assert shown.index(repeats[0]) - shown.index(first) >= 2


@pytest.mark.parametrize(("items", "extra"), [(4, 0), (5, 1), (10, 2), (30, 6)])
def test_about_a_tenth_of_each_from_ten_pairs_on(items, extra):
    shown = draw(items=[f"item {number}" for number in range(items)]).pairings(Everything())
    assert (len(of_kind(shown, "catch")), len(of_kind(shown, "repeat"))) == (extra, extra)


def test_raters_have_orders_and_sides_of_their_own_which_never_change():
    orders, lefts = [], []
    for rater in RATERS:
        shown = draw(rater).pairings(Everything())
        assert shown == draw(rater).pairings(Everything())
        real = of_kind(shown, "real")
        orders.append(tuple(pair.left[1:] for pair in real))
        lefts.append(tuple(sorted(pair.left for pair in real)))
    assert len(set(orders)) == len(RATERS)
    assert len(set(lefts)) > 15
    # whose clip comes first and on which side is anybody's guess
    first = Counter(draw(rater).pairings(Everything())[0].left[0] for rater in RATERS)
    assert min(first["plain"], first["camera"]) > 2


def test_clips_that_come_later_find_their_place_among_the_others():
    whole = draw().pairings(Everything())
    slots = {pair.left for pair in whole} | {pair.right for pair in whole}
    part = draw().pairings(slots - {("plain", "a fox", 11)})
    real = [pair.id for pair in of_kind(whole, "real") if "a fox" not in pair.left or 11 not in pair.left]
    assert [pair.id for pair in of_kind(part, "real")] == real


def test_three_arms_are_shown_two_by_two():
    shown = draw(arms={**ARMS, "pan": "{item}, a pan"}).pairings(Everything())
    pairs = Counter(frozenset((pair.left[0], pair.right[0])) for pair in of_kind(shown, "real"))
    assert set(pairs.values()) == {12}
    assert len(pairs) == 3


def test_ids_are_opaque():
    ids = [pair.id for rater in RATERS for pair in draw(rater).pairings(Everything())]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9a-f]{20}", each) for each in ids)
    other = draw(secret="other").pairings(Everything())
    assert not {pair.id for pair in other} & {pair.id for pair in draw().pairings(Everything())}


# --- voting ----------------------------------------------------------------------------------------------


def judge_all(study, rater, choice="left", count=None):
    for _ in range(count or len(study.trials(rater))):
        study.vote(study.next_trial(rater).id, rater, choice, seconds=2.5, sound=True)


def test_a_trial_tells_its_files_and_nothing_else(made):
    trials = made.trials("ann")
    assert len(trials) == 14
    first = made.next_trial("ann")
    assert first == trials[0]
    assert {name for name in dir(first) if not name.startswith("_")} == {"id", "left", "right"}
    assert first.left.read_bytes()[4:8] == b"ftyp"
    said = repr((first, trials, made))
    assert not any(word in said for word in ("plain", "camera", "fox", str(first.left), "video.mp4"))
    assert first.left.parent.name not in said


def test_a_vote_is_on_disk_when_it_returns(made, made_studio):
    trial = made.next_trial("ann")
    made.vote(trial.id, "ann", "left", seconds=3.25, sound=False)
    with sqlite3.connect(made_studio.home / "log.sqlite") as other:
        rows = other.execute("SELECT rater, trial, choice, seconds, sound, kind FROM votes").fetchall()
        assert other.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert [row[:5] for row in rows] == [("ann", trial.id, "left", 3.25, 0)]
    assert made.progress("ann") == (1, 14)
    assert made.next_trial("ann").id != trial.id


def test_votes_are_undone_from_the_last_one_on(made):
    assert made.undo("ann") is None
    first = made.next_trial("ann")
    made.vote(first.id, "ann", "left")
    second = made.next_trial("ann")
    made.vote(second.id, "ann", "skip")
    assert made.undo("ann") == second
    assert made.next_trial("ann") == second
    made.vote(second.id, "ann", "right")
    assert made.votes["choice"].tolist() == ["left", "right"]


def test_a_second_vote_on_a_trial_takes_the_place_of_the_first(made):
    trial = made.next_trial("ann")
    made.vote(trial.id, "ann", "left")
    made.vote(trial.id, "ann", "tie")
    assert made.votes["choice"].tolist() == ["tie"]
    assert made.progress("ann") == (1, 14)


def test_raters_do_not_disturb_each_other(made):
    judge_all(made, "ann")
    assert (made.progress("ann"), made.progress("ben")) == ((14, 14), (0, 14))
    assert made.next_trial("ann") is None
    with pytest.raises(sw.InvalidStudy, match="ben has no trial"):
        made.vote(made.trials("ann")[0].id, "ben", "left")
    judge_all(made, "ben", "right", 3)
    assert made.undo("ann") is not None
    assert Counter(made.votes["rater"]) == {"ann": 13, "ben": 3}


def test_a_trial_is_done_when_every_criterion_is(studio):
    study = studio.study("two", ARMS, ANIMALS[:1], seeds=[1], criteria=["look", "motion"], **SMALL)
    sw.run(study.run(progress=False))
    trial = study.next_trial("ann")
    study.vote(trial.id, "ann", "left", criterion="look")
    assert study.next_trial("ann") == trial
    assert study.progress("ann") == (0, 1)
    study.vote(trial.id, "ann", "right", criterion="motion")
    assert study.next_trial("ann") is None
    for criterion in (None, "taste"):
        with pytest.raises(sw.InvalidStudy, match="'look', 'motion'"):
            study.vote(trial.id, "ann", "left", criterion=criterion)


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("no trial", {"trial_id": "0" * 20}),
        ("none of left", {"choice": "both"}),
        ("a name is", {"rater": ""}),
        ("a name is", {"rater": "x" * 200}),
        ("criterion", {"criterion": "look"}),
        ("no time", {"seconds": -1.0}),
        ("no time", {"seconds": float("nan")}),
    ],
)
def test_a_vote_that_makes_no_sense_is_refused(made, said, change):
    good = {"trial_id": made.next_trial("ann").id, "rater": "ann", "choice": "left"}
    with pytest.raises(sw.InvalidStudy, match=said):
        made.vote(**{**good, **change})
    assert made.votes.empty


def test_only_clips_that_are_there_are_shown(made, made_studio):
    with sqlite3.connect(made_studio.home / "log.sqlite") as log:
        log.execute("UPDATE tasks SET status = 'failed' WHERE item = 'a fox' AND arm = 'camera'")
    assert len(made.trials("ann")) == 12
    assert made.progress("ann") == (0, 12)


# --- blind, until it is revealed -------------------------------------------------------------------------


def test_votes_tell_nothing_of_the_arms_before_they_are_revealed(made):
    judge_all(made, "ann")
    sealed = made.votes
    assert list(sealed.columns) == ["rater", "trial", "criterion", "choice", "seconds", "sound", "at"]
    keys = {path.name for path in (made._studio.home / "media").iterdir()}
    cells = {str(cell) for column in sealed.columns for cell in sealed[column]}
    assert not cells & {*ARMS, *ARMS.values(), *ANIMALS, *keys}
    revealed = made.reveal(by="ben")
    opened = made.votes
    assert len(opened) == len(sealed)
    assert set(opened["arm_left"]) == set(ARMS)
    assert Counter(opened["kind"]) == {"real": 12, "catch": 1, "repeat": 1}
    rows = made._studio.log.to_pandas()
    for vote in opened.itertuples():
        left, right = rows.loc[vote.left_key], rows.loc[vote.right_key]
        assert (left["arm"], left["item"], left["requested_seed"]) == (vote.arm_left, vote.item, vote.seed)
        assert (right["arm"], right["item"]) == (vote.arm_right, vote.item)
    assert made.reveal() == revealed


def test_after_the_reveal_nothing_is_voted_blind_any_more(made):
    trial = made.next_trial("ann")
    made.vote(trial.id, "ann", "left")
    made.reveal()
    assert made.is_revealed
    for act in (
        lambda: made.next_trial("ann"),
        lambda: made.vote(trial.id, "ann", "right"),
        lambda: made.undo("ann"),
        made.rehearse,
    ):
        with pytest.raises(sw.InvalidStudy, match="was revealed"):
            act()
    # a notebook that is run again comes by here
    assert sw.run(made.run(progress=False)).asked == 0
    assert made.votes["choice"].tolist() == ["left"]


def test_votes_go_to_csv_and_back(made, tmp_path):
    judge_all(made, "ann", count=4)
    made.reveal()
    made.votes.to_csv(tmp_path / "votes.csv", index=False)
    again = pd.read_csv(tmp_path / "votes.csv")
    assert again["arm_left"].tolist() == made.votes["arm_left"].tolist()
    assert again["seconds"].tolist() == [2.5] * 4
    if importlib.util.find_spec("pyarrow"):
        made.votes.to_parquet(tmp_path / "votes.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "votes.parquet"), made.votes)
    else:
        with pytest.raises(ImportError, match="pyarrow"):
            made.votes.to_parquet(tmp_path / "votes.parquet")
