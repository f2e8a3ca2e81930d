from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from pictures import jpeg, ramps
from PIL import Image as Pillow

import seedance_widgets as sw
from seedance_widgets.inputs.crop import ratio_parts
from seedance_widgets.inputs.image import Image, load_image
from seedance_widgets.widgets import cropper as module
from seedance_widgets.widgets.cropper import ImageCropper

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
JS = Path(module.__file__).with_suffix(".js")


def loads(widget, **content):
    """What the widget answers to a message of its view."""
    sent = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    widget._handle_custom_msg({"kind": "load", "id": widget.picture, **content}, [])
    return sent


def test_the_contracts_example(tmp_path):
    path = tmp_path / "fox.png"
    ramps().save(path)
    cropper = ImageCropper(str(path), ratio="21:9")
    assert cropper.crop == sw.center_crop(1920, 1080, "21:9")
    assert cropper.rect == [0, 128, 1920, 823]
    assert cropper.size == [1920, 1080]
    assert cropper.target == list(sw.catalog.default_model().size("720p", "21:9"))
    assert cropper.source == str(path)


def test_an_untouched_window_is_the_services_own_crop():
    data = jpeg()
    image = ImageCropper(data, ratio="21:9").image()
    assert image.crop == sw.center_crop(1920, 1080, "21:9")
    assert image.data == sw.prepare_image(data, "21:9").data
    assert image.format == "jpeg"


def test_a_moved_window_is_what_is_cut():
    cropper = ImageCropper(jpeg(), ratio="1:1", model="seedance-1-0-pro", resolution="480p")
    cropper.rect = [100, 50, 700, 700]
    image = cropper.image()
    assert image.crop == sw.Crop(100, 50, 700, 700)
    assert image.size == (640, 640)
    cut = Pillow.open(io.BytesIO(image.data))
    red, green, _ = cut.getpixel((320, 320))
    assert red == pytest.approx(255 * 450 / 1920, abs=5)
    assert green == pytest.approx(255 * 400 / 1080, abs=5)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([0, 128, 1920, 823], (0, 128, 1920, 823)),  # the service's own
        ([0, 129, 1918, 822], (0, 129, 1918, 822)),
        ([-50, 9999, 700, 1], (0, 780, 700, 300)),
        ([5, 5, 99999, 5], (2, 5, 1918, 822)),
        ([5, 5, 0, 0], (5, 5, 7, 3)),
        ([5, 5], (0, 128, 1920, 823)),
    ],
)
def test_a_rectangle_becomes_the_nearest_legal_window(given, kept):
    cropper = ImageCropper(jpeg(), ratio="21:9")
    cropper.rect = given
    assert cropper.crop == sw.Crop(*kept)


def test_what_a_view_sets_is_held_to_the_same():
    cropper = ImageCropper(jpeg(), ratio="21:9")
    cropper.set_state({"rect": [40, 9999, 700, 300]})
    assert cropper.crop == sw.Crop(40, 780, 700, 300)


def test_another_ratio_centres_anew():
    cropper = ImageCropper(jpeg(), ratio="21:9")
    cropper.rect = [0, 0, 700, 300]
    heard = []
    stop = cropper.observe_crop(heard.append)
    cropper.ratio = "1:1"
    assert cropper.crop == sw.center_crop(1920, 1080, "1:1")
    assert heard == [sw.Crop(420, 0, 1080, 1080)]
    assert cropper.target == [960, 960]
    cropper.rect = [0, 0, 400, 400]
    cropper.center()
    assert heard[-1] == sw.Crop(420, 0, 1080, 1080)
    stop()
    cropper.ratio = "adaptive"
    assert cropper.crop == sw.Crop(0, 0, 1920, 1080)
    assert len(heard) == 3
    assert not cropper.facts["movable"]
    assert cropper.target == [1280, 720]
    assert cropper.image().size == (1280, 720)


def test_another_model_gives_another_target():
    cropper = ImageCropper(jpeg(), ratio="16:9")
    cropper.model = "seedance-1-0-pro"
    cropper.resolution = "1080p"
    assert cropper.target == [1920, 1088]
    assert "seedance-1-0-pro, 1080p" in cropper.facts["clip"]
    cropper.resolution = "4k"
    assert cropper.target == []
    assert "not known" in cropper.facts["clip"]
    with pytest.raises(sw.InvalidRequest):
        cropper.model = "no-such-model"
    assert cropper.model == "seedance-1-0-pro"


def test_a_photograph_on_its_side_is_upright():
    cropper = ImageCropper(jpeg(1200, 800, orientation=6), ratio="9:16")
    assert cropper.size == [800, 1200]
    assert cropper.crop == sw.center_crop(800, 1200, "9:16")
    ((content, buffers),) = loads(cropper)
    assert content == {"kind": "loaded", "id": cropper.picture, "type": "image/jpeg"}
    shown = Pillow.open(io.BytesIO(buffers[0]))
    assert shown.size == (667, 1000)
    assert cropper.image().crop == cropper.crop


def test_the_preview_is_small_and_sent_only_when_asked_for():
    cropper = ImageCropper(jpeg(5000, 3000), ratio="1:1")
    ((_, buffers),) = loads(cropper)
    assert max(Pillow.open(io.BytesIO(buffers[0])).size) == 1000
    assert len(buffers[0]) < 100_000
    assert loads(cropper, id=99) == []
    assert loads(cropper, kind="other") == []


def test_saved_state_is_small():
    state = ImageCropper(jpeg(), ratio="1:1").get_state()
    own = {name: value for name, value in state.items() if name not in {"_esm", "_css", "layout"}}
    assert len(json.dumps(own)) < 1500


def test_every_form_of_a_picture(tmp_path):
    data = jpeg(800, 600)
    path = tmp_path / "fox.jpg"
    path.write_bytes(data)
    loaded = load_image(path)
    for source in (data, bytearray(data), path, str(path), loaded, loaded.data_url, ramps(800, 600)):
        assert ImageCropper(source, ratio="1:1").rect == [100, 0, 600, 600]
    assert ImageCropper(path).facts["name"] == "fox.jpg"
    assert ImageCropper(loaded).image().name == "fox.jpg"


@pytest.mark.parametrize("address", ["https://example.com/a/fox.png?x=1", "asset://abc"])
def test_an_address_is_passed_on_and_said_to_be_unseen(address):
    cropper = ImageCropper(address, ratio="1:1")
    assert cropper.crop is None
    assert cropper.rect == cropper.size == []
    assert "nothing is fetched" in cropper.facts["notice"]
    assert cropper.image().url == address
    assert loads(cropper) == []
    cropper.rect = [1, 2, 3, 3]
    assert cropper.crop is None


def test_a_kind_that_only_the_service_reads_is_passed_on():
    heic = b"\0\0\0\x18ftypheic" + b"\0" * 40
    cropper = ImageCropper(heic, ratio="1:1")
    assert "heic" in cropper.facts["notice"]
    assert cropper.image() == Image(name="picture", data=heic, format="heic")


@pytest.mark.parametrize(
    "source", [b"no picture", "/no/such/file.png", 3.5, jpeg()[:20_000], jpeg(400, 400)[:3000]]
)
def test_a_bad_picture_is_refused(source):
    with pytest.raises(sw.MediaError):
        ImageCropper(source)


def test_a_bad_picture_later_leaves_the_last_one_and_says_why():
    cropper = ImageCropper(jpeg(), ratio="1:1")
    with pytest.raises(sw.MediaError):
        cropper.source = b"no picture"
    assert "not a picture" in cropper.error
    assert cropper.size == [1920, 1080]
    before = cropper.picture
    cropper.source = jpeg(600, 800)
    assert cropper.error == ""
    assert cropper.size == [600, 800]
    assert cropper.rect == [0, 100, 600, 600]
    assert cropper.picture == before + 1


def test_bad_ratios_and_small_windows():
    with pytest.raises(sw.InvalidRequest):
        ImageCropper(jpeg(), ratio="16x9")
    cropper = ImageCropper(jpeg(), ratio="16:9")
    with pytest.raises(sw.InvalidRequest):
        cropper.ratio = "0:1"
    assert cropper.ratio == "16:9"
    cropper.rect = [0, 0, 320, 180]
    with pytest.raises(sw.InvalidRequest, match="side"):
        cropper.image()
    tiny = ImageCropper(ramps(6, 2), ratio="21:9")
    assert not tiny.facts["movable"]
    assert tiny.crop == sw.center_crop(6, 2, "21:9")


def test_an_error_of_a_callback_is_shown():
    cropper = ImageCropper(jpeg(), ratio="1:1")

    def fail(crop):
        raise ZeroDivisionError("in my callback")

    cropper.observe_crop(fail)
    cropper.set_state({"rect": [0, 0, 500, 500]})
    assert cropper.error == "ZeroDivisionError: in my callback"


def test_the_browsers_arithmetic_is_pythons(tmp_path):
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("needs node 20")
        pytest.skip("needs node 20: apt-get install nodejs")
    chance = random.Random(11)
    cases, expected = [], []
    for _ in range(3000):
        width, height = chance.randint(1, 6000), chance.randint(1, 6000)
        ratio = chance.choice((*RATIOS, f"{chance.randint(1, 30)}:{chance.randint(1, 30)}"))
        a, b = ratio_parts(ratio)
        largest = min(width // a, height // b)
        answer = {"center": module._sides_of(sw.center_crop(width, height, ratio)), "largest": largest}
        case = {"size": [width, height], "ratio": ratio}
        if largest:
            case |= {"x": chance.randint(-900, 6900), "y": chance.randint(-900, 6900)}
            case["units"] = chance.randint(1, largest)
            crop = sw.offset_crop(
                width, height, ratio, x=case["x"], y=case["y"], scale=case["units"] / largest
            )
            answer["offset"] = module._sides_of(crop)
        cases.append(case)
        expected.append(answer)
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))
    script = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ centerCrop, largest, offsetCrop }} from {json.dumps(JS.as_uri())};
        const cases = JSON.parse(readFileSync({json.dumps(str(file))}, "utf8"));
        console.log(JSON.stringify(cases.map(({{ size, ratio, x, y, units }}) => ({{
          center: centerCrop(size, ratio),
          largest: largest(size, ratio),
          ...(units && {{ offset: offsetCrop(size, ratio, x, y, units) }}),
        }}))));
    """
    ran = subprocess.run(
        [node, "--input-type=module", "-e", script], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == expected
