from __future__ import annotations

import json

import httpx
import numpy as np
import pytest
from bad_requests import PICTURE, all_bad

import seedance_widgets as sw

CASES = all_bad()


def ids(case):
    return case.label


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_a_bad_request_is_refused_with_the_parameter_and_what_is_legal(case):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest(**case.fields())
    named = {problem.parameter: problem for problem in caught.value.problems}
    assert case.parameter in named
    assert case.legal in named[case.parameter].reason
    assert case.parameter in str(caught.value)


@pytest.fixture(scope="module")
def simulator():
    simulator = sw.Simulator(speed=1000)
    yield simulator
    simulator.close()


@pytest.mark.parametrize("case", [case for case in CASES if not case.client_only], ids=ids)
async def test_a_bad_request_sent_raw_gets_a_400_with_a_code(case, simulator):
    async with httpx.AsyncClient(transport=simulator.transport()) as client:
        answer = await client.post(
            "http://simulator/api/v3/contents/generations/tasks",
            json=case.body(),
            headers={"Authorization": "Bearer key"},
        )
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"]
    assert simulator.tasks() == []


async def test_a_switch_that_a_model_lacks_is_passed_over_by_the_service():
    simulator = sw.Simulator(speed=1000)
    ignored = [case for case in CASES if case.client_only]
    async with httpx.AsyncClient(transport=simulator.transport()) as client:
        for case in ignored:
            answer = await client.post(
                "http://simulator/api/v3/contents/generations/tasks",
                json=case.body(),
                headers={"Authorization": "Bearer key"},
            )
            assert answer.status_code == 200, (case.label, answer.text)
    assert len(simulator.tasks()) == len(ignored)
    simulator.close()


def test_the_generator_covers_each_model_and_each_parameter():
    parameters = {case.parameter for case in CASES}
    assert parameters >= {
        "resolution", "ratio", "duration", "frames", "seed", "camera_fixed", "watermark", "generate_audio",
        "draft", "service_tier", "return_last_frame", "execution_expires_after", "callback_url",
        "safety_identifier", "priority", "prompt", "first_frame", "last_frame", "reference_images", "model",
    }  # fmt: skip
    assert {case.model for case in CASES} == {model.name for model in sw.catalog.models()}
    assert len(CASES) > 250


def test_all_faults_come_at_once():
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest(
            "a fox",
            model="seedance-1-0-pro",
            resolution="1440p",
            duration=13,
            seed=-2,
            ratio="adaptive",
            watermark=3,
        )
    named = {problem.parameter: problem.nearest for problem in caught.value.problems}
    assert named == {"resolution": "1080p", "duration": 12, "seed": -1, "ratio": "16:9", "watermark": None}


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("aspect_ratio", "ratio"), ("aspectRatio", "ratio"), ("ar", "ratio"), ("image", "first_frame"),
        ("image_url", "first_frame"), ("start_image", "first_frame"), ("tail_image", "last_frame"),
        ("end_frame", "last_frame"), ("images", "reference_images"), ("seconds", "duration"), ("length", "duration"),
        ("dur", "duration"), ("num_frames", "frames"), ("size", "resolution"), ("audio", "generate_audio"),
        ("model_name", "model"), ("text", "prompt"), ("webhook_url", "callback_url"), ("extra_body", "extra"),
        ("aspect_rato", "ratio"), ("raito", "ratio"),
    ],
)  # fmt: skip
def test_names_of_other_services_get_the_right_one(name, ours):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest.from_params(*([] if ours == "prompt" else ["a fox"]), **{name: "x"})
    assert (caught.value.problems[0].parameter, caught.value.problems[0].nearest) == (name, ours)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("aspect_ratio", "ratio"),
        ("image", "first_frame"),
        ("seconds", "duration"),
        ("Ratio", "ratio"),
        ("fps", None),
    ],
)
def test_names_of_other_services_are_refused_in_extra(name, ours):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest("a fox", extra={name: "x"})
    assert [(each.parameter, each.value, each.nearest) for each in caught.value.problems] == [
        ("extra", name, ours)
    ]


def test_what_is_new_at_the_service_goes_into_extra():
    extra = {"tools": [{"type": "web_search"}], "something_new": 1}
    assert sw.TaskRequest("a fox", model="dreamina-seedance-2-0", extra=extra).extra == extra
    with pytest.raises(sw.InvalidRequest, match="new in extra="):
        sw.TaskRequest.from_params("a fox", something_new=1)
    with pytest.raises(sw.InvalidRequest, match="24 frames a second"):
        sw.TaskRequest.from_params("a fox", fps=30)


def test_an_unknown_name_is_one_more_problem():
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest.from_params("a fox", sed=3, duration=99)
    assert [problem.parameter for problem in caught.value.problems] == ["sed", "duration"]
    assert caught.value.problems[0].nearest == "seed"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"resolution": "480P"}, {"resolution": "480p"}),
        ({"resolution": " 720p "}, {"resolution": "720p"}),
        ({"duration": 5.0}, {"duration": 5}),
        ({"duration": np.int64(5)}, {"duration": 5}),
        ({"watermark": np.bool_(True)}, {"watermark": True}),
        ({"ratio": "Adaptive"}, {"ratio": "adaptive"}),
        ({"seed": -1}, {"seed": None}),
    ],
)
def test_forgiving_where_that_is_safe(given, meant):
    request = sw.TaskRequest("a fox", model="seedance-1-5-pro", **given)
    for name, value in meant.items():
        assert getattr(request, name) == value


@pytest.mark.parametrize("value", [True, "5", float("nan"), float("inf"), [5]])
def test_what_is_no_whole_number(value):
    with pytest.raises(sw.InvalidRequest, match="duration"):
        sw.TaskRequest("a fox", duration=value)


def test_the_body_spells_what_decides_the_price():
    body = sw.TaskRequest("a fox", model="seedance-1-5-pro").to_dict()
    assert body == {
        "model": "seedance-1-5-pro-251215",
        "content": [{"type": "text", "text": "a fox"}],
        "resolution": "720p",
        "ratio": "adaptive",
        "duration": 5,
        "generate_audio": True,
    }
    silent = sw.TaskRequest("a fox", model="seedance-1-0-pro", frames=29, generate_audio=False).to_dict()
    assert "generate_audio" not in silent
    assert "duration" not in silent


def test_roles_of_pictures():
    both = sw.TaskRequest("a fox", first_frame=PICTURE, last_frame=PICTURE)
    assert [item.get("role") for item in both.to_dict()["content"]] == [None, "first_frame", "last_frame"]
    several = sw.TaskRequest("a fox", model="seedance-1-0-lite-i2v", reference_images=[PICTURE] * 3)
    assert [item.get("role") for item in several.to_dict()["content"]][1:] == ["reference_image"] * 3


def test_a_final_sends_only_what_may_change():
    final = sw.TaskRequest(draft_task="cgt-1", model="seedance-1-5-pro", resolution="720p", watermark=False)
    assert final.to_dict() == {
        "model": "seedance-1-5-pro-251215",
        "content": [{"type": "draft_task", "draft_task": {"id": "cgt-1"}}],
        "resolution": "720p",
        "watermark": False,
    }


@pytest.mark.parametrize(
    "params",
    [
        {"prompt": "a fox"},
        {
            "model": "seedance-1-5-pro",
            "prompt": "a fox",
            "first_frame": PICTURE,
            "ratio": "adaptive",
            "seed": 7,
        },
        {
            "model": "seedance-1-0-pro",
            "prompt": "a fox",
            "first_frame": PICTURE,
            "last_frame": PICTURE,
            "camera_fixed": True,
        },
        {"model": "seedance-1-0-lite-i2v", "prompt": "[Image 1]", "reference_images": [PICTURE] * 4},
        {"draft_task": "cgt-1", "resolution": "1080p", "model": "seedance-1-5-pro"},
        {"model": "seedance-1-5-pro", "prompt": "a fox", "draft": True, "resolution": "480p"},
        {"prompt": "a fox", "model": "seedance-2-0", "extra": {"tools": [{"type": "web_search"}]}},
    ],
)
def test_a_body_reads_back(params):
    body = sw.TaskRequest(**params).to_dict()
    assert sw.TaskRequest.from_dict(json.loads(sw.TaskRequest(**params).to_json())).to_dict() == body


def test_null_counts_as_absent():
    body = {
        "model": "seedance-1-0-pro",
        "content": [{"type": "text", "text": "a"}],
        "draft": None,
        "tools": None,
    }
    assert sw.TaskRequest.from_dict(body).extra == {}


def test_a_request_is_immutable_and_copies_are_checked():
    request = sw.TaskRequest("a fox", model="seedance-1-0-pro")
    with pytest.raises(AttributeError):
        request.seed = 3
    assert request.replace(seed=3).seed == 3
    with pytest.raises(sw.InvalidRequest):
        request.replace(duration=99)


def test_flags_in_a_prompt_are_converted_with_a_warning():
    with pytest.warns(sw.LegacyFlagsWarning, match=r"resolution='720p' \(--rs 720p\), duration=5") as told:
        request = sw.TaskRequest("a kitten yawns --rs 720p --dur 5", model="seedance-1-5-pro")
    assert len(told) == 1
    assert (request.prompt, request.resolution, request.duration) == ("a kitten yawns", "720p", 5)


@pytest.mark.parametrize(
    "suffix",
    [
        "--rs 720p --rt 16:9 --dur 5 --seed 11 --cf false --wm true",
        "--resolution 720p --ratio 16:9 --duration 5 --seed 11 --camerafixed false --watermark true",
    ],
)
def test_flags_become_parameters_on_request(suffix):
    request = sw.TaskRequest.from_flags(
        f"The kitten is yawning at the camera {suffix}", model="seedance-1-5-pro"
    )
    body = request.to_dict()
    assert body["content"] == [{"type": "text", "text": "The kitten is yawning at the camera"}]
    expected = {
        "resolution": "720p",
        "ratio": "16:9",
        "duration": 5,
        "seed": 11,
        "camera_fixed": False,
        "watermark": True,
    }
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize("flag", ["fps", "framespersecond"])
def test_the_frame_rate_is_a_flag_that_has_no_parameter(flag):
    with pytest.warns(sw.LegacyFlagsWarning, match="framespersecond"):
        sw.TaskRequest(f"a kitten --{flag} 24")
    assert sw.TaskRequest.from_flags(f"a kitten --{flag} 24") == sw.TaskRequest("a kitten")


def test_a_wrong_flag_is_a_clear_error_once_it_is_a_parameter():
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest.from_flags("a kitten --rs 721p --dur soon")
    assert {problem.parameter for problem in caught.value.problems} == {"resolution", "duration"}


def test_dashes_that_are_no_flags_stay():
    assert sw.TaskRequest("a fox -- running --fast").prompt == "a fox -- running --fast"


def test_the_body_limit_counts_all_pictures(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (2900, 3000, 3), dtype=np.uint8)
    from PIL import Image

    path = tmp_path / "noise.png"
    Image.fromarray(noise).save(path, compress_level=0)
    with pytest.raises(sw.InvalidRequest, match=r"body=.*67,108,864"):
        sw.TaskRequest("a", first_frame=path, last_frame=path)


def test_a_picture_of_too_many_bytes(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (3300, 3300, 3), dtype=np.uint8)
    from PIL import Image

    path = tmp_path / "noise.bmp"
    Image.fromarray(noise).save(path)
    with pytest.raises(sw.InvalidRequest, match="31,457,279"):
        sw.TaskRequest("a", first_frame=path)


def test_it_shows_what_is_set_as_one_would_write_it():
    request = sw.TaskRequest("a fox", model="seedance-1-0-pro", seed=0, camera_fixed=False, extra={"x": 1})
    written = (
        "TaskRequest(prompt='a fox', model='seedance-1-0-pro', seed=0, camera_fixed=False, extra={'x': 1})"
    )
    assert repr(request) == written
    assert eval(repr(request), {"TaskRequest": sw.TaskRequest}) == request


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"extra": [1]}, "extra=[1]: must be a dict of body fields"),
        ({"extra": {"content": "a clip"}}, "extra='a clip': its content must be a list of dicts"),
        ({"duration": "5"}, "duration='5': must be a whole number; nearest: 5"),
        ({"duration": "five"}, "duration='five': must be a whole number"),
        ({"seed": 1.6}, "seed=1.6: must be a whole number; nearest: 2"),
        ({"first_frame": ""}, "first_frame='': an empty path names no picture"),
        ({"callback_url": "x" * 100}, f"callback_url='{'x' * 59}...: an http"),
    ],
)
def test_what_is_of_the_wrong_kind_is_told_in_words(fields, said):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest("a fox", **fields)
    assert str(caught.value).splitlines()[1].startswith(f"  - {said}")


def test_a_missing_picture_is_named_with_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(sw.InvalidRequest, match=f"{tmp_path}/fox.png: No such file"):
        sw.TaskRequest("a fox", first_frame="fox.png")


@pytest.mark.parametrize(
    "address", ["http://[", "http://", "ftp://example.com/a", "example.com/a", "//example.com", ""]
)
def test_a_callback_address_that_is_none_is_refused(address):
    with pytest.raises(sw.InvalidRequest, match="an http\\(s\\) address that the service can reach"):
        sw.TaskRequest("a fox", callback_url=address)
