"""The rater in a real browser: real clips in step, judged by keyboard, and what the page gives away."""

from __future__ import annotations

import base64
import json

import pytest
from playwright.sync_api import expect
from rating import SECRETS, Study, clip
from stub import axe_violations

from seedance_widgets.widgets.rater import BlindRater

VIDEOS = """() => [...document.querySelectorAll("video")].map((v) => ({ time: v.currentTime, paused: v.paused,
  muted: v.muted, ready: v.readyState, seeking: v.seeking, duration: v.duration, src: v.getAttribute("src"),
  shown: getComputedStyle(v).visibility === "visible", box: v.getBoundingClientRect().toJSON() }))"""
HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


class Sight:
    """A rater in a page, and what the page got to see."""

    def __init__(self, stub, rater) -> None:
        self.stub, self.page, self.rater = stub, stub.page, rater

    def part(self, name):
        return self.page.get_by_test_id(f"rater-{name}")

    def press(self, *keys):
        for key in keys:
            self.part("root").press(key)

    def videos(self):
        return self.page.evaluate(VIDEOS)

    def answer(self):
        """Carry what the page said to Python, and the answer back."""
        self.stub.exchange(self.rater)

    def shown(self):
        expect(self.part("stage")).to_have_attribute("data-shown", "true")

    def voted(self, key, *, play=False):
        """Vote as soon as it may be, and have it answered."""
        if play:
            self.press("Space")
        expect(self.part("left")).to_have_attribute("aria-disabled", "false")
        self.press(key)
        expect(self.part("status")).to_have_text("Saving …")
        self.answer()

    def said(self, text):
        expect(self.part("status")).to_have_text(text)

    def votes(self):
        return [message for message in self.stub.sent() if message["kind"] == "vote"]


@pytest.fixture
def open_rater(stub_page):
    def opened(study, *, must_watch=True, answered=True, **options):
        rater = BlindRater(study, must_watch=must_watch)
        sight = Sight(stub_page(rater, **options), rater)
        if answered:
            sight.answer()
            sight.shown()
        return sight

    return opened


@pytest.fixture
def study(tmp_path):
    return Study.made(tmp_path / "study", 3)


# --- a whole study ------------------------------------------------------------------------------------------


def test_a_study_by_keyboard_alone(open_rater, study):
    sight = open_rater(study)
    requests = []
    sight.page.on("request", lambda request: requests.append(request.url))
    expect(sight.part("count")).to_have_text("1 of 3")
    expect(sight.part("question")).to_have_text("Which is better?")
    sight.voted("1", play=True)
    sight.shown()
    expect(sight.part("count")).to_have_text("2 of 3")
    sight.voted("3")
    sight.shown()
    sight.voted("2")
    sight.said("Thank you. Your votes on 3 pairs are saved.")
    expect(sight.part("work")).to_be_hidden()
    expect(sight.part("count")).to_have_text("3 of 3")
    assert [vote["choice"] for vote in study.votes()] == ["left", "tie", "right"]
    assert all(0.4 < vote["seconds"] < 60 for vote in study.votes())
    assert sight.stub.live_urls() == []
    page = sight.page.content() + json.dumps([sight.stub.state(), sight.stub.sent(), requests])
    assert not [word for word in SECRETS if word in page]
    sight.press("1", "2", "0")
    assert len(sight.votes()) == 3


def test_what_the_page_can_look_into_names_nothing(open_rater, study):
    sight = open_rater(study)
    sight.press("Space")
    found = sight.page.evaluate(
        """async () => Promise.all([...document.querySelectorAll("video")].map(async (video) => {
          const data = new Uint8Array(await (await fetch(video.src)).arrayBuffer());
          return { size: data.length, text: btoa(data.reduce((all, byte) => all + String.fromCharCode(byte), "")) };
        }))"""
    )
    first, second = (base64.b64decode(each["text"]) for each in found)
    assert found[0]["size"] == found[1]["size"]
    assert not [word for word in SECRETS if word.encode() in first + second]
    assert len({video["duration"] for video in sight.videos()}) == 1


def test_both_are_shown_at_once_and_only_when_both_can_be_played(open_rater, study):
    sight = open_rater(study, answered=False)
    assert sight.stub.sent() == [{"kind": "ready"}]
    sight.said("Fetching the first pair …")
    assert not any(video["shown"] for video in sight.videos())
    sight.page.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => {
            const all = [...document.querySelectorAll("video")];
            window.seen.push(all.map((v) => [getComputedStyle(v).visibility, v.readyState >= 2]));
          }).observe(document.getElementById("root"), { attributes: true, subtree: true });
        }"""
    )
    sight.answer()
    sight.shown()
    seen = sight.page.evaluate("() => window.seen")
    assert ["visible", "visible"] in [[side[0] for side in sides] for sides in seen]
    for left, right in seen:
        assert left[0] == right[0]
        assert left[0] == "hidden" or (left[1] and right[1])


def test_clips_of_other_shape_and_length_look_alike(open_rater, tmp_path):
    study = Study.made(tmp_path / "study", 1)
    (tmp_path / "study/secret-item-0/secret-plain/video.mp4").write_bytes(
        clip("plain", 60, 96, 160, audio=False)
    )
    sight = open_rater(study)
    left, right = sight.videos()
    assert (left["box"]["width"], left["box"]["height"]) == (right["box"]["width"], right["box"]["height"])
    assert left["duration"] == pytest.approx(right["duration"], abs=0.03)
    sight.press("Space")
    sight.page.wait_for_function("() => document.querySelector('video').currentTime > 0.6")
    sight.page.wait_for_function("() => document.querySelector('video').currentTime < 0.4")
    expect(sight.part("left")).to_have_attribute("aria-disabled", "false")


# --- when a vote may be given -------------------------------------------------------------------------------


def test_no_vote_before_half_of_both_was_played(open_rater, study):
    sight = open_rater(study)
    sight.said("Space plays both.")
    sight.press("1", "2", "3")
    sight.said("Watch half of each clip first.")
    sight.part("tie").click(force=True)
    assert sight.votes() == []
    sight.voted("1", play=True)
    assert len(study.votes()) == 1


def test_what_lies_below_is_not_watched(open_rater, study):
    sight = open_rater(study)
    sight.press("f", "Space")
    # three times through
    for _ in range(3):
        sight.page.wait_for_function("() => document.querySelector('video').currentTime > 0.7")
        sight.page.wait_for_function("() => document.querySelector('video').currentTime < 0.5")
    sight.press("1")
    assert sight.votes() == []
    sight.press("f")
    sight.voted("1")


def test_a_skip_needs_no_watching(open_rater, study):
    sight = open_rater(study)
    sight.press("0")
    sight.answer()
    assert [vote["choice"] for vote in study.votes()] == ["skip"]


def test_watching_can_be_left_to_the_rater(open_rater, study):
    sight = open_rater(study, must_watch=False)
    sight.press("2")
    sight.answer()
    assert [vote["choice"] for vote in study.votes()] == ["right"]


def test_a_key_held_down_votes_once_and_others_keys_are_left_alone(open_rater, study):
    sight = open_rater(study, must_watch=False)
    sight.part("root").focus()
    sight.page.keyboard.down("1")
    sight.answer()
    sight.shown()
    sight.page.keyboard.down("1")
    sight.page.keyboard.down("1")
    sight.page.keyboard.up("1")
    sight.press("Control+2", "Alt+2", "x", "9", "Enter")
    assert len(sight.votes()) == 1


def test_seconds_count_from_the_clips_on_and_not_while_the_page_is_hidden(open_rater, study):
    sight = open_rater(study, must_watch=False, answered=False)
    sight.page.clock.install()
    sight.page.clock.run_for(30_000)
    before = sight.page.evaluate("() => performance.now()")
    sight.answer()
    sight.shown()
    sight.page.clock.run_for(2_000)
    sight.page.evaluate(HIDDEN, True)
    sight.page.clock.run_for(60_000)
    sight.page.evaluate(HIDDEN, False)
    sight.page.clock.run_for(1_500)
    sight.press("1")
    passed = (sight.page.evaluate("() => performance.now()") - before) / 1000
    (vote,) = sight.votes()
    assert passed > 63
    assert 3.5 <= vote["seconds"] <= passed - 60


def test_whether_there_was_sound_is_recorded(open_rater, study):
    sight = open_rater(study)
    assert all(video["muted"] for video in sight.videos())
    sight.press("m")
    expect(sight.part("sound")).to_contain_text("Sound: left")
    assert [video["muted"] for video in sight.videos()] == [False, True]
    sight.press("m")
    assert [video["muted"] for video in sight.videos()] == [True, False]
    sight.press("f")
    assert [video["muted"] for video in sight.videos()] == [False, True], "what is on top is heard"
    sight.press("f", "Escape")
    sight.voted("1", play=True)
    sight.shown()
    sight.press("m", "m")
    assert all(video["muted"] for video in sight.videos())
    assert study.votes()[0]["sound"] is True
    assert study.votes()[0]["choice"] == "left"


def test_without_sound_none_is_recorded(open_rater, study):
    sight = open_rater(study)
    sight.voted("1", play=True)
    assert study.votes()[0]["sound"] is False


# --- playing ------------------------------------------------------------------------------------------------


def test_both_play_in_step_and_again(open_rater, tmp_path):
    study = Study.made(tmp_path / "study", 1, frames=73)
    sight = open_rater(study)
    sight.press("Space")
    expect(sight.part("play")).to_contain_text("Pause")
    sight.page.wait_for_function("() => document.querySelector('video').currentTime > 0.5")
    sight.page.evaluate("() => { document.querySelectorAll('video')[1].currentTime += 0.25; }")
    sight.page.wait_for_function(
        "() => { const [a, b] = document.querySelectorAll('video'); return !b.seeking && a.currentTime > 1 && Math.abs(a.currentTime - b.currentTime) < 0.083; }"
    )
    sight.press("Space")
    sight.page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((v) => v.paused && !v.seeking)"
    )
    left, right = sight.videos()
    assert left["time"] == right["time"]
    sight.press("Space")
    sight.page.wait_for_function("() => document.querySelector('video').currentTime > 2.5")
    sight.page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((v) => !v.paused && v.currentTime > 0 && v.currentTime < 1)"
    )


def test_who_plays_goes_on_playing_with_the_next_pair(open_rater, study):
    sight = open_rater(study)
    sight.voted("1", play=True)
    sight.shown()
    sight.page.wait_for_function("() => [...document.querySelectorAll('video')].every((v) => !v.paused)")


def test_with_reduced_motion_nothing_moves_unasked(open_rater, study):
    sight = open_rater(study, reduced_motion=True)
    sight.voted("1", play=True)
    sight.shown()
    sight.said("Space plays both.")
    assert all(video["paused"] for video in sight.videos())


def test_flip_lays_one_in_the_place_of_the_other(open_rater, study):
    sight = open_rater(study)

    def on_top():
        return sight.page.evaluate(
            """() => [...document.querySelectorAll(".sw-rater-side")].map((side) => getComputedStyle(side).opacity)"""
        )

    small = sight.videos()[0]["box"]
    assert on_top() == ["1", "1"]
    sight.press("f")
    left, right = sight.videos()
    assert left["box"] == right["box"]
    assert left["box"]["width"] > 1.8 * small["width"]
    assert on_top() == ["1", "0"]
    sight.said("Left clip on top")
    sight.press("f")
    assert on_top() == ["0", "1"]
    sight.part("flip").click()
    assert on_top() == ["1", "0"]
    sight.press("Escape")
    assert on_top() == ["1", "1"]
    assert sight.videos()[0]["box"] == small


# --- undo, criteria -----------------------------------------------------------------------------------------


def test_undo_brings_the_last_pair_back(open_rater, study):
    sight = open_rater(study)
    sight.voted("1", play=True)
    sight.shown()
    sight.press("u")
    sight.said("Taking back …")
    sight.answer()
    sight.shown()
    expect(sight.part("count")).to_have_text("1 of 3")
    assert study.votes() == []
    sight.voted("2")
    assert [vote["choice"] for vote in study.votes()] == ["right"]


def test_undo_after_the_last_and_with_nothing_to_undo(open_rater, tmp_path):
    study = Study.made(tmp_path / "study", 1)
    sight = open_rater(study)
    sight.press("u")
    sight.answer()
    sight.said("There is no vote to take back.")
    sight.voted("1", play=True)
    sight.said("Thank you. Your votes on 1 pair are saved.")
    sight.press("u")
    sight.answer()
    sight.shown()
    expect(sight.part("count")).to_have_text("1 of 1")


def test_after_the_reveal_nothing_is_offered_that_would_be_refused(open_rater, study):
    sight = open_rater(study, must_watch=False)
    study.is_revealed = True
    sight.press("1")
    sight.answer()
    expect(sight.part("status")).to_contain_text("blind votes are over")
    expect(sight.part("undo")).to_be_hidden()
    expect(sight.part("work")).to_be_hidden()
    sight.press("u")
    assert [message["kind"] for message in sight.stub.sent()] == ["ready", "vote"]


def test_criteria_one_after_the_other(open_rater, tmp_path):
    study = Study.made(tmp_path / "study", 2, criteria=("motion", "<b>beauty</b>"))
    sight = open_rater(study)
    expect(sight.part("question")).to_have_text("Which is better: motion? (1 of 2)")
    source = sight.videos()[0]["src"]
    sight.voted("1", play=True)
    expect(sight.part("question")).to_have_text("Which is better: <b>beauty</b>? (2 of 2)")
    assert sight.videos()[0]["src"] == source, "the same clips go on"
    sight.voted("2")
    expect(sight.part("count")).to_have_text("2 of 2")
    expect(sight.part("question")).to_have_text("Which is better: motion? (1 of 2)")
    assert [(vote["criterion"], vote["choice"]) for vote in study.votes()] == [
        ("motion", "left"),
        ("<b>beauty</b>", "right"),
    ]
    first, second = study.votes()
    assert second["seconds"] < first["seconds"], "each from its own question on"


# --- what can go wrong --------------------------------------------------------------------------------------


def test_nothing_new_is_shown_before_the_vote_is_confirmed(open_rater, study):
    sight = open_rater(study, must_watch=False)
    source = sight.videos()[0]["src"]
    sight.press("1", "2", "0", "u")
    assert len(sight.votes()) == 1
    sight.said("Saving …")
    assert sight.videos()[0]["src"] == source
    sight.answer()
    sight.shown()
    assert sight.videos()[0]["src"] != source
    assert len(study.votes()) == 1


def test_a_vote_that_is_not_written_is_told_and_can_be_given_again(open_rater, study):
    sight = open_rater(study, must_watch=False)
    study.file.mkdir()
    sight.press("1")
    sight.answer()
    expect(sight.part("status")).to_contain_text("Your vote is not saved, you can vote again")
    expect(sight.part("count")).to_have_text("1 of 3")
    study.file.rmdir()
    sight.press("1")
    sight.answer()
    expect(sight.part("count")).to_have_text("2 of 3")
    assert len(study.votes()) == 1


def test_without_an_answer_keys_do_nothing_and_that_is_told(open_rater, study):
    sight = open_rater(study, must_watch=False)
    sight.page.clock.install()
    sight.press("1")
    sight.page.clock.fast_forward(6_500)
    expect(sight.part("status")).to_contain_text("No answer yet")
    sight.press("2", "u", "0")
    assert len(sight.votes()) == 1
    assert [message["kind"] for message in sight.stub.sent()] == ["ready", "vote"]
    sight.page.clock.resume()
    sight.answer()
    expect(sight.part("count")).to_have_text("2 of 3")
    assert [vote["choice"] for vote in study.votes()] == ["left"]


def test_a_clip_that_cannot_be_shown_is_skipped(open_rater, study):
    study.trials()[0].left.unlink()
    sight = open_rater(study, answered=False)
    sight.answer()
    expect(sight.part("status")).to_contain_text("One of the two clips cannot be read. Skip this pair")
    sight.press("1", "Space", "f")
    assert sight.votes() == []
    sight.press("0")
    sight.answer()
    sight.shown()
    expect(sight.part("count")).to_have_text("2 of 3")


def test_a_browser_that_cannot_play_says_so(open_rater, study):
    sight = open_rater(study)
    trial = {"kind": "trial", "number": 9, "question": 0, "asks": "?", "done": 0, "total": 3, "seconds": 1.0}
    sight.stub.message({**trial, "ratio": 1.5, "watch": True, "problem": ""}, [clip("plain"), b"no clip"])
    expect(sight.part("status")).to_contain_text("cannot play one of the clips. Skip this pair.")
    expect(sight.part("stage")).to_have_attribute("data-shown", "false")
    expect(sight.part("skip")).to_have_attribute("aria-disabled", "false")
    expect(sight.part("left")).to_have_attribute("aria-disabled", "true")


def test_what_comes_next_can_be_asked_for_again(open_rater, study):
    sight = open_rater(study, must_watch=False)
    away = study.folder.with_name("away")
    (study.folder / "secret-item-1").rename(away)
    (study.folder / "secret-item-x").mkdir()
    sight.press("1")
    sight.answer()
    expect(sight.part("status")).to_contain_text("Your vote is saved. What comes next cannot be shown")
    (study.folder / "secret-item-x").rmdir()
    away.rename(study.folder / "secret-item-1")
    sight.part("again").click()
    sight.answer()
    sight.shown()
    expect(sight.part("count")).to_have_text("2 of 3")


def test_the_view_lets_go_of_everything(open_rater, study):
    sight = open_rater(study)
    sight.press("Space")
    assert len(sight.stub.live_urls()) == 2
    sight.stub.abort()
    assert sight.stub.live_urls() == []
    assert sight.stub.listening() == {}
    assert all(video["src"] is None for video in sight.videos())


# --- who can use it -----------------------------------------------------------------------------------------


def test_everything_can_be_reached_with_the_tab_key_and_space_presses_it(open_rater, study):
    sight = open_rater(study)
    sight.part("root").focus()
    reached = []
    for _ in range(9):
        sight.page.keyboard.press("Tab")
        reached.append(sight.page.evaluate("() => document.activeElement.dataset.testid"))
    assert reached == [
        f"rater-{name}" for name in ("left", "tie", "right", "skip", "play", "flip", "apart", "sound", "undo")
    ]
    sight.part("play").press("Space")
    expect(sight.part("play")).to_contain_text("Pause")


def test_a_mouse_leaves_the_keys_where_they_were(open_rater, study):
    sight = open_rater(study)
    sight.part("flip").click()
    sight.page.keyboard.press("Space")
    expect(sight.part("play")).to_contain_text("Pause")
    expect(sight.part("stage")).to_have_attribute("data-top", "1")


def test_keys_still_work_when_the_pressed_button_is_gone(open_rater, tmp_path):
    study = Study.made(tmp_path / "study", 1)
    sight = open_rater(study, must_watch=False)
    sight.part("left").press("Enter")
    sight.answer()
    expect(sight.part("status")).to_contain_text("Thank you")
    sight.page.keyboard.press("u")
    sight.answer()
    sight.shown()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_rater, study, theme):
    sight = open_rater(study, theme=theme)
    assert axe_violations(sight.page) == []
    sight.press("f", "f", "Space")
    assert axe_violations(sight.page) == []
    sight.press("Escape")
    sight.voted("1")
    assert axe_violations(sight.page) == []


@pytest.mark.parametrize("width", [320, 390, 900])
def test_it_fits_its_place(open_rater, study, width):
    sight = open_rater(study, width=width)
    assert sight.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    left, right = (video["box"] for video in sight.videos())
    assert left["y"] == right["y"]
    assert left["x"] < right["x"], "left is left on a phone too"
