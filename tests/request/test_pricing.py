"""Tokens against every billed sample that is known, dollars against the price page's own examples."""

from __future__ import annotations

import pytest

import seedance_widgets as sw


@pytest.mark.parametrize(
    ("params", "billed"),
    [
        ({"model": "seedance-1-0-pro", "resolution": "1080p", "ratio": "16:9", "duration": 5}, 246840),
        ({"model": "seedance-1-0-pro", "resolution": "1080p", "ratio": "9:16", "frames": 145}, 295800),
        ({"model": "seedance-1-5-pro", "resolution": "720p", "ratio": "1:1", "duration": 5}, 108900),
        ({"model": "seedance-2-0", "resolution": "720p", "ratio": "16:9", "duration": 5}, 108900),
        ({"model": "seedance-2-0-fast", "resolution": "720p", "ratio": "16:9", "duration": 5}, 108900),
        ({"model": "seedance-2-0", "resolution": "480p", "ratio": "16:9", "duration": 5}, 50638),
    ],
)
def test_every_billed_sample(params, billed):
    assert sw.estimate(**params).tokens == billed


def test_the_contracts_example():
    est = sw.estimate(model="seedance-1-0-pro", resolution="1080p", ratio="16:9", duration=5)
    assert (est.width, est.height, est.frames, est.tokens) == (1920, 1088, 121, 246840)
    assert est.usd == 0.6171
    assert (est.tokens_max, est.usd_max, est.exact) == (246840, 0.6171, True)
    assert est.price_id == "seedance-1-0-pro/default@2026-06"


# The price page's examples: 16:9, 5 s, 24 frames a second and no frame more, to the digits it prints.
PRINTED = [
    ("seedance-1-5-pro", True, {"480p": "0.12", "720p": "0.26", "1080p": "0.58"}),
    ("seedance-1-5-pro", False, {"480p": "0.06", "720p": "0.13", "1080p": "0.29"}),
    ("seedance-1-0-pro", False, {"480p": "0.12", "720p": "0.26", "1080p": "0.61"}),
    ("seedance-1-0-pro-fast", False, {"480p": "0.05", "720p": "0.10", "1080p": "0.24"}),
    ("seedance-2-0", True, {"480p": "0.35", "720p": "0.76", "1080p": "1.87", "4k": "3.89"}),
    ("seedance-2-0-fast", True, {"480p": "0.28", "720p": "0.60"}),
    ("seedance-2-0-mini", True, {"480p": "0.18", "720p": "0.38"}),
    ("seedance-2-5", True, {"480p": "0.514", "720p": "1.156", "1080p": "2.843"}),
]


@pytest.mark.parametrize(
    ("name", "audio", "resolution", "printed"),
    [(name, audio, res, usd) for name, audio, row in PRINTED for res, usd in row.items()],
)
def test_every_printed_example_price(name, audio, resolution, printed):
    assert _page_price(name, resolution, seconds=5, audio=audio) == printed


@pytest.mark.parametrize(
    ("resolution", "low", "high"),
    [("480p", "0.39", "0.86"), ("720p", "0.84", "1.86"), ("1080p", "2.06", "4.57"), ("4k", "4.20", "9.33")],
)
def test_the_printed_range_with_a_clip_as_input(resolution, low, high):
    # 5 s out; the floor bills a short input as 4 s, the longest is 15 s
    assert _page_price("seedance-2-0", resolution, seconds=9, audio=True, video_input=True) == low
    assert _page_price("seedance-2-0", resolution, seconds=20, audio=True, video_input=True) == high


@pytest.mark.parametrize(("audio", "full", "draft"), [(True, "0.12", "0.07"), (False, "0.06", "0.04")])
def test_the_printed_draft_prices(audio, full, draft):
    asked = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "16:9", "generate_audio": audio}
    assert f"{sw.estimate(**asked).usd:.2f}" == full
    drafted = sw.estimate(**asked, draft=True)
    assert f"{drafted.usd:.2f}" == draft
    tokens = 864 * 496 * 121 // 1024
    assert drafted.tokens == tokens * (6 if audio else 7) // 10
    assert not drafted.exact


def _page_price(name, resolution, *, seconds, audio, video_input=False):
    model = sw.catalog.find(name)
    width, height = model.size(resolution, "16:9")
    price = model.price_for(tier="default", resolution=resolution, audio=audio, video_input=video_input)
    usd = width * height * 24 * seconds / 1024 * price.usd_per_million / 1e6
    digits = 3 if name == "seedance-2-5" else 2
    return f"{usd:.{digits}f}"


def test_flex_is_half_the_price():
    for name in ("seedance-1-5-pro", "seedance-1-0-pro", "seedance-1-0-pro-fast"):
        full = sw.estimate(model=name, resolution="720p", ratio="1:1")
        flex = sw.estimate(model=name, resolution="720p", ratio="1:1", service_tier="flex")
        assert flex.tokens == full.tokens
        assert flex.usd == pytest.approx(full.usd / 2)


def test_adaptive_without_a_picture_gives_bounds_only():
    est = sw.estimate(model="seedance-1-5-pro", ratio="adaptive")
    assert (est.width, est.tokens, est.usd, est.exact) == (None, None, None, False)
    sizes = sw.catalog.find("seedance-1-5-pro").sizes["720p"].values()
    assert est.tokens_max == max(w * h * 121 // 1024 for w, h in sizes)
    assert est.usd_max == pytest.approx(est.tokens_max * 2.4e-6)


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        ((1920, 1080), (1280, 720)),
        ((1000, 1000), (960, 960)),
        ((1080, 1920), (720, 1280)),
        ((2100, 900), (1470, 630)),
    ],
)
def test_adaptive_with_a_picture_takes_the_nearest_ratio(picture, size):
    est = sw.estimate(model="seedance-1-5-pro", ratio="adaptive", image_size=picture)
    assert (est.width, est.height) == size
    assert est.tokens == size[0] * size[1] * 121 // 1024
    assert est.tokens <= est.tokens_max
    assert not est.exact


def test_a_length_left_to_the_model_is_bounded_by_its_longest():
    est = sw.estimate(model="seedance-1-5-pro", resolution="720p", ratio="16:9", duration=-1)
    assert (est.frames, est.tokens, est.exact) == (None, None, False)
    assert est.tokens_max == 1280 * 720 * 289 // 1024


def test_an_unknown_price_is_none_not_zero(fresh_catalog):
    fresh_catalog.register("seedance-1-0-pro", price=[])
    est = sw.estimate(model="seedance-1-0-pro", ratio="16:9")
    assert (est.usd, est.usd_max, est.price_id, est.exact) == (None, None, None, False)
    assert est.tokens == 246840


def test_sound_is_on_unless_said_otherwise():
    assert sw.estimate(model="seedance-1-5-pro", ratio="16:9").price.audio is True


def test_the_repr_shows_cheaper_ways():
    est = sw.estimate(model="seedance-1-5-pro", resolution="720p", ratio="16:9")
    text = repr(est)
    for label in ("flex", "silent", "draft", "480p"):
        assert label in text
    costs = [other.usd_max for _, other in est.alternatives()]
    assert costs == sorted(costs)
    assert all(cost < est.usd_max for cost in costs)


def test_a_final_of_a_known_draft_is_exact():
    from seedance_widgets.request.rules import DraftTask

    draft = DraftTask("cgt-1", ratio="16:9", duration=6, generate_audio=True)
    est = sw.estimate(draft_task=draft, resolution="720p", model="seedance-1-5-pro")
    assert (est.tokens, est.exact) == (1280 * 720 * 145 // 1024, True)
    unknown = sw.estimate(draft_task="cgt-1", resolution="720p", model="seedance-1-5-pro")
    assert unknown.tokens is None
    assert unknown.usd_max > est.usd_max


def test_a_request_and_its_fields_are_estimated_alike():
    params = {"model": "seedance-1-0-pro", "resolution": "720p", "ratio": "4:3", "frames": 57}
    assert sw.estimate(sw.TaskRequest("a fox", **params)).tokens == sw.estimate(**params).tokens


def test_the_prompt_may_come_first_as_in_submit():
    fields = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "16:9"}
    assert sw.estimate("a fox", **fields) == sw.estimate(prompt="a fox", **fields)
    with pytest.raises(sw.InvalidRequest, match="is one dict"):
        sw.estimate(fields)
