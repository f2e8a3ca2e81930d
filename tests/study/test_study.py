"""A study from plan to results: what it says is what the statistics say of its votes, and never less."""

from __future__ import annotations

import math
import shutil
import sqlite3

import pandas as pd
import pytest
from study_clips import ANIMALS, ARMS, SMALL

import seedance_widgets as sw
from seedance_widgets.following.pace import Life
from seedance_widgets.study.results.pair_results import results

CLIP = {"model": "seedance-1-5-pro", "ratio": "16:9", "duration": 5}
BETTER = sw.RaterModel.with_rate(0.8, ("camera", "plain"), ties=0.1)


def by_hand(study):
    """The votes joined to arms, items and seeds from the log's own tables, by SQL."""
    with sqlite3.connect(study._studio.home / "log.sqlite") as log:
        return pd.read_sql(
            "SELECT v.rater, v.choice, v.criterion, v.kind, v.seconds, l.item, l.requested_seed AS seed, "
            "l.arm AS arm_left, r.arm AS arm_right FROM votes v JOIN tasks l ON l.key = v.left_key "
            "JOIN tasks r ON r.key = v.right_key WHERE v.undone_at IS NULL ORDER BY v.id",
            log,
        )


def test_results_are_those_of_the_statistics_on_the_same_votes(made):
    made.rehearse(BETTER, ["ann", "ben", "cy"])
    made.vote(made.trials("ann")[0].id, "ann", "tie")
    made.undo("ben")
    made.reveal()
    found = made.results()
    expected = results(by_hand(made), arms=["plain", "camera"], clips=made._studio.log.to_pandas())
    pd.testing.assert_frame_equal(found.drop(columns="notes"), expected.drop(columns="notes"))
    assert found["notes"][0].endswith("ben judged 13 of 14 trials")
    row = found.iloc[0]
    assert (row["arm_a"], row["arm_b"], row["unit"]) == ("plain", "camera", "item")
    # 12 pairs by three raters, less what was undone, if that was not a catch or a repeat
    assert row["votes"] + row["skips"] in (35, 36)
    assert set(made.raters().index) == {"ann", "ben", "cy"}
    assert made.spending().loc[("preference", "plain"), "usd"] == pytest.approx(made._studio.spent / 2)
    assert made.strengths().shape[0] == 2


def test_results_are_sealed_and_a_look_is_counted(made):
    made.rehearse(BETTER, ["ann"])
    for sealed in (made.results, made.strengths, made.spending, made.raters):
        with pytest.raises(sw.InvalidStudy, match=r"study.reveal\(\)"):
            sealed()
    first = made.results(peek=True)
    assert not made.is_revealed
    assert first["p_adjusted"][0] == first["p"][0]
    # the same votes seen again are no second look
    assert made.results(peek=True)["p_adjusted"][0] == first["p"][0]
    made.rehearse(BETTER, ["ben"])
    made.reveal("ann")
    last = made.results()
    assert last["p_adjusted"][0] == pytest.approx(min(1, 2 * last["p"][0]))
    assert "looked at 2 times" in last["notes"][0]
    assert made.results()["p_adjusted"][0] == last["p_adjusted"][0]


def test_it_can_be_shown_with_its_log_gone(made, made_studio):
    assert repr(made) == (
        "Study('animals'): 2 arms x 6 items x 2 seeds, 24 of 24 clips made; 0 votes by 0 raters, sealed"
    )
    made_studio.close()
    shutil.rmtree(made_studio.home)
    assert repr(made).startswith(
        "Study('animals'): 2 arms x 6 items x 2 seeds, how far it is cannot be read: "
    )


def test_results_need_a_vote_and_so_does_a_reveal_which_cannot_be_taken_back(made):
    for opening in (made.reveal, lambda: made.results(peek=True)):
        with pytest.raises(sw.InvalidStudy, match="nobody has voted"):
            opening()
    assert not made.is_revealed


def test_what_is_lacking_is_said(made):
    with sqlite3.connect(made._studio.home / "log.sqlite") as log:
        log.execute("UPDATE tasks SET status = 'failed', usd = 0 WHERE item = 'a fox' AND arm = 'camera'")
        log.execute("DELETE FROM tasks WHERE item = 'an owl' AND arm = 'camera' AND requested_seed = 11")
    made.rehearse(BETTER, ["ann"])
    made.reveal()
    notes = made.results()["notes"][0]
    assert "2 pairs could not be shown, as a clip failed" in notes
    assert "incomplete: of camera's 12 clips 2 failed, 1 not finished" in notes
    assert made.spending()["failed"].tolist() == [0, 2]
    assert [line for line in made.outcome.problems if "camera" in line] == made.outcome.problems
    with pytest.raises(sw.InvalidStudy, match="no clip is made any more"):
        sw.run(made.run(progress=False))


def test_a_rehearsal_is_repeatable_and_only_for_simulated_studies(made, tmp_path):
    made.rehearse(BETTER, ["ann"], seed=5)
    first = made.votes["choice"].tolist()
    made.rehearse(BETTER, ["ann"], seed=5)
    assert made.votes["choice"].tolist() == first
    assert len(first) == 14
    with sw.Studio(tmp_path / "real", api_key="none") as real:
        study = real.study("animals", ARMS, ANIMALS, **SMALL)
        with pytest.raises(sw.InvalidStudy, match="simulated"):
            study.rehearse(BETTER)


def test_a_rehearsal_needs_nothing_but_a_study(made):
    model = made.rehearse()
    assert set(made.votes["rater"]) == {"ann", "ben"}
    assert made.progress("ben") == (14, 14)
    # the truth that `plan` plans for by default, and the last arm has it
    assert model.win_rate("camera", "plain") == pytest.approx(0.65)
    assert model.ties == 0.2
    assert made.rehearse(win_rate=0.9, raters="cy").win_rate("camera", "plain") == pytest.approx(0.9)
    assert set(made.votes["rater"]) == {"ann", "ben", "cy"}


def test_a_rehearsal_of_nothing_is_refused(made, studio):
    with pytest.raises(sw.InvalidStudy, match="no strength of plain"):
        made.rehearse(sw.RaterModel({"camera": 0.0, "other": 1.0}))
    with pytest.raises(sw.InvalidStudy, match="no pair of clips is there yet"):
        studio.study("animals", ARMS, ANIMALS, seeds=[1], **SMALL).rehearse()
    assert made.votes.empty


def test_a_look_before_the_reveal_says_that_it_is_one(made):
    made.rehearse(raters="ann")
    assert "looked at before the reveal" in made.results(peek=True)["notes"][0]
    made.reveal()
    assert "before the reveal" not in made.results()["notes"][0]


def test_results_of_drafts_say_that_finals_may_be_judged_otherwise(studio):
    arms = {"plain": {"prompt": "{item}", "draft": True}, "final": "{item}"}
    shared = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}
    study = studio.study("drafts", arms, ANIMALS[:1], seeds=[1], **shared)
    sw.run(study.run(progress=False))
    study.rehearse(raters="ann")
    study.reveal()
    notes = study.results()["notes"][0]
    assert "drafts in plain: a draft's win may not hold for finals" in notes
    assert "1 independent item can never reach significance" in notes


def test_a_study_of_seeds_alone_says_what_it_is_good_for(studio):
    study = studio.study("fox", {"plain": "a fox", "camera": "a fox, slow dolly in"}, seeds=[1, 2], **SMALL)
    sw.run(study.run(progress=False))
    study.rehearse(BETTER, ["ann"])
    study.reveal()
    row = study.results().iloc[0]
    assert (row["unit"], row["units"] <= 2) == ("seed", True)
    assert "for these prompts only" in row["notes"]
    assert study.votes["item"].isna().all()


# --- planning --------------------------------------------------------------------------------------------


def test_a_plan_prices_what_the_power_takes(studio):
    study = studio.study("animals", ARMS, ANIMALS, seeds=[1], **CLIP)
    plan = study.plan(win_rate=0.65, power=0.8, ties=0.2)
    assert (plan.needed.decisive, plan.needed.pairs, plan.needed.clips) == (97, 122, 244)
    assert (plan.defined.pairs, plan.defined.clips) == (6, 12)
    assert plan.power < 0.2
    clip = sw.estimate(**CLIP)
    needed, own = plan.table["needed"], plan.table["as defined"]
    assert needed["usd"].iloc[0] == pytest.approx(244 * clip.usd)
    assert own["tokens"].iloc[0] == 12 * clip.tokens
    flex = sw.estimate(**CLIP, service_tier="flex")
    assert needed.loc["finals 720p, flex", "usd"] == pytest.approx(244 * flex.usd)
    draft = sw.estimate(**CLIP, draft=True, resolution="480p")
    assert needed.loc["drafts 480p, default", "usd"] == pytest.approx(244 * draft.usd_max, rel=1e-4)
    # nothing was learned yet: the default pace, ten at a time
    pace = studio.runtime.timing()[0].of(Life("seedance-1-5-pro", "default", "720p", 5, 121, "standard"))
    assert needed["hours"].iloc[0] == pytest.approx(244 * pace.usual / 10 / 3600)
    assert "122 items x 1 seed, 122 pairs, 244 clips" in repr(plan)
    assert "one seed an item" in repr(plan)


def test_a_plan_goes_by_the_limits_of_its_studio(tmp_path, simulator):
    def hours(**limits):
        with sw.Studio(tmp_path / "runs", simulate=simulator, limits=sw.Limits(**limits)) as studio:
            study = studio.study("animals", ARMS, ANIMALS, seeds=[1, 2], **CLIP)
            return study.plan().table["as defined"]["hours"]

    usual = hours()
    # 24 clips of a minute each, ten at a time by the catalog
    assert usual.iloc[0] == pytest.approx(24 / 10 / 60)
    assert hours(concurrency=2).iloc[0] == pytest.approx(5 * usual.iloc[0])
    assert hours(rpm=1).iloc[0] == pytest.approx(24 / 60)
    day = 12 * sw.estimate(**CLIP, service_tier="flex").tokens
    assert hours(tokens_per_day=day)["finals 720p, flex"] == pytest.approx(48)


def test_a_plan_says_when_the_budget_does_not_cover_it(tmp_path, simulator):
    price = sw.estimate(**SMALL).usd_max
    with sw.Studio(tmp_path / "runs", simulate=simulator, budget_usd=1.5 * price) as studio:
        study = studio.study("animals", ARMS, ANIMALS[:1], seeds=[1], **SMALL)
        note = f"the budget leaves {1.5 * price:.2f} USD, and the missing clips may take {2 * price:.2f}"
        assert note in study.plan().notes
        studio.budget_usd = 2 * price
        assert "budget" not in repr(study.plan())
        sw.run(study.run(progress=False))
        # what is made is paid
        assert "budget" not in repr(study.plan())


def test_a_plan_tells_time_as_people_do(studio):
    shown = repr(studio.study("animals", ARMS, ANIMALS, seeds=[1, 2], **CLIP).plan())
    assert "2 min 24 s" in shown
    assert "hours" not in shown


def test_a_plan_with_few_items_says_that_it_is_hopeless(studio):
    few = studio.study("few", ARMS, ANIMALS[:5], seeds=[1, 2], **SMALL).plan()
    assert any("5 items can never reach significance: it takes 6" in note for note in few.notes)
    assert few.power == 0
    alone = studio.study("alone", {"a": "a fox", "b": "an owl"}, seeds=4, **SMALL).plan()
    assert (alone.unit, alone.defined.items) == ("seed", 4)
    assert any("these prompts only" in note for note in alone.notes)
    assert any("4 seeds can never reach significance" in note for note in alone.notes)
    assert "4 seeds, 4 pairs, 8 clips" in repr(alone)


def test_a_plan_of_drafts_shows_the_finals_beside_them(studio):
    study = studio.study("drafts", ARMS, ANIMALS, draft=True, model="seedance-1-5-pro", resolution="480p")
    table = study.plan().table["as defined"]
    assert list(table.index) == [
        "drafts 480p, default (this study)",
        "finals 720p, default",
        "finals 720p, flex",
    ]
    assert table["usd"].is_monotonic_increasing is False
    assert table["usd"].iloc[0] < table["usd"].iloc[1]


def test_what_is_not_known_is_absent(studio, fresh_catalog):
    fresh_catalog.register("seedance-1-0-pro", price=[])
    table = studio.study("animals", ARMS, ANIMALS, **SMALL).plan().table
    assert math.isnan(table["as defined"]["usd"].iloc[0])
    assert table["as defined"]["tokens"].iloc[0] > 0
