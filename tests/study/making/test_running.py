"""Making a study's clips: only what is missing, nothing twice, and what is lacking is said."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from mortal import Kernel, kernels_that_die
from study_clips import ANIMALS, ARMS, SMALL

import seedance_widgets as sw
from seedance_widgets.study.making.progress import Outcome


def small(studio, items=ANIMALS[:3], seeds=(11, 12), **others):
    return studio.study("animals", ARMS, items, seeds, **{**SMALL, **others})


def request_from(studio):
    """Every clip by arm, item and seed, with how often it was begun."""
    rows = studio.log.to_pandas()
    return Counter(zip(rows["arm"], rows["item"], rows["requested_seed"], strict=True))


EVERY = {(arm, item, seed): 1 for arm in ARMS for item in ANIMALS[:3] for seed in (11, 12)}


async def test_a_run_makes_every_clip_and_a_second_one_makes_none(studio, simulator):
    study = small(studio)
    seen = []
    outcome = await study.run(progress=seen.append)
    assert outcome.complete
    assert outcome.table["made"].to_dict() == {"plain": 6, "camera": 6}
    assert outcome.asked_usd == pytest.approx(studio.spent)
    assert (seen[0].asked, seen[-1].complete) == (12, True)
    assert all(isinstance(each, Outcome) for each in seen)
    assert request_from(studio) == EVERY
    rows = studio.log.to_pandas()
    assert set(rows["study"]) == {"animals"}
    assert rows["prompt"].tolist().count("a fox, slow dolly in") == 2
    again = await small(studio).run()
    assert (again.asked, again.complete) == (0, True)
    assert len(simulator.tasks()) == 12
    assert "12 of 12 clips made" in repr(study)


async def test_two_runs_at_once_pay_once(studio, simulator):
    first, second = await asyncio.gather(small(studio).run(), small(studio).run())
    assert first.complete
    assert len(simulator.tasks()) == 12
    assert request_from(studio) == EVERY
    assert (await small(studio).run()).complete
    assert second.study == "animals"


class Ahead:
    """Time as it passes, and a jump where a test wants one."""

    seconds = 0.0

    def __call__(self):
        return time.time() + self.seconds

    def pass_(self, seconds):
        self.seconds += seconds


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path):
    clock = Ahead()
    service = sw.Simulator(speed=1000, clock=clock)
    with kernels_that_die():
        kernel = Kernel(tmp_path / "runs", service, clock)
        kernel.start(small(kernel.studio).run())
        until(lambda: sum(kernel.line.sent.values()) >= 5)
        kernel.die()
        before = sum(kernel.line.sent.values())
        # until it is known that nothing of the dead kernel is on its way any more
        clock.pass_(300)
        kernel = Kernel(tmp_path / "runs", service, clock)
        kernel.do(kernel.studio.resume())
        outcome = kernel.do(small(kernel.studio).run())
        if not outcome.complete:  # an intent that was cut off has been settled meanwhile
            clock.pass_(300)
            kernel.do(kernel.studio.resume())
            outcome = kernel.do(small(kernel.studio).run())
        assert outcome.complete, outcome
        assert 5 <= before < 12
        assert len(service.tasks()) == 12
        rows = kernel.studio.log.to_pandas()
        made = rows[rows["status"] == "succeeded"]
        assert Counter(zip(made["arm"], made["item"], made["seed"], strict=True)) == EVERY
        assert sorted(made["task_id"]) == sorted(task["id"] for task in service.tasks())
        kernel.close()
    service.close()


def until(state, seconds=20.0):
    end = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < end
        time.sleep(0.01)


async def test_what_failed_stays_a_result_until_it_is_to_be_made_again(studio, simulator):
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
    simulator.faults.fail_task("InternalServiceError")
    study = small(studio, items=ANIMALS[:2], seeds=[11])
    outcome = await study.run()
    assert not outcome.complete
    assert outcome.table[["made", "refused", "failed"]].sum().tolist() == [2, 1, 1]
    assert "refused (OutputVideoSensitiveContentDetected)" in repr(outcome)
    again = await study.run()
    assert (again.asked, again.complete, len(simulator.tasks())) == (0, False, 4)
    assert [line.partition(":")[0] for line in again.problems] == ["incomplete"] * len(again.problems)
    mended = await study.run(retry_failed=True)
    assert (mended.asked, mended.complete, len(simulator.tasks())) == (2, True, 6)
    assert len(study.trials("ann")) == 2


async def test_a_prompt_that_is_refused_keeps_no_other_clip_from_being_made(studio, simulator):
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    outcome = await small(studio, items=ANIMALS[:2], seeds=[11]).run()
    assert outcome.table[["made", "refused"]].sum().tolist() == [3, 1]
    assert outcome.stopped == ()


async def test_a_quota_that_is_used_up_stops_the_run_and_leaves_the_rest_to_the_next(studio, simulator):
    simulator.faults.refuse(429, "SetLimitExceeded", times=4)
    study = small(studio)
    outcome = await study.run()
    counts = outcome.table[["made", "refused", "missing"]].sum()
    assert counts["refused"] + counts["missing"] >= 8
    assert "SetLimitExceeded" in outcome.stopped[0]
    assert any(line.startswith("stopped: ") for line in outcome.problems)
    assert len(simulator.tasks()) < 5
    simulator.faults.clear()
    assert (await study.run(retry_failed=True)).complete
    assert len(simulator.tasks()) == 12


async def test_the_whole_price_is_checked_before_anything_is_sent(tmp_path, simulator):
    price = sw.estimate(**SMALL).usd_max
    with sw.Studio(tmp_path / "runs", simulate=simulator, budget_usd=11.5 * price) as studio:
        with pytest.raises(sw.BudgetExceeded) as caught:
            await small(studio).run()
        assert caught.value.short_by == pytest.approx(price / 2)
        assert simulator.tasks() == []
        assert studio.log.to_pandas().empty
        assert not small(studio).outcome.complete
        studio.budget_usd = 12 * price
        assert (await small(studio).run()).complete


async def test_a_clip_whose_create_is_unclear_is_not_made_again(studio, simulator):
    simulator.faults.drop_reply()
    study = small(studio, items=ANIMALS[:2], seeds=[11])
    outcome = await study.run()
    assert outcome.table["unfinished"].sum() + outcome.table["made"].sum() == 4
    again = await study.run()
    assert again.asked == 0
    assert len(simulator.tasks()) == 4


async def test_arms_of_several_models_pass_their_gates_side_by_side(studio):
    arms = {"pro": {"model": "seedance-1-0-pro"}, "fast": {"model": "seedance-1-0-pro-fast"}}
    params = {"prompt": "{item}", "resolution": "480p", "ratio": "1:1", "duration": 2}
    outcome = await studio.study("models", arms, ANIMALS[:2], seeds=[1], **params).run()
    assert outcome.complete
    assert studio.log.to_pandas().groupby("arm")["model"].nunique().to_dict() == {"fast": 1, "pro": 1}


async def test_a_model_without_seeds_makes_each_clip_once(studio, simulator):
    arms = {"plain": "{item}", "camera": "{item}, slow dolly in"}
    params = {"model": "dreamina-seedance-2-0-mini", "resolution": "480p", "ratio": "1:1", "duration": 4}
    study = studio.study("unseeded", arms, ANIMALS[:1], seeds=[1, 2], **params)
    assert (await study.run()).complete
    assert (await study.run()).asked == 0
    assert len(simulator.tasks()) == 4
    assert len(study.trials("ann")) == 2


async def test_a_script_has_a_line_on_its_terminal_and_a_pipe_has_none(studio, monkeypatch):
    import io
    import sys

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, is_told in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        study = studio.study(
            f"s-{is_told}", arms={"a": "{item}", "b": "{item}, slow"}, items=["a fox"], seeds=1, **SMALL
        )
        await study.run()
        assert ("study s-" in stream.getvalue() and "2/2" in stream.getvalue()) is is_told
