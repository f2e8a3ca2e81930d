"""Flags in a prompt: what is taken, what stays, what is said; and that the clip and its row agree."""

from __future__ import annotations

import json
import warnings

import pytest

import seedance_widgets as sw
from seedance_widgets.request.fields import FIELDS
from seedance_widgets.request.legacy_flags import service_flags

MODEL = {"model": "seedance-1-5-pro"}
SAMPLE = "The kitten is yawning at the camera --rs 480p --rt 9:16 --dur 4 --seed 11 --cf true --wm true"
ASKED = {
    "resolution": "480p", "ratio": "9:16", "duration": 4, "seed": 11, "camera_fixed": True, "watermark": True,
}  # fmt: skip


def made(prompt, **params):
    """A request, and the one warning about flags ("" without)."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        request = sw.TaskRequest.from_params(prompt, **{**MODEL, **params})
    assert {each.category for each in told} <= {sw.LegacyFlagsWarning}
    assert len(told) <= 1
    return request, str(told[0].message) if told else ""


def given(request):
    """The fields that are set, besides the prompt and the model."""
    values = {name: getattr(request, name) for name in FIELDS if name not in ("prompt", "model")}
    return {name: value for name, value in values.items() if value not in (None, (), {})}


def told_by(studio, task):
    row = studio.log.to_pandas().loc[task.key]
    return {name: row[name] for name in ASKED}


# --- what is taken ------------------------------------------------------------------------------------------

TAKEN = [
    ("--rs 480p", {"resolution": "480p"}),
    ("--RS 480P --Rt 9:16", {"resolution": "480p", "ratio": "9:16"}),
    ("--ar 16:9", {"ratio": "16:9"}),
    ("--aspect_ratio=16:9", {"ratio": "16:9"}),
    ("--aspect-ratio: 16:9", {"ratio": "16:9"}),
    ("--aspectRatio 16:9", {"ratio": "16:9"}),
    ("--aspect 9:16", {"ratio": "9:16"}),
    ("--ar 16/9", {"ratio": "16:9"}),
    ("--ar 9x16", {"ratio": "9:16"}),
    ("--ar 1920:1080", {"ratio": "16:9"}),
    ("--ar 21:9", {"ratio": "21:9"}),
    ('--ar "16:9", --dur 5.', {"ratio": "16:9", "duration": 5}),
    ("--ratio adaptive", {"ratio": "adaptive"}),
    ("--rs 720", {"resolution": "720p"}),
    ("--quality 1080p", {"resolution": "1080p"}),
    ("--size 720p", {"resolution": "720p"}),
    ("--size 16:9", {"ratio": "16:9"}),
    ("--size 720x1280", {"resolution": "720p", "ratio": "9:16"}),
    ("--duration 5s", {"duration": 5}),
    ("--dur 5 seconds", {"duration": 5}),
    ("--seconds 8", {"duration": 8}),
    ("--length 8.0", {"duration": 8}),
    ("--dur -1", {"duration": -1}),
    ("--cf 1 --wm 0", {"camera_fixed": True, "watermark": False}),
    ("--camera-fixed yes", {"camera_fixed": True}),
    ("--audio off", {"generate_audio": False}),
    ("--no-audio", {"generate_audio": False}),
    ("--no-audio false", {"generate_audio": True}),
    ("--no_watermark --ar 1:1", {"watermark": False, "ratio": "1:1"}),
    ("--watermark --ar 1:1", {"watermark": True, "ratio": "1:1"}),
    ("--watermark", {"watermark": True}),
    ("--tier flex", {"service_tier": "flex"}),
    ("--fps 24", {}),
    ("--framespersecond 24", {}),
    ("---rs 480p", {"resolution": "480p"}),
    ("——rs 480p", {"resolution": "480p"}),
    ("－－rs 480p", {"resolution": "480p"}),
    ("—rs 480p –rt 9:16", {"resolution": "480p", "ratio": "9:16"}),
    ("—dur 5", {"duration": 5}),
    ("–no-audio", {"generate_audio": False}),
    ("--dur 4 --dur 8", {"duration": 8}),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "meant"), TAKEN, ids=[flags for flags, _ in TAKEN])
def test_what_has_one_meaning_is_taken(flags, meant):
    request, said = made(f"a fox runs {flags}")
    assert request.prompt == "a fox runs"
    assert given(request) == meant
    assert "--flags" in said
    assert all(f"{name}={value!r}" in said for name, value in meant.items())
    assert flags.split()[0].rstrip(":") in said
    request, _ = made(f"{flags}\na fox runs")
    assert (request.prompt, given(request)) == ("a fox runs", meant)


def test_the_sample_becomes_the_request_that_it_means():
    request, said = made(SAMPLE)
    assert request == sw.TaskRequest("The kitten is yawning at the camera", **MODEL, **ASKED)
    assert repr(request) == repr(sw.TaskRequest("The kitten is yawning at the camera", **MODEL, **ASKED))
    assert "passed over" not in said
    assert "stays" not in said


def test_a_flag_may_name_the_model():
    request, _ = made("a fox --model seedance-1-0-pro --frames 57", model=None)
    assert (request.spec.name, request.frames, request.prompt) == ("seedance-1-0-pro", 57, "a fox")


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("a fox\n--rs 480p\nruns", "a fox\nruns"),
        ("a fox --rs 480p\nruns", "a fox\nruns"),
        ("--rs 480p\na fox\nruns", "a fox\nruns"),
        ("a fox (--rs 480p)", "a fox"),
        ("a fox [--dur 4 --rs 480p] runs", "a fox runs"),
        ("a fox (red) --rs 480p", "a fox (red)"),
        ("a fox --rs 480p--dur 5", "a fox"),
        ("a fox--rs 480p", "a fox"),
        ("一只狐狸--rs 480p --dur 5", "一只狐狸"),
        ("一只狐狸，－－rs 480p。", "一只狐狸，"),
        ("a fox --watermark\nruns", "a fox\nruns"),
        ("a fox --rs 480p runs", "a fox runs"),
        ("--ratio --rs 480p 16:9 a fox", "a fox"),
    ],
)
def test_the_words_around_a_flag_stay(prompt, left):
    assert made(prompt)[0].prompt == left


@pytest.mark.parametrize(
    ("flags", "params", "counts", "said"),
    [
        ("--dur 4", {"duration": 8}, {"duration": 8}, "--dur 4 is passed over, since duration= is given"),
        ("--dur 4", {"frames": 57, "model": "seedance-1-0-pro"}, {"frames": 57}, "since frames= is given"),
        ("--seed 4", {"seed": -1}, {}, "--seed 4 is passed over, since seed= is given"),
        ("--wm true --rs 480p", {"watermark": False}, {"watermark": False, "resolution": "480p"},
         "--wm true is passed over"),
        ("--size 1280x720", {"ratio": "9:16"}, {"resolution": "720p", "ratio": "9:16"},
         "the ratio of --size 1280x720 is passed over"),
        ("--model seedance-1-0-pro", {}, {}, "since model= is given"),
    ],
)  # fmt: skip
def test_a_keyword_wins_and_that_is_said(flags, params, counts, said):
    request, warning = made(f"a fox {flags}", **params)
    assert given(request) == counts
    assert request.prompt == "a fox"
    assert said in warning


@pytest.mark.parametrize(
    ("flags", "parameter", "said"),
    [
        ("--rs 721p", "resolution", "--rs 721p"),
        ("--dur soon", "duration", "--dur soon"),
        ("--dur 99", "duration", "--dur 99"),
        ("--seconds 5.5", "duration", "--seconds 5.5"),
        ("--ar 2.39:1", "ratio", "--ar 2.39:1"),
        ("--ar 1.78", "ratio", "--ar 1.78"),
        ("--wm maybe", "watermark", "--wm maybe"),
        ("--frames 57", "frames", "--frames 57"),
        ("--fps 30", "framespersecond", "24 frames a second"),
    ],
)
def test_a_wrong_value_is_refused_by_name(flags, parameter, said):
    with pytest.raises(sw.InvalidRequest) as caught:
        made(f"a fox {flags}")
    assert [problem.parameter for problem in caught.value.problems] == [parameter]
    assert said in str(caught.value)


# --- what stays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prompt",
    [
        "a fox -- running --fast",
        "a cat — duration unknown",
        "a cat —duration unknown",
        "a cat —ratio of sizes 16:9",
        "a snake —length 8 metres long",
        "a wall —frames 3 of them",
        "a sound —audio of waves",
        "a fox - ratio 16:9",
        "a well-known fox—dur 5",
        "a screen reads `--rs 480p`",
        'he types "--seed 5"',
        "a fox -- rs 720p",
        "a fox ----rs",
        "a —no collar— dog",
        "a snake--length 8 metres long",
        "a cat--duration unknown",
        "he waits--no answer",
        "https://example.com/--rs 480p",
    ],
)
def test_prose_stays_as_it_is_unsaid(prompt):
    request, said = made(prompt)
    assert (request.prompt, given(request), said) == (prompt, {}, "")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--v 6", "--v 6 is not known here and stays in the prompt"),
        ("--style raw", "--style raw is not known here"),
        ("--q 2", "--q 2 is not known here"),
        ("--no text", "--no text is not known here"),
        ("--cfg 7.5", "--cfg 7.5 is not known here"),
        ("--raito 16:9", "--raito 16:9 is not known here and stays in the prompt (is --ratio meant?)"),
        ("--size large", "--size large says no resolution and stays"),
        ("--quality 2", "--quality 2 says no resolution and stays"),
        ("--audio waves", "--audio waves says no generate_audio and stays"),
        ("--dur", "--dur says no duration and stays"),
        ("--image https://example.com/a.png", "(first_frame= is a parameter)"),
    ],
)
def test_what_is_of_others_stays_and_is_said(flags, said):
    request, warning = made(f"a fox {flags}")
    assert (request.prompt, given(request)) == (f"a fox {flags}", {})
    assert said in warning
    request, warning = made(f"a fox {flags} --rs 480p")
    assert (request.prompt, request.resolution) == (f"a fox {flags}", "480p")
    assert said in warning


# --- sending, refusing, reading back ------------------------------------------------------------------------


def test_refuse_names_each_flag_and_what_to_pass():
    with pytest.raises(sw.InvalidRequest) as caught:
        made("a fox --rs 480p --v 6", legacy_flags="refuse")
    assert [(problem.parameter, problem.value) for problem in caught.value.problems] == [
        ("prompt", "--rs 480p"), ("prompt", "--v 6"),
    ]  # fmt: skip
    assert "pass resolution='480p'" in str(caught.value)
    assert made("a fox -- runs", legacy_flags="refuse")[0].prompt == "a fox -- runs"


def test_send_leaves_the_prompt_and_says_what_the_service_makes_of_it():
    prompt = "a fox --rs 480p --dur 99 --ar 9:16 --v 6 --wm true --seed 11"
    request, said = made(prompt, legacy_flags="send")
    assert request.prompt == prompt
    assert given(request) == {"resolution": "480p", "watermark": True, "seed": 11}
    body = request.to_dict()
    assert body["content"] == [{"type": "text", "text": prompt}]
    assert (body["resolution"], body["duration"], body["ratio"]) == ("480p", 5, "adaptive")
    assert "--rs 480p is read by the service as resolution='480p'" in said
    assert "--dur 99 is not legal, so that the service takes its default" in said
    assert "--ar 9:16 is part of the text" in said
    assert "--v 6 is part of the text" in said
    request, said = made(prompt, legacy_flags="send", resolution="720p")
    assert request.resolution == "720p"
    assert "--rs 480p is passed over, since resolution= is given" in said


def test_another_word_is_refused():
    with pytest.raises(sw.InvalidRequest, match="legacy_flags='keep': takes convert, send, refuse"):
        sw.TaskRequest("a fox", legacy_flags="keep")
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest.from_params("a fox", legacy_flag="send")
    assert caught.value.problems[0].nearest == "legacy_flags"


@pytest.mark.parametrize(
    "body",
    [
        {"resolution": "720p", "ratio": "16:9", "duration": 5, "generate_audio": True},
        {"generate_audio": True},
        {"generate_audio": True, "extra_of_old": 1},
        {"generate_audio": True, "aspect_ratio": "9:16"},
    ],
)
@pytest.mark.parametrize("prompt", [SAMPLE, "a fox --ar 9:16 --v 6", "a fox —dur 4", "a fox --dur soon"])
def test_a_body_reads_back_as_it_was_sent(prompt, body):
    stored = {"model": "seedance-1-5-pro-251215", "content": [{"type": "text", "text": prompt}], **body}
    request = sw.TaskRequest.from_dict(json.loads(json.dumps(stored)))
    assert request.prompt == prompt
    spelled = {"resolution": "720p", "ratio": "adaptive", "duration": 5}
    told = service_flags(prompt)[1] if prompt == SAMPLE else {}
    open_ = {name: value for name, value in spelled.items() if name not in told}
    assert request.to_dict() == {**open_, **stored}
    assert request.replace(seed=3).to_dict() == {**open_, **stored, "seed": 3}
    assert eval(repr(request), {"TaskRequest": sw.TaskRequest}) == request


def test_a_copy_keeps_its_prompt_and_a_new_prompt_is_read():
    sent = sw.TaskRequest.from_dict(
        {"model": MODEL["model"], "content": [{"type": "text", "text": SAMPLE}], "resolution": "720p"}
    )
    assert sent.replace(duration=8).prompt == SAMPLE
    with pytest.warns(sw.LegacyFlagsWarning, match="resolution='480p'"):
        changed = sent.replace(prompt="a fox --rs 480p --dur 4", duration=8)
    assert (changed.prompt, changed.resolution, changed.duration) == ("a fox", "480p", 8)
    by_frames = sw.TaskRequest("a fox", model="seedance-1-0-pro", frames=57)
    with pytest.warns(sw.LegacyFlagsWarning):
        changed = by_frames.replace(prompt="a cat --dur 4")
    assert (changed.frames, changed.duration) == (None, 4)
    refusing = sw.TaskRequest("a fox", legacy_flags="refuse", **MODEL)
    with pytest.raises(sw.InvalidRequest, match="--rs 480p"):
        refusing.replace(prompt="a cat --rs 480p")


def test_a_copy_with_other_fields_of_the_body_is_checked():
    stored = {"model": MODEL["model"], "content": [{"type": "text", "text": "a fox"}], "aspect_ratio": "9:16"}
    sent = sw.TaskRequest.from_dict(stored)
    assert sent.replace(seed=3).extra == {"aspect_ratio": "9:16"}
    with pytest.raises(sw.InvalidRequest, match="the service calls it duration"):
        sent.replace(extra={"seconds": 4})


def test_the_way_of_flags_is_no_part_of_the_request():
    plain = sw.TaskRequest("a fox", **MODEL)
    for way in ("convert", "send", "refuse"):
        other = sw.TaskRequest("a fox", legacy_flags=way, **MODEL)
        assert (other, repr(other), other.to_dict()) == (plain, repr(plain), plain.to_dict())


def test_an_estimate_is_of_what_the_prompt_asks_for():
    plain = sw.estimate(resolution="480p", ratio="9:16", duration=4, **MODEL)
    assert plain.exact
    for way in ("convert", "send"):
        with pytest.warns(sw.LegacyFlagsWarning):
            guess = sw.estimate("a fox --rs 480p --rt 9:16 --dur 4", legacy_flags=way, **MODEL)
        assert (guess.tokens, guess.usd, guess.width) == (plain.tokens, plain.usd, 496)
    sent = sw.TaskRequest.from_dict({"model": MODEL["model"], "content": [{"type": "text", "text": SAMPLE}]})
    assert sw.estimate(sent).tokens == plain.tokens


# --- the clip and its row -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["convert", "send"])
async def test_the_sample_is_made_and_its_row_tells_the_truth(studio, simulator, way):
    with pytest.warns(sw.LegacyFlagsWarning) as told:
        task = await studio.generate(SAMPLE, legacy_flags=way, **MODEL)
    assert len(told) == 1
    assert told_by(studio, task) == ASKED
    assert simulator.tasks()[0]["billed_tokens"] == task.tokens == sw.estimate(task.request).tokens
    row = studio.log.to_pandas().loc[task.key]
    assert (row["requested_seed"], row["width"], row["height"]) == (11, 496, 864)
    assert row["prompt"] == (SAMPLE if way == "send" else "The kitten is yawning at the camera")


async def test_a_body_in_the_old_way_is_sent_raw_and_told_truly(studio):
    body = {"model": "seedance-1-5-pro-251215", "content": [{"type": "text", "text": SAMPLE}]}
    task = await studio.generate(sw.TaskRequest.from_dict(body))
    assert told_by(studio, task) == ASKED
    assert studio.log.to_pandas().loc[task.key]["requested_seed"] == 11
    assert task.request.to_dict() == {**body, "generate_audio": True}
    assert (await studio.rerun(task)).request.prompt == SAMPLE


async def test_a_raw_task_is_sent_again_as_it_was(studio):
    with pytest.warns(sw.LegacyFlagsWarning):
        task = await studio.generate(SAMPLE, legacy_flags="send", **MODEL)
    again = await studio.rerun(task)
    assert again.request.to_dict() == task.request.to_dict()
    assert told_by(studio, await again) == ASKED


async def test_a_refused_flag_sends_nothing(studio, simulator):
    with pytest.raises(sw.InvalidRequest, match="--rs 721p"):
        await studio.submit("a fox --rs 721p", **MODEL)
    with pytest.raises(sw.InvalidRequest, match="pass resolution"):
        await studio.submit("a fox --rs 720p", legacy_flags="refuse", **MODEL)
    assert simulator.tasks() == []
    assert studio.log.to_pandas().empty
