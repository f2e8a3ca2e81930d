from __future__ import annotations

import base64
import contextlib
import functools
import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, photo
from PIL import Image

import seedance_widgets as sw
from seedance_widgets.inputs.image import load_image


@functools.cache
def large():
    return photo(2400, 1800)


def test_every_form_of_a_picture_is_the_same_picture(tmp_path):
    data = encoded(photo())
    path = tmp_path / "fox.jpg"
    path.write_bytes(data)
    url = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    forms = [data, path, str(path), url, bytearray(data)]
    assert {load_image(form).sha256 for form in forms} == {load_image(data).sha256}
    assert load_image(url).data_url == url
    assert load_image(photo()).size == (1200, 800)
    assert load_image("https://example.com/a/fox.png?x=1").url == "https://example.com/a/fox.png?x=1"
    assert load_image("asset://abc").data_url == "asset://abc"


def test_a_rotated_photograph_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = load_image(encoded(photo(1200, 800), exif=exif))
    assert turned.size == (800, 1200)
    again = Image.open(io.BytesIO(turned.data))
    assert again.size == (800, 1200)
    assert again.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    "source",
    [b"no picture", "data:image/png;base64,@@@", "data:text/plain,hi", Path("/no/such/file.png"), 3.5],
)
def test_what_is_no_picture(source):
    with pytest.raises(sw.MediaError):
        load_image(source)


def test_a_bomb_is_not_opened():
    small = encoded(Image.new("1", (8, 8)), "PNG")
    header = b"IHDR" + struct.pack(">II", 30_000, 30_000) + small[24:29]
    bomb = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    with pytest.raises(sw.MediaError, match="too large to open safely"):
        load_image(bomb)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_each_format_is_known_by_its_own_name(kind):
    assert load_image(encoded(photo(400, 400), kind)).format == kind.lower()


def test_heic_passes_where_the_model_takes_it():
    heic = b"\x00\x00\x00\x18ftypheic" + bytes(100)
    assert load_image(heic).format == "heic"
    sw.TaskRequest("a fox", model="seedance-1-5-pro", first_frame=heic)
    with pytest.raises(sw.InvalidRequest, match="format heic"):
        sw.TaskRequest("a fox", model="seedance-1-0-pro", first_frame=heic)


@pytest.mark.parametrize("ratio", ["16:9", "4:3", "1:1", "3:4", "9:16", "21:9"])
def test_a_prepared_picture_has_the_exact_ratio_and_is_small(ratio):
    a, b = (int(part) for part in ratio.split(":"))
    # the window is as wide as the picture, as high, or both: one side at most is free to move
    corner = {} if ratio == "4:3" else {"x": 10} if 3 * a < 4 * b else {"y": 20}
    prepared = sw.prepare_image(large(), ratio, **corner, model="seedance-1-5-pro", resolution="480p")
    assert {name: getattr(prepared.crop, name) for name in corner} == corner
    assert prepared.width * b == prepared.height * a
    assert prepared.data_url.startswith("data:image/jpeg;base64,")
    assert len(prepared.data) < 500_000
    wanted = sw.catalog.find("seedance-1-5-pro").size("480p", ratio)
    assert prepared.width >= wanted[0]
    assert prepared.height >= wanted[1]
    assert prepared.width - a < wanted[0] or prepared.height - b < wanted[1]
    sw.TaskRequest("a fox", first_frame=prepared, ratio=ratio)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_window_is_meant_on_the_upright_picture(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = photo(2400, 1600)
    data = encoded(source, exif=exif, quality=95)
    upright = load_image(data)
    prepared = sw.prepare_image(data, "1:1", x=0, y=0, resolution="480p")
    whole = Image.open(io.BytesIO(upright.data)).convert("RGB")
    expected = whole.crop(prepared.crop.box).resize(prepared.size, Image.Resampling.LANCZOS)
    got = Image.open(io.BytesIO(prepared.data))
    difference = np.abs(np.asarray(expected, float) - np.asarray(got, float)).mean()
    assert difference < 3


def test_transparency_lies_on_white():
    prepared = sw.prepare_image(Image.new("RGBA", (800, 800), (0, 0, 0, 0)), "1:1")
    assert Image.open(io.BytesIO(prepared.data)).getpixel((5, 5)) == (255, 255, 255)


def test_a_window_outside_the_picture_is_refused():
    with pytest.raises(sw.InvalidRequest, match="leaves the picture"):
        sw.prepare_image(photo(800, 600), "1:1", crop=sw.Crop(700, 0, 400, 400))


@pytest.mark.parametrize(
    ("asked", "parameter", "nearest"),
    [
        ({"ratio": "1:1", "x": 9000}, "x", 200),
        ({"ratio": "1:1", "x": -1}, "x", 0),
        ({"ratio": "16:9", "y": 2000}, "y", 150),
        ({"y": 20}, "y", None),
        ({"ratio": "1:1", "x": 0, "crop": sw.Crop(0, 0, 400, 400)}, "x", None),
        ({"ratio": "1:1", "resolution": "9000p"}, "resolution", "720p"),
        ({"ratio": "1:1", "resolution": "9000p", "model": "seedance-1-5-pro"}, "resolution", "1080p"),
        ({"ratio": "1:1", "quality": 200}, "quality", 95),
    ],
)
def test_what_would_be_another_picture_than_asked_for_is_refused(asked, parameter, nearest):
    with pytest.raises(sw.InvalidRequest, match="the picture cannot be prepared like that") as caught:
        sw.prepare_image(photo(800, 600), **asked)
    assert [(each.parameter, each.nearest) for each in caught.value.problems] == [(parameter, nearest)]


def test_a_window_that_is_too_small_is_refused():
    with pytest.raises(sw.InvalidRequest, match="px"):
        sw.prepare_image(photo(800, 600), "1:1", crop=sw.Crop(0, 0, 200, 200))


def test_a_damaged_file_is_our_own_error():
    data = encoded(photo())[:5000]
    with pytest.raises(sw.MediaError, match="damaged"):
        sw.prepare_image(data, "1:1")


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_damage_anywhere_is_our_own_error(kind):
    rng, whole = random.Random(kind), encoded(photo(330, 320), kind)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(4):
            data[rng.randrange(rng.choice((60, 400, len(data))))] = rng.randrange(256)
        for use in (load_image, lambda data: sw.prepare_image(data, "1:1")):
            with contextlib.suppress(sw.SeedanceError):
                use(bytes(data))


def test_an_address_is_not_fetched():
    with pytest.raises(sw.MediaError, match="nothing is downloaded"):
        sw.prepare_image("https://example.com/fox.png", "1:1")
