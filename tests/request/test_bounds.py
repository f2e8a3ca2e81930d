"""Every legal request has a bound for its price: random requests of every model, in every mode."""

from __future__ import annotations

import random

import pytest

import seedance_widgets as sw

PICTURE, CLIP, SOUND = (f"https://example.com/fox.{kind}" for kind in ("png", "mp4", "mp3"))
FEW, MANY = 2_000, 10_000


def random_clip(chance, longest):
    if chance.random() < 0.5:
        return CLIP
    seconds = chance.uniform(4, longest)
    if chance.random() < 0.3:
        return sw.VideoInput(CLIP, seconds=seconds, width=864, height=496, task="261127-000000-aaaaa")
    return sw.VideoInput(CLIP, seconds=seconds)


def inputs(chance, model, mode):
    """What a mode needs, and some of what it may have besides."""
    if mode == "first_frame":
        return {"first_frame": PICTURE}
    if mode == "first_last_frame":
        return {"first_frame": PICTURE, "last_frame": PICTURE}
    if mode == "text":
        return {}
    given = {}
    if mode in ("edit", "extend"):
        given = {"omni_reference_task_type": mode}
        given["reference_videos"] = [random_clip(chance, model.videos.seconds_max)]
    elif model.videos and chance.random() < 0.6:
        count = chance.randint(1, 3)
        given["reference_videos"] = [
            random_clip(chance, model.videos.seconds_max / count) for _ in range(count)
        ]
    if not given.get("reference_videos") or chance.random() < 0.3:
        given["reference_images"] = [PICTURE] * chance.randint(1, model.references.max)
    if model.audios and chance.random() < 0.3:
        given["reference_audios"] = [SOUND]
    return given


def random_request(chance):
    """A legal request of any model, and the fields that were put together for it."""
    while True:
        model = chance.choice(sw.catalog.models())
        mode = chance.choice(model.modes)
        params = {"model": model.name, **inputs(chance, model, mode)}
        values = {
            "resolution": model.resolutions_in(mode),
            "ratio": model.ratios_in(mode),
            "duration": [*range(model.duration.min, model.duration.max + 1), -1],
            "frames": range(29, 290, 4),
            "generate_audio": (True, False),
            "draft": (True,),
            "service_tier": model.tiers,
            "web_search": (True,),
            "output_format": ("mp4", "mov"),
        }
        for name, choices in values.items():
            if chance.random() < 0.4:
                params[name] = chance.choice(list(choices))
        try:
            return sw.TaskRequest("a fox", **params)
        except sw.InvalidRequest:
            continue


def test_every_legal_request_has_a_bound_unless_its_list_price_is_not_known(pytestconfig):
    chance = random.Random(12)
    seen, unknown = set(), set()
    for _ in range(MANY if pytestconfig.getoption("--soak") else FEW):
        request = random_request(chance)
        known = sw.estimate(request)
        seen.add((request.spec.name, request.mode))
        assert known.tokens_max is not None, request
        if known.usd_max is None:
            unknown.add(request.spec.name)
            assert known.price is None, request
        if known.tokens is not None:
            assert known.tokens <= known.tokens_max, request
            assert known.usd is None or known.usd <= known.usd_max, request
    assert unknown == {"dreamina-seedance-2-5-flash"}
    assert seen == {(model.name, mode) for model in sw.catalog.models() for mode in model.modes}


@pytest.mark.parametrize("model", ["dreamina-seedance-2-0", "dreamina-seedance-2-5"])
def test_a_length_that_is_said_moves_what_is_expected_and_not_the_bound(model):
    asked = {"model": model, "prompt": "a fox", "resolution": "720p", "ratio": "16:9", "duration": 5}
    open_ = sw.estimate(**asked, reference_videos=[CLIP])
    assert (open_.usd, open_.tokens) == (None, None)
    dearer = 0.0
    for seconds in (5.0, 10.0, 15.0):
        said = sw.estimate(**asked, reference_videos=[sw.VideoInput(CLIP, seconds=seconds)])
        assert dearer < said.usd <= said.usd_max
        assert said.usd_max == open_.usd_max
        dearer = said.usd


def test_a_clip_of_a_task_is_as_long_as_it_is():
    clip = sw.VideoInput(CLIP, seconds=4, task="261127-000000-aaaaa")
    asked = {"model": "seedance-2.0", "prompt": "a fox", "resolution": "720p", "ratio": "16:9", "duration": 4}
    known = sw.estimate(**asked, reference_videos=[clip])
    # 4 s in and 4 s out at 1280x720: a bill that was measured
    assert (known.tokens, known.tokens_max) == (173_700, 173_700)


@pytest.mark.parametrize(
    ("model", "resolution", "made", "billed"),
    [
        *(
            ("seedance-2.0", "480p", made, billed)
            for made, billed in zip(range(4, 10), (7, 9, 10, 12, 14, 15), strict=True)
        ),
        *(("seedance-2.0-fast", "720p", made, billed) for made, billed in ((4, 7), (9, 15))),
        ("seedance-2.0", "1080p", 5, 9),
        ("seedance-2.0", "1080p", 10, 18),
        ("seedance-2.0", "4k", 5, 9),
        ("seedance-2.5", "720p", 5, 9),
    ],
)
def test_a_short_clip_as_input_is_billed_with_a_minimum(model, resolution, made, billed):
    clip = sw.VideoInput(CLIP, seconds=2)
    known = sw.estimate(
        model=model,
        prompt="a fox",
        resolution=resolution,
        ratio="16:9",
        duration=made,
        reference_videos=[clip],
    )
    assert known.tokens == known.width * known.height * (24 * billed + 1) // 1024


@pytest.mark.parametrize(
    ("resolution", "least", "most"),
    [("480p", 0.39, 0.86), ("720p", 0.84, 1.86), ("1080p", 2.06, 4.57), ("4k", 4.20, 9.33)],
)
def test_the_price_page_says_the_same_of_2_to_15_seconds_of_input(resolution, least, most):
    asked = {
        "model": "seedance-2.0",
        "prompt": "a fox",
        "resolution": resolution,
        "ratio": "16:9",
        "duration": 5,
    }
    for seconds, usd in ((2, least), (15, most)):
        known = sw.estimate(**asked, reference_videos=[sw.VideoInput(CLIP, seconds=seconds)])
        # the page leaves out the frame that a clip has more than its seconds
        assert known.usd == pytest.approx(usd, abs=max(0.006, 0.006 * usd))
