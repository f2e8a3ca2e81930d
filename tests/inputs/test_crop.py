from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import seedance_widgets as sw
from seedance_widgets.inputs.crop import nearest_ratio

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
sides = st.integers(301, 5999)


def test_the_contracts_example():
    assert sw.center_crop(1920, 1080, "21:9") == sw.Crop(0, 128, 1920, 823)


@pytest.mark.parametrize(
    ("size", "ratio", "crop"),
    [
        ((1600, 900), "16:9", (0, 0, 1600, 900)),
        ((1600, 900), "1:1", (350, 0, 900, 900)),
        ((900, 1600), "1:1", (0, 350, 900, 900)),
        ((1000, 1000), "4:3", (0, 125, 1000, 750)),
        ((1600, 900), "adaptive", (0, 0, 1600, 900)),
    ],
)
def test_worked_examples(size, ratio, crop):
    assert sw.center_crop(*size, ratio) == sw.Crop(*crop)


@given(width=sides, height=sides, ratio=st.sampled_from(RATIOS))
def test_the_tutorials_rule(width, height, ratio):
    a, b = (int(part) for part in ratio.split(":"))
    crop = sw.center_crop(width, height, ratio)
    original, target = Fraction(width, height), Fraction(a, b)
    if original < target:
        assert (crop.x, crop.width) == (0, width)
        assert abs(crop.height - Fraction(width * b, a)) <= Fraction(1, 2)
        assert abs(crop.y - (height - Fraction(width * b, a)) / 2) <= 1
    elif original > target:
        assert (crop.y, crop.height) == (0, height)
        assert abs(crop.width - Fraction(height * a, b)) <= Fraction(1, 2)
        assert abs(crop.x - (width - Fraction(height * a, b)) / 2) <= 1
    else:
        assert crop == sw.Crop(0, 0, width, height)
    assert crop.box[2] <= width
    assert crop.box[3] <= height


@given(
    width=sides,
    height=sides,
    ratio=st.sampled_from(RATIOS),
    x=st.integers(-9000, 9000),
    y=st.integers(-9000, 9000),
    scale=st.floats(0.05, 1.0),
)
def test_an_offset_crop_keeps_the_exact_ratio_inside_the_picture(width, height, ratio, x, y, scale):
    a, b = (int(part) for part in ratio.split(":"))
    crop = sw.offset_crop(width, height, ratio, x=x, y=y, scale=scale)
    assert crop.width * b == crop.height * a
    assert 0 <= crop.x <= width - crop.width
    assert 0 <= crop.y <= height - crop.height
    # the service has nothing left to cut
    assert sw.center_crop(crop.width, crop.height, ratio) == sw.Crop(0, 0, crop.width, crop.height)


def test_the_share_that_is_lost():
    assert sw.center_crop(1600, 900, "1:1").lost(1600, 900) == pytest.approx(1 - 900 / 1600)


@pytest.mark.parametrize(
    ("size", "ratio"), [((1024, 768), "4:3"), ((500, 2000), "9:16"), ((3000, 1000), "21:9")]
)
def test_the_nearest_ratio(size, ratio):
    assert nearest_ratio(*size) == ratio


@pytest.mark.parametrize("ratio", ["16x9", "0:9", "16:", "a:b", "-1:2", "", 2.33, (21, 9), None])
def test_a_ratio_that_is_none(ratio):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.center_crop(100, 100, ratio)
    assert caught.value.problems[0].parameter == "ratio"


@pytest.mark.parametrize("size", [(0, 100), (100, -1), (100.5, 100), ("100", 100)])
def test_a_picture_without_pixels(size):
    with pytest.raises(sw.InvalidRequest, match="there is no such crop"):
        sw.center_crop(*size, "1:1")
    with pytest.raises(sw.InvalidRequest, match="in whole px"):
        sw.estimate(model="seedance-1-0-pro", image_size=size)
