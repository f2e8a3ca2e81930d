"""The rater's Python side: what it tells of a pair, and that a vote is written before anything else is shown."""

from __future__ import annotations

import io
import json

import av
import numpy as np
import pytest
from anywidget import AnyWidget
from clips import hevc_clip
from rating import SECRETS, Study, clip, pictures

import seedance_widgets as sw
from seedance_widgets.errors import InvalidStudy, MediaError
from seedance_widgets.simulator.render import Scene, render_mp4
from seedance_widgets.study.judging.anonymize import blind_pair
from seedance_widgets.study.judging.title_masks import title_of
from seedance_widgets.widgets.rater import BlindRater


class Talk:
    """A rater, and what it answers to a view."""

    def __init__(self, study, **options) -> None:
        self.answers: list = []
        self.rater = BlindRater(study, **options)
        self.rater.send = lambda content, buffers=(): self.answers.append((content, list(buffers)))

    def __call__(self, kind, **content):
        """The one answer to a message: its content and its buffers."""
        self.answers.clear()
        self.rater._handle_custom_msg({"kind": kind, **content}, [])
        assert len(self.answers) == 1
        return self.answers[0]

    def vote(self, choice, number=None, question=0, **more):
        return self("vote", number=number, question=question, choice=choice, seconds=1.5, sound=False, **more)


def luma(data):
    """The brightness of a clip's frames."""
    with av.open(io.BytesIO(data)) as container:
        return [
            frame.to_ndarray(format="yuv420p")[: frame.height].astype(int)
            for frame in container.decode(video=0)
        ]


def write(path, data):
    path.write_bytes(data)
    return path


# --- two clips made alike -----------------------------------------------------------------------------------


def test_the_clips_of_these_tests_are_full_of_what_a_rater_must_not_learn():
    data = clip("plain")
    assert all(
        word.encode() in data for word in ("secret-plain", "secret-note", "secret-dolly", "x264", "4242424")
    )


def test_nothing_but_picture_and_sound_is_left(tmp_path):
    left, right = (write(tmp_path / f"{arm}.mp4", clip(arm)) for arm in ("plain", "camera"))
    pair = blind_pair(left, right)
    for data, path in ((pair.left, left), (pair.right, right)):
        assert not [word for word in SECRETS if word.encode() in data]
        with av.open(io.BytesIO(data)) as bare, av.open(str(path)) as original:
            assert set(bare.metadata) == {"major_brand", "minor_version", "compatible_brands"}
            assert [stream.type for stream in bare.streams] == ["video", "audio"]
            heard = [
                [bytes(p) for p in one.demux(one.streams.audio[0]) if p.size] for one in (bare, original)
            ]
        assert pictures(data) == pictures(path.read_bytes()), "not one is coded anew"
        assert heard[0] == heard[1][: len(heard[0])]
        assert len(heard[1]) - len(heard[0]) <= 1, "what sounds after the last picture"
    assert pair.left == pair.right, "the same clip but for its notes"


def test_both_have_as_many_bytes_and_the_length_that_both_have(tmp_path):
    left = write(tmp_path / "a.mp4", clip("plain", 49, 320, 192))
    right = write(tmp_path / "b.mp4", clip("camera", 25, 160, 160, audio=False))
    pair = blind_pair(left, right)
    assert len(pair.left) == len(pair.right)
    assert pair.seconds == pytest.approx(25 / 24)
    assert pair.ratio == pytest.approx((320 / 192) ** 0.5)
    for data in (pair.left, pair.right):
        with av.open(io.BytesIO(data)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 25
            assert container.duration == pytest.approx(25 / 24 * 1e6, abs=45_000), "a packet of sound at most"


def test_simulated_clips_lose_the_words_of_their_prompts_in_places_of_one_size(tmp_path):
    """Letters are what differs most between neighbours in a row; squares differ at their sides only."""
    prompts = ("a fog", "a fog, and the camera rises slowly through it until the sun is seen, at last")
    files = [
        write(tmp_path / f"{n}.mp4", render_mp4(Scene(320, 192, 49, seed=1, prompt=prompt, audio=True)))
        for n, prompt in enumerate(prompts)
    ]
    titles = [title_of(path) for path in files]
    right, bottom = round(320 * titles[1].right), round(192 * titles[1].bottom)
    assert titles[0].right < titles[1].right
    pair = blind_pair(*files)
    for data, path in ((pair.left, files[0]), (pair.right, files[1])):
        before, after = luma(path.read_bytes()), luma(data)
        assert len(before) == len(after) == 49
        shown, covered = before[5][:bottom, :right], after[5][:bottom, :right]
        assert np.abs(np.diff(shown, axis=1)).max() > 60, "there is something to read"
        edges = np.abs(np.diff(covered, axis=1))
        within = np.delete(edges, range(7, edges.shape[1], 8), axis=1)
        assert within.mean() < 2
        assert np.abs(after[5][bottom + 8 :] - before[5][bottom + 8 :]).mean() < 3
        assert np.abs(after[45] - before[45]).mean() < 3, "its time is over"
        with av.open(io.BytesIO(data)) as container:
            assert [stream.type for stream in container.streams] == ["video", "audio"]


def test_a_codec_that_no_browser_plays_is_encoded_anew(tmp_path):
    pair = blind_pair(hevc_clip(tmp_path / "a.mp4"), write(tmp_path / "b.mp4", clip("plain")))
    with av.open(io.BytesIO(pair.left)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    assert b"x265" not in pair.left


@pytest.mark.parametrize("content", [None, b"", b"no clip at all" * 100])
def test_what_is_no_clip_is_refused(tmp_path, content):
    good, bad = write(tmp_path / "a.mp4", clip("plain")), tmp_path / "b.mp4"
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(MediaError, match=r"b\.mp4"):
        blind_pair(good, bad)


# --- from the first pair to the last ------------------------------------------------------------------------


def test_a_whole_study_leaves_no_trace_of_a_name(tmp_path):
    study = Study.made(tmp_path, 3)
    talk = Talk(study)
    said = [talk("ready")]
    for choice in ("left", "tie", "skip"):
        content = said[-1][0]
        assert content["kind"] == "trial"
        said.append(talk.vote(choice, content["number"]))
    assert said[-1][0]["kind"] == "over"
    assert "3 pairs are saved" in said[-1][0]["words"]
    assert [(vote["trial"], vote["choice"]) for vote in study.votes()] == [
        ("secret-trial-0", "left"),
        ("secret-trial-1", "tie"),
        ("secret-trial-2", "skip"),
    ]
    assert {(vote["seconds"], vote["sound"], vote["criterion"]) for vote in study.votes()} == {
        (1.5, False, None)
    }
    trials = [content for content, _ in said[:-1]]
    assert [(each["number"], each["done"], each["total"]) for each in trials] == [
        (1, 0, 3),
        (2, 1, 3),
        (3, 2, 3),
    ]
    assert len({tuple(each) for each in trials}) == 1, "messages of one shape"
    everything = repr([said, talk.rater.get_state(), talk.rater]).encode() + b"".join(
        buffer for _, buffers in said for buffer in buffers
    )
    assert not [word for word in SECRETS if word.encode() in everything]
    assert {len(buffers[0]) - len(buffers[1]) for _, buffers in said[:-1]} == {0}


def test_the_state_that_a_notebook_saves_holds_nothing(tmp_path):
    talk = Talk(Study.made(tmp_path, 1))
    before = json.dumps(talk.rater.get_state(), default=str)
    talk("ready")
    talk.vote("left", 1)
    assert json.dumps(talk.rater.get_state(), default=str) == before
    assert len(before) < 30_000
    assert set(talk.rater.keys) - set(AnyWidget().keys) == {"_css"}


def test_a_vote_is_written_before_the_next_pair_is_shown(tmp_path):
    study = Study.made(tmp_path, 2)
    talk = Talk(study)
    talk("ready")
    written = []
    talk.rater.send = lambda *_, **__: written.append(len(Study(tmp_path).votes()))
    talk.rater._handle_custom_msg({"kind": "vote", "number": 1, "question": 0, "choice": "left"}, [])
    assert written == [1]


def test_a_vote_that_cannot_be_written_can_be_given_again(tmp_path):
    study = Study.made(tmp_path, 2)
    talk = Talk(study)
    talk("ready")
    study.file.mkdir()  # in the way
    content, _ = talk.vote("left", 1)
    assert content["kind"] == "failed"
    assert content["reason"].startswith("Your vote is not saved, you can vote again: Is a directory")
    assert isinstance(talk.rater.error, IsADirectoryError)
    study.file.rmdir()
    assert study.votes() == []
    assert talk.vote("left", 1)[0]["number"] == 2
    assert [vote["choice"] for vote in study.votes()] == ["left"]


def test_votes_of_a_view_that_lags_behind_count_once(tmp_path):
    study = Study.made(tmp_path, 3)
    talk = Talk(study)
    talk("ready")
    talk.vote("left", 1)
    for stale in ({"number": 1}, {"number": 7}, {"number": None}, {"number": 2, "question": 5}):
        content, buffers = talk.vote("right", **stale)
        assert (content["kind"], content["number"], buffers) == ("trial", 2, [])
    assert [vote["choice"] for vote in study.votes()] == ["left"]


def test_a_page_that_is_loaded_again_gets_the_same_pair_under_the_same_number(tmp_path):
    talk = Talk(Study.made(tmp_path, 2))
    first, second = talk("ready"), talk("ready")
    assert first == second
    assert len(first[1]) == 2


def test_another_widget_goes_on_where_the_last_one_stopped(tmp_path):
    study = Study.made(tmp_path, 3)
    talk = Talk(study)
    talk("ready")
    talk.vote("left", 1)
    content, _ = Talk(Study(tmp_path))("ready")
    assert (content["number"], content["done"]) == (1, 1)
    content, _ = Talk(Study(tmp_path), rater="ana")("ready")
    assert content["done"] == 0


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1", None, True])
def test_a_time_that_is_none_is_not_written(tmp_path, seconds):
    study = Study.made(tmp_path, 1)
    talk = Talk(study)
    talk("ready")
    talk("vote", number=1, question=0, choice="left", seconds=seconds, sound=1)
    assert study.votes()[0]["seconds"] is None
    assert study.votes()[0]["sound"] is True


@pytest.mark.parametrize("content", [None, "vote", [], {}, {"kind": "load", "id": 1}])
def test_other_messages_are_left_alone(tmp_path, content):
    talk = Talk(Study.made(tmp_path, 1))
    talk.rater._handle_custom_msg(content, [])
    assert talk.answers == []


# --- criteria -----------------------------------------------------------------------------------------------


def test_criteria_are_asked_one_after_the_other_about_the_same_clips(tmp_path):
    study = Study.made(tmp_path, 2, criteria=("motion", "beauty"))
    talk = Talk(study)
    content, buffers = talk("ready")
    assert content["asks"] == "Which is better: motion? (1 of 2)"
    assert len(buffers) == 2
    content, buffers = talk.vote("left", 1, 0)
    assert (content["number"], content["question"], buffers) == (1, 1, [])
    assert content["asks"] == "Which is better: beauty? (2 of 2)"
    content, buffers = talk.vote("right", 1, 1)
    assert (content["number"], content["question"], len(buffers)) == (2, 0, 2)
    assert [(vote["criterion"], vote["choice"]) for vote in study.votes()] == [
        ("motion", "left"),
        ("beauty", "right"),
    ]


def test_undo_goes_back_one_question_at_a_time(tmp_path):
    study = Study.made(tmp_path, 2, criteria=("motion", "beauty"))
    talk = Talk(study)
    talk("ready")
    talk.vote("left", 1, 0)
    talk.vote("right", 1, 1)
    content, buffers = talk("undo")
    assert (content["question"], content["done"], len(buffers)) == (1, 0, 2)
    number = content["number"]
    content, buffers = talk("undo")
    assert (content["number"], content["question"], buffers) == (number, 0, [])
    assert study.votes() == []
    assert talk("undo")[0] == {"kind": "failed", "reason": "There is no vote to take back."}
    talk.vote("tie", number, 0)
    assert [vote["choice"] for vote in study.votes()] == ["tie"]


# --- undo, and what has been watched ------------------------------------------------------------------------


def test_undo_shows_the_pair_again_and_it_need_not_be_watched_twice(tmp_path):
    study = Study.made(tmp_path, 2)
    talk = Talk(study)
    assert talk("ready")[0]["watch"] is True
    assert talk.vote("left", 1)[0]["watch"] is True
    content, buffers = talk("undo")
    assert (content["number"], content["done"], content["watch"], len(buffers)) == (3, 0, False, 2)
    talk.vote("right", 3)
    assert [vote["choice"] for vote in study.votes()] == ["right"]


def test_a_skipped_pair_has_not_been_watched(tmp_path):
    talk = Talk(Study.made(tmp_path, 2))
    talk("ready")
    talk.vote("skip", 1)
    assert talk("undo")[0]["watch"] is True


def test_the_last_vote_of_an_earlier_widget_can_be_taken_back(tmp_path):
    study = Study.made(tmp_path, 1)
    talk = Talk(study)
    talk("ready")
    talk.vote("left", 1)
    later = Talk(study)
    assert later("ready")[0]["kind"] == "over"
    assert later("undo")[0]["kind"] == "trial"
    assert study.votes() == []


def test_watching_can_be_left_to_the_rater(tmp_path):
    assert Talk(Study.made(tmp_path, 1), must_watch=False)("ready")[0]["watch"] is False


# --- what can go wrong --------------------------------------------------------------------------------------


def test_a_clip_that_cannot_be_read_is_told_without_its_name_and_can_be_skipped(tmp_path):
    study = Study.made(tmp_path, 2)
    study.trials()[0].left.unlink()
    talk = Talk(study)
    content, buffers = talk("ready")
    assert buffers == []
    assert "cannot be read" in content["problem"]
    assert not [word for word in SECRETS if word in str(content)]
    assert "video.mp4" in str(talk.rater.error)
    content, buffers = talk.vote("skip", 1)
    assert (content["number"], content["problem"], len(buffers)) == (2, "", 2)


def test_a_study_that_fails_is_told_in_words_without_names(tmp_path):
    class Broken(Study):
        def next_trial(self, rater):
            raise RuntimeError("secret-arm")

    talk = Talk(Broken.made(tmp_path, 1))
    content, _ = talk("ready")
    assert content["kind"] == "stuck"
    assert content["reason"].startswith("What comes next cannot be shown: RuntimeError.")
    assert "secret" not in str(content)
    assert str(talk.rater.error) == "secret-arm"


def test_a_vote_that_is_saved_is_never_said_to_have_failed(tmp_path):
    study = Study.made(tmp_path, 2)
    talk = Talk(study)
    talk("ready")
    (tmp_path / "secret-item-1").rename(tmp_path / "secret-item-x")
    content, _ = talk.vote("left", 1)
    assert content["kind"] == "stuck"
    assert content["reason"].startswith("Your vote is saved. What comes next cannot be shown")
    (tmp_path / "secret-item-x").rename(tmp_path / "secret-item-1")
    assert talk("ready")[0]["number"] == 2


def test_what_a_study_refuses_is_told_in_its_words(tmp_path):
    class Over(Study):
        def vote(self, *_, **__):
            raise InvalidStudy("blind voting has ended")

    talk = Talk(Over.made(tmp_path, 1))
    talk("ready")
    assert (
        talk.vote("left", 1)[0]["reason"]
        == "Your vote is not saved, you can vote again: blind voting has ended"
    )


def test_a_revealed_study_takes_no_votes(tmp_path):
    study = Study.made(tmp_path, 1)
    study.is_revealed = True
    content, buffers = Talk(study)("ready")
    assert (content["kind"], content["phase"]) == ("over", "closed")
    assert "blind votes are over" in content["words"]
    assert buffers == []


def test_a_study_without_clips_says_so_and_can_be_asked_again(tmp_path):
    talk = Talk(Study(tmp_path))
    assert talk("ready")[0] == {"kind": "stuck", "reason": "No pair of clips is there yet."}
    Study.made(tmp_path, 1)
    assert talk("ready")[0]["number"] == 1


def test_its_name():
    assert sw.BlindRater is BlindRater
    assert "BlindRater" in sw.__all__
