"""The form without a browser: what it offers, what it says, and what it sends."""

from __future__ import annotations

import html
import time
from datetime import datetime

import pytest
from pictures import photo

import seedance_widgets as sw
from seedance_widgets.request.fields import MODE_TITLES


@pytest.fixture
def form(studio):
    return sw.ParameterForm(studio)


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def choose(form, **values):
    for name, value in values.items():
        form._controls[name].set(value)


def shown(form, name):
    return form._controls[name].box.layout.display != "none"


def test_nothing_is_sent_by_showing_it(form, simulator):
    assert simulator.tasks() == []
    assert form._button.disabled
    assert form.params["model"] == "dreamina-seedance-2-0-mini"


@pytest.mark.parametrize("model", [model.name for model in sw.catalog.models()])
def test_each_model_offers_what_it_takes_and_no_more(form, model):
    form._model.value = model
    spec = sw.catalog.find(model)
    assert dict(form._mode.options)[MODE_TITLES[spec.modes[0]]] == spec.modes[0]
    assert shown(form, "frames") == (spec.frames is not None)
    assert shown(form, "generate_audio") == spec.audio
    assert shown(form, "seed") == (spec.seed is not None)
    assert shown(form, "draft") == (spec.draft is not None)
    assert [value for _, value in form._controls["resolution"]._input.options] == list(
        spec.resolutions_in(form.mode)
    )
    # what is retired is not praised
    retired = spec.retirement is not None
    assert (html.escape(spec.advice) in form._advice.value) == (not retired)
    assert ("Retired on" in form._advice.value) == retired


def test_a_change_of_model_keeps_what_fits_and_says_what_does_not(form):
    form._model.value = "seedance-1-5-pro"
    choose(form, resolution="1080p", ratio="21:9")
    form._model.value = "dreamina-seedance-2-0-mini"
    assert form.params["resolution"] == "720p"
    assert form.params["ratio"] == "21:9"
    assert "1080p is not offered here" in form._notice.value


def test_the_price_follows_each_change(form):
    form._model.value = "seedance-1-5-pro"
    form._prompt.value = "a fox"
    choose(form, ratio="16:9", resolution="720p")
    assert "$0.2614 ✓" in form._price.value
    assert "$0.1307" in form._price.value
    choose(form, generate_audio=False)
    assert "$0.1307 ✓" in form._price.value
    choose(form, resolution="480p")
    assert "864 x 496 px · 121 frames · 50,638 tokens" in form._price.value


def test_an_illegal_value_is_explained_beside_its_control(form):
    form._model.value = "seedance-1-5-pro"
    form._prompt.value = "a fox"
    choose(form, duration="99", seed="soon")
    assert "4 to 12" in form._controls["duration"]._line.value
    assert "whole number" in form._controls["seed"]._line.value
    assert form._button.disabled
    choose(form, duration="5", seed="11")
    assert not form._button.disabled
    assert form.params["duration"] == 5


def test_frames_take_the_place_of_seconds(form):
    form._model.value = "seedance-1-0-pro"
    form._prompt.value = "a fox"
    choose(form, frames="57")
    assert form.params["frames"] == 57
    assert "duration" not in form.params
    assert not shown(form, "duration")


def test_a_draft_narrows_the_rest(form):
    form._model.value = "seedance-1-5-pro"
    form._prompt.value = "a fox"
    choose(form, draft=True)
    assert form.params["resolution"] == "480p"
    assert not form._button.disabled


def test_modes_ask_for_their_pictures(form):
    form._mode.value = "first_frame"
    form._prompt.value = "a fox"
    assert form.mode == "first_frame"
    form._inputs._first.add(photo(1600, 1200))
    assert form.request.mode == "first_frame"
    form._model.value = "seedance-1-0-lite-i2v"
    form._mode.value = "reference"
    form._inputs._references.add(photo(800, 800))
    assert form.request.mode == "reference"
    assert form._chips.children[0].description == "[Image 1]"
    form._chips.children[0].click()
    assert form._prompt.value == "a fox [Image 1] "


def test_a_moved_crop_is_what_is_sent(form):
    form._mode.value = "first_frame"
    form._inputs._first.add(photo(1600, 1200))
    choose(form, ratio="21:9")
    assert form.request.first_frame.crop is None
    cropper = form._inputs._cropper
    assert cropper.ratio == "21:9"
    cropper.rect = [0, 0, 1596, 684]
    sent = form.request.first_frame
    assert sent.crop == sw.Crop(0, 0, 1596, 684)
    assert sent.width * 3 == sent.height * 7


def test_a_picture_that_cannot_be_seen_takes_the_last_ones_cropper_away(form):
    form._mode.value = "first_frame"
    form._prompt.value = "a fox"
    form._inputs._first.add(photo(1600, 1200))
    choose(form, ratio="21:9")
    cropper = form._inputs._cropper
    cropper.rect = [0, 0, 1596, 684]
    form._inputs._first.add("https://example.com/fox.png")
    assert form._inputs._cropper_box.children == ()
    assert cropper.comm is None
    assert form.request.first_frame.url == "https://example.com/fox.png"


def test_a_model_is_retired_by_the_studios_clock(tmp_path, clock):
    live = "dreamina-seedance-2-0-mini"
    for day, retired, taken in (("2026-11-10", False, "seedance-1-5-pro"), ("2026-11-11", True, live)):
        clock.now = datetime.fromisoformat(f"{day}T12:00+00:00").timestamp()
        with sw.Studio(tmp_path / day, simulate=True, clock=clock) as studio:
            form = sw.ParameterForm(studio)
            assert form.params["model"] == taken
            form._model.value = "seedance-1-5-pro"
            assert form._model.options[0][0].endswith("(retired)") == retired
            assert (f"Take {live} instead" in form._advice.value) == retired
            assert ("Recommended by the service" in form._advice.value) == (not retired)


def test_generate_sends_once_and_the_kernel_goes_on(form, studio, simulator):
    form._model.value = "seedance-1-5-pro"
    form._prompt.value = "a fox by the sea"
    choose(form, resolution="480p", ratio="1:1", duration="4", seed="11")
    form._button.click()
    form._button.click()  # a double click
    until(lambda: form.tasks)
    until(lambda: "is done" in form._status.value)
    assert len(simulator.tasks()) == 1
    row = studio.log.to_pandas().iloc[0]
    assert (row["prompt"], row["seed"], row["status"]) == ("a fox by the sea", 11, "succeeded")
    assert "<video" in form._lasting._bundle()["text/html"]


def test_same_again_takes_a_new_seed(form, studio):
    form._model.value = "seedance-1-5-pro"
    form._prompt.value = "a fox"
    choose(form, resolution="480p", ratio="1:1", duration="4", seed="11")
    form._button.click()
    until(lambda: len(form.tasks) == 1)
    form._again.click()
    until(lambda: len(form.tasks) == 2)
    assert form.tasks[1].seed != 11
    assert form.tasks[1].request.prompt == "a fox"
    for task in form.tasks:
        sw.run(task)


def test_a_refusal_is_shown_in_the_form(form, simulator):
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    form._prompt.value = "a fox"
    choose(form, resolution="480p", ratio="1:1")
    form._button.click()
    until(lambda: "InputTextSensitiveContentDetected" in form._status.value)
    assert not form._button.disabled


def test_a_budget_is_said_in_the_form(tmp_path, simulator):
    with sw.Studio(tmp_path, simulate=simulator, budget_usd=0.01) as studio:
        form = sw.ParameterForm(studio)
        form._prompt.value = "a fox"
        choose(form, ratio="16:9")
        form._button.click()
        until(lambda: "Short by" in form._status.value)
    assert simulator.tasks() == []


def test_load_refills_the_form(form, studio):
    task = sw.run(
        studio.generate("a fox", model="seedance-1-0-pro", resolution="480p", ratio="3:4", frames=29, seed=5)
    )
    form.load(task)
    params = form.params
    assert (params["model"], params["prompt"], params["frames"], params["ratio"]) == (
        "seedance-1-0-pro", "a fox", 29, "3:4",
    )  # fmt: skip
    spelled = {"service_tier": "default"}
    assert form.request.to_dict() == task.request.to_dict() | spelled


def test_a_final_from_a_draft_of_the_log(form, studio):
    draft = sw.run(
        studio.generate(
            "a fox", model="seedance-1-5-pro", draft=True, resolution="480p", ratio="16:9", duration=4
        )
    )
    form._model.value = "seedance-1-5-pro"
    form._mode.value = "from_draft"
    assert form.params["draft_task"] == draft.id
    choose(form, resolution="720p")
    form._button.click()
    until(lambda: form.tasks)
    assert sw.run(form.tasks[0]).request.draft_task.id == draft.id


SAMPLE = "The kitten is yawning at the camera --rs 480p --rt 9:16 --dur 4 --seed 11 --cf true --wm true"
ASKED = {
    "resolution": "480p", "ratio": "9:16", "duration": 4, "seed": 11, "camera_fixed": True, "watermark": True,
}  # fmt: skip


def flags_line(form):
    return form._flags._line.value if form._flags._line else ""


def test_a_prompt_with_flags_asks_for_what_it_says(form, studio):
    form._model.value = "seedance-1-5-pro"
    plain = len(form._prompt_box.children)
    form._prompt.value = "a fox"
    assert len(form._prompt_box.children) == plain
    form._prompt.value = SAMPLE
    assert "resolution=&#x27;480p&#x27; (--rs 480p)" in flags_line(form)
    assert "watermark=True (--wm true)" in flags_line(form)
    assert "496 x 864 px" in form._price.value
    assert form.params["prompt"] == "The kitten is yawning at the camera"
    assert {name: form.params[name] for name in ASKED} == ASKED
    form._button.click()
    until(lambda: form.tasks)
    sw.run(form.tasks[0])
    row = studio.log.to_pandas().iloc[0]
    assert {name: row[name] for name in ASKED} == ASKED
    assert (row["width"], row["height"]) == (496, 864)


def test_the_button_moves_flags_into_the_controls(form):
    form._model.value = "seedance-1-5-pro"
    form._prompt.value = f"{SAMPLE} --v 6"
    before = form.request
    form._flags._button.click()
    assert form._prompt.value == "The kitten is yawning at the camera --v 6"
    assert {name: form._controls[name].value for name in ASKED} == ASKED
    assert form.request == before
    assert "--v 6 is not known here" in flags_line(form)
    assert form._flags._button.layout.display == "none"
    form._prompt.value = "a fox"
    assert flags_line(form) == ""


def test_a_wrong_flag_is_explained_and_nothing_is_sent(form):
    form._model.value = "seedance-1-5-pro"
    form._prompt.value = "a fox --rs 721p"
    assert "the prompt says --rs 721p" in form._controls["resolution"]._line.value
    assert form._button.disabled
    assert form._flags._button.disabled
    form._prompt.value = "a fox --fps 30"
    assert "24 frames a second" in form._general.value
    assert form._button.disabled
    with pytest.raises(sw.InvalidRequest, match="24 frames"):
        _ = form.request


def test_flags_take_the_place_of_the_other_length_and_of_the_model(form):
    form._model.value = "seedance-1-0-pro"
    choose(form, frames="57")
    form._prompt.value = "a fox --dur 8"
    assert (form.params["duration"], "frames" in form.params) == (8, False)
    form._flags._button.click()
    assert (form.params["duration"], "frames" in form.params) == (8, False)
    form._prompt.value = "a fox --model seedance-1-5-pro --audio false"
    assert form.request.spec.name == "seedance-1-5-pro"
    form._flags._button.click()
    assert (form.model.name, form._controls["generate_audio"].value) == ("seedance-1-5-pro", False)


def test_a_draft_by_flag_narrows_the_rest(form):
    form._model.value = "seedance-1-5-pro"
    form._prompt.value = "a fox --draft"
    assert (form.request.draft, form.request.resolution) == (True, "480p")
    assert not form._button.disabled


def test_every_example_fills_a_legal_form(form):
    for number, (title, _) in enumerate(form._example.options[1:]):
        form._example.value = number
        assert form._prompt.value, title
        needs_picture = form.mode != "text"
        assert form._button.disabled == needs_picture
