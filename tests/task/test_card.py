from __future__ import annotations

import re

import pytest
from html_tags import Tags

from seedance_widgets.task.card import CardFacts, card_html, card_text

FACTS = CardFacts(
    key="261122-090344-5mjmy",
    status="succeeded",
    model="seedance-1-5-pro-251215",
    prompt="a fox by the sea",
    simulated=True,
    elapsed=84,
    width=1280,
    height=720,
    frames=121,
    seed=11,
    usd=0.26136,
    tokens=108900,
    spent=1.5,
    video="runs/media/k/my video #1.mp4",
    download="runs/media/k/my video #1.mp4",
    poster=b"\xff\xd8jpeg",
)


def changed(**changes):
    from dataclasses import replace

    return replace(FACTS, **changes)


def test_a_finished_card_plays_silently_and_offers_the_file():
    page = Tags(card_html(FACTS))
    video = page.first("video")
    assert video["src"] == "runs/media/k/my%20video%20%231.mp4"
    assert "muted" in video
    assert "controls" in video
    assert "autoplay" not in video
    # behind the clip, whose own first frame is sharper, for where there is no clip
    assert "url(data:image/jpeg;base64," in video["style"]
    assert "aspect-ratio:1280/720" in video["style"]
    assert "data-lm-suppress-shortcuts" in video
    assert "download" in page.first("a")
    for shown in ("succeeded", "SIMULATED", "1280x720", "121 frames", "seed 11", "made in 1 min 24 s", "108,900 tokens",
                  "$0.2614", "spent so far $1.5000", FACTS.key, "a fox by the sea"):  # fmt: skip
        assert shown in page.text
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "style")]


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</div></video>"]
)
def test_what_people_and_servers_write_is_text(evil):
    page = Tags(card_html(changed(prompt=evil, problem=evil, note=evil, model=evil, status=evil)))
    assert {tag for tag, _ in page.tags} <= {"div", "span", "code", "video", "a"}
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert evil in page.text


def test_a_live_card_shows_the_estimate_and_no_video():
    live = changed(status="running", usd=None, tokens=None, est_usd=0.26136, video=None, download=None)
    page = Tags(card_html(live))
    assert "about $0.2614" in page.text
    assert "1 min 24 s so far" in page.text
    assert not [tag for tag, _ in page.tags if tag == "video"]


def test_a_cost_is_billed_or_estimated_or_at_most_what_is_reserved():
    live = changed(status="running", usd=None, est_usd=None, most_usd=0.263)
    assert "at most $0.2630" in card_text(live)
    unpriced = changed(status="running", usd=None, est_usd=None)
    assert "price not known" in card_text(unpriced)


def test_nothing_opens_a_formula():
    page = card_html(changed(prompt=r"$5 and $6 \(x\)", note=r"$1 $2 \begin{matrix}"))
    # attributes are not typeset
    shown = re.sub(r'aria-label="[^"]*"', "", page)
    for mark in "$\\":
        assert shown.count(mark) == shown.count(f"<span>{mark}</span>") > 0


def test_the_text_twin_says_the_same():
    text = card_text(changed(problem="it failed"))
    for shown in ("261122-090344-5mjmy", "succeeded", "$0.2614", "it failed", "my video #1.mp4"):
        assert shown in text


@pytest.mark.parametrize(
    ("status", "words"),
    [("failed", "ended after 1 min 24 s"), ("unknown", "1 min 24 s so far"), ("rejected", None)],
)
def test_the_time_is_never_taken_for_the_clips(status, words):
    text = card_text(changed(status=status))
    assert words is None or words in text
    assert words is not None or "1 min" not in text


def test_a_long_message_of_the_service_is_folded_away_and_all_there():
    problem = "".join(f"{n:05}" for n in range(2_000))
    page = Tags(card_html(changed(problem=problem)))
    assert [tag for tag, _ in page.tags if tag == "details"] == ["details"]
    assert "… and 9,400 more characters" in page.text
    assert page.text.replace("… and 9,400 more characters", "").count(problem) == 1
    assert "… (10,000 characters, all of them in the task's error)" in card_text(changed(problem=problem))
    assert "details" not in card_html(changed(problem="it failed"))


def test_a_card_is_small():
    assert len(card_html(changed(poster=bytes(6000)))) < 11_000
