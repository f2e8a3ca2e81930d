"""Pictures made small enough for where they go."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from seedance_widgets.media.video_file import shrink


@pytest.fixture
def noise():
    """A picture that no codec makes small."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (180, 320, 3), dtype=np.uint8))


def size(data):
    with Image.open(io.BytesIO(data)) as picture:
        return picture.size


def test_the_largest_width_and_the_best_quality_that_fit(noise, tmp_path):
    noise.save(tmp_path / "noise.png")
    best = shrink(noise, 10**6, widths=(160, 80))
    assert size(best) == (160, 90)
    assert shrink(tmp_path / "noise.png", 10**6, widths=(160, 80)) == best
    worse = shrink(noise, len(best) - 1, widths=(160, 80))
    assert size(worse) == (160, 90)
    assert len(worse) < len(best)
    least = len(shrink(noise, 10**6, widths=(160,), qualities=(15,)))
    narrower = shrink(noise, least - 1, widths=(160, 80))
    assert size(narrower) == (80, 45)
    assert len(narrower) < least


def test_where_nothing_fits_the_last_is_returned(noise):
    assert size(shrink(noise, 10, widths=(160, 16))) == (16, 9)


def test_another_format(noise):
    data = shrink(noise, 2_000, widths=(96, 48), qualities=(30,), kind="WEBP")
    assert data[8:12] == b"WEBP"
    assert len(data) <= 2_000
