"""What bills teach about the next price, by a log of real rows of the simulator."""

from __future__ import annotations

import sqlite3

import pytest

import seedance_widgets as sw

DRAFT = {
    "model": "dreamina-seedance-2-5", "draft": True, "resolution": "480p", "ratio": "16:9", "duration": 4,
}  # fmt: skip


async def make_drafts(studio, count, **params):
    for _ in range(count):
        await studio.generate("a fox", **{**DRAFT, **params})


def scale_bills(studio, factors):
    """Bills as another service would have written them; the clips stay."""
    with sqlite3.connect(studio.home / "log.sqlite") as log:
        keys = [key for (key,) in log.execute("SELECT key FROM tasks ORDER BY intent_at")]
        for key, factor in zip(keys, factors, strict=True):
            log.execute("UPDATE tasks SET tokens = CAST(tokens * ? AS INTEGER) WHERE key = ?", [factor, key])


async def test_five_bills_that_agree_are_expected_of_the_sixth(studio):
    full = sw.estimate(**{**DRAFT, "draft": None})
    await make_drafts(studio, 4)
    assert studio.estimate(**DRAFT).usd is None
    await make_drafts(studio, 1)
    learned = studio.estimate(**DRAFT)
    billed = studio.log.to_pandas()["tokens"].iloc[0]
    assert learned.tokens == pytest.approx(billed, abs=2)
    assert learned.usd == pytest.approx(full.usd * billed / full.tokens, rel=1e-4)
    assert learned.usd_max == pytest.approx(full.usd)
    assert any("learned from 5 bills: x " in note for note in learned.notes)
    # of another length it is the same factor; of another kind nothing is known
    assert studio.estimate(**{**DRAFT, "duration": 8}).tokens == pytest.approx(
        full.tokens * 193 / 97 * billed / full.tokens, rel=1e-3
    )
    assert studio.estimate(**{**DRAFT, "draft": None}).usd == pytest.approx(full.usd)
    assert sw.estimate(**DRAFT).usd is None


async def test_bills_that_disagree_teach_nothing_but_the_highest_bounds(studio):
    await make_drafts(studio, 5)
    scale_bills(studio, [1, 1, 1, 1, 3])
    known = studio.estimate(**DRAFT)
    full = sw.estimate(**{**DRAFT, "draft": None})
    highest = studio.log.to_pandas()["tokens"].max() / full.tokens
    assert known.usd is None
    assert highest > 1
    assert known.usd_max == pytest.approx(full.usd * highest, rel=1e-3)
    # what is reserved for the next one is no less
    task = await studio.submit("a fox", **DRAFT)
    assert task.row.reserved_usd == pytest.approx(full.usd * highest, rel=1e-3)


async def test_bills_that_are_as_the_formula_says_change_nothing(studio):
    asked = {"model": "dreamina-seedance-2-0", "resolution": "480p", "ratio": "16:9", "duration": 4}
    for _ in range(5):
        await studio.generate("a fox", **asked)
    assert studio.estimate(**asked) == sw.estimate(**asked)


async def test_it_takes_what_estimate_takes(studio):
    request = sw.TaskRequest("a fox", **{**DRAFT, "draft": None})
    assert studio.estimate(request) == sw.estimate(request)
    assert studio.estimate("a fox", model="seedance-1-0-pro").request.model == "seedance-1-0-pro"
    assert studio.estimate(image_size=(800, 600)).width == sw.estimate(image_size=(800, 600)).width
    with pytest.raises(sw.InvalidRequest):
        studio.estimate(resolution="8k")
