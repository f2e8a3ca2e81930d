"""What a task is booked at, and what is remarked, where the service makes or bills something else than asked."""

from __future__ import annotations

import re

import pytest

import seedance_widgets as sw
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.store import Store

ASKED = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}
TOKENS = 38_800


@pytest.fixture
def journal(tmp_path, clock):
    store = Store(tmp_path / "log.sqlite")
    yield Journal(store, clock=clock)
    store.close()


def ended(journal, asked, answers):
    """The row of a request whose task the service described so, one answer after the other."""
    estimate = sw.estimate(sw.TaskRequest("a fox", **{**ASKED, **asked}))
    key = journal.begin(estimate, stored={}).key
    journal.accepted(key, {"id": "cgt-1"})
    for answer in answers:
        row = journal.observed(key, {"id": "cgt-1", **answer})
    return estimate, row


def succeeded(tokens=TOKENS, **answered):
    return {
        "status": "succeeded",
        "content": {"video_url": "https://example.com/v.mp4"},
        "usage": {"completion_tokens": tokens},
        **answered,
    }


@pytest.mark.parametrize(
    ("asked", "answered", "remark"),
    [
        ({}, {}, None),
        ({}, {"service_tier": "default", "resolution": "480p", "generate_audio": True, "draft": False}, None),
        ({"service_tier": "flex"}, {"service_tier": "default"}, "asked for service_tier flex, got default"),
        ({"generate_audio": False}, {"generate_audio": True}, "asked for generate_audio False, got True"),
        ({}, {"generate_audio": False}, "asked for generate_audio True, got False"),
        ({"model": "seedance-2-0"}, {"resolution": "1080p"}, "asked for resolution 480p, got 1080p"),
        ({"model": "seedance-2-0"}, {"model": "seedance-1-5-pro"},
         "asked for model dreamina-seedance-2-0, got seedance-1-5-pro"),
        ({}, {"ratio": "16:9"}, "asked for ratio 1:1, got 16:9"),
        ({"ratio": "adaptive"}, {"ratio": "16:9"}, None),
        ({"duration": -1}, {"duration": 6}, None),
        ({}, {"duration": 5}, "asked for duration 4, got 5"),
        ({"seed": 3}, {"seed": 4}, "asked for seed 3, got 4"),
        ({}, {"model": "ep-20260101000000-abcde"}, None),
    ],
)  # fmt: skip
def test_the_price_is_that_of_what_was_made(journal, asked, answered, remark):
    estimate, row = ended(journal, asked, [succeeded(tokens=10, **answered)])
    priced = {"service_tier", "generate_audio", "resolution", "model"} & set(answered)
    changes = {name: answered[name] for name in priced if "ep-" not in str(answered[name])}
    made = sw.estimate(**{**ASKED, **asked, **changes})
    assert row.remark == remark
    assert row.price_id == made.price_id
    assert row.usd == pytest.approx(10 * made.price.usd_per_million / 1e6)
    assert (row.reserved_usd, estimate.usd_max > 0) == (0.0, True)


def test_what_an_earlier_answer_told_is_still_compared_with_what_was_asked(journal):
    """A running task may tell already that it is no longer on flex."""
    running = {"status": "running", "service_tier": "default"}
    _, row = ended(journal, {"service_tier": "flex"}, [running, succeeded(tokens=10)])
    assert row.price_id == sw.estimate(**ASKED).price_id
    assert row.remark == "asked for service_tier flex, got default"


@pytest.mark.parametrize(
    ("tokens", "booked", "remark"),
    [
        (TOKENS, TOKENS, None),
        (str(TOKENS), TOKENS, "the service told its tokens as '38800'"),
        (float(TOKENS), TOKENS, "the service told its tokens as 38800.0"),
        (0, 0, "the service billed 0 tokens for this clip"),
        (TOKENS * 9, TOKENS * 9, r"billed \$0.8381, and at most \$0.0931 was reserved"),
        ("many", None, r"does not say how many tokens it billed \('many'\): \$0.0931 stays reserved"),
        (-5, None, "does not say how many tokens it billed"),
        (True, None, "does not say how many tokens it billed"),
        (1.5, None, "does not say how many tokens it billed"),
        (None, None, "does not say how many tokens it billed"),
    ],
)
def test_odd_bills_are_remarked_and_never_free_in_silence(journal, tokens, booked, remark):
    estimate, row = ended(journal, {}, [succeeded(tokens=tokens)])
    assert row.tokens == booked
    if remark is None:
        assert row.remark is None
    else:
        assert re.search(remark, row.remark)
    if booked is None:
        assert (row.usd, row.reserved_usd) == (None, estimate.usd_max)
    else:
        assert row.usd == pytest.approx(booked * 2.4 / 1e6)


def test_the_total_stands_in_for_completion_tokens(journal):
    _, row = ended(journal, {}, [{**succeeded(), "usage": {"total_tokens": TOKENS}}])
    assert (row.tokens, row.remark) == (TOKENS, None)


def test_a_remark_outlives_troubles_with_the_clip(journal):
    _, row = ended(journal, {}, [succeeded(tokens=0)])
    row = journal.unfiled(row.key, "failed", "no host")
    assert row.words == f"{row.remark}; no host"
    row = journal.filed(row.key, video_path="media/x/video.mp4", sha256="0" * 64)
    assert (row.trouble, row.words) == (None, row.remark)
    assert "0 tokens" in row.remark


async def test_the_next_reservation_covers_what_was_billed_for_something_else(simulator, tmp_path):
    """A service that makes 1080p of what asked for 480p may do so again."""
    with sw.Studio(tmp_path, simulate=simulator) as studio:
        asked = {**ASKED, "model": "seedance-2-0"}
        task = await studio.generate("a fox", **asked)
        journal = studio.runtime.journal
        dear = {"id": "cgt-dear", **succeeded(tokens=200_000, resolution="1080p")}
        begun = journal.begin(studio.estimate(**asked), stored={})
        journal.accepted(begun.key, {"id": "cgt-dear"})
        row = journal.observed(begun.key, dear)
        assert row.usd > task.row.usd
        assert (await studio.submit("a hare", **asked)).row.reserved_usd >= row.usd * 0.999
