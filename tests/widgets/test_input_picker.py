from __future__ import annotations

import io
import json

import pytest
from pictures import jpeg
from PIL import Image as Pillow

import seedance_widgets as sw
from seedance_widgets.inputs.image import load_image
from seedance_widgets.widgets.input_picker import ImagePicker

HEIC = b"\0\0\0\x18ftypheic" + b"\0" * 40


def told(picker, content, *buffers):
    """What the widget answers to one message of its view."""
    sent = []
    picker.send = lambda content, buffers=None: sent.append((content, buffers))
    picker._handle_custom_msg(content, [memoryview(buffer) for buffer in buffers])
    return sent


def upload(picker, data, name="fox.jpg", n="a-1", part=None):
    answers = []
    part = part or max(1, len(data))
    for at in range(0, max(1, len(data)), part):
        message = {"kind": "file", "name": name, "size": len(data), "n": n, "at": at}
        answers += [content for content, _ in told(picker, message, data[at : at + part])]
    return answers


def test_one_picture_replaces_the_last():
    picker = ImagePicker()
    assert (picker.label, picker.multiple, picker.limit, picker.count) == ("First frame", False, 1, 0)
    assert picker.image is None
    first = picker.add(jpeg(800, 600))
    assert picker.images == [first]
    second = picker.add(jpeg(600, 800))
    assert picker.images == [second]
    assert picker.image is second
    assert picker.count == 1
    assert picker.pictures[0]["facts"].startswith("600 × 800 px, JPEG, ")
    picker.clear()
    assert (picker.images, picker.count, picker.names, picker.pictures) == ([], 0, [], [])


def test_several_in_an_order(tmp_path):
    for name in ("a", "b", "c", "d"):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(800, 600))
    picker = ImagePicker("References", multiple=True, limit=3)
    for name in ("a", "b", "c"):
        picker.add(tmp_path / f"{name}.jpg")
    assert picker.names == ["a.jpg", "b.jpg", "c.jpg"]
    with pytest.raises(sw.InvalidRequest, match="at most 3"):
        picker.add(tmp_path / "d.jpg")
    picker.move(0, 1)
    assert picker.names == ["b.jpg", "a.jpg", "c.jpg"]
    picker.move(-1, -9)
    assert picker.names == ["c.jpg", "b.jpg", "a.jpg"]
    picker.remove(1)
    assert picker.names == ["c.jpg", "a.jpg"]
    assert picker.count == 2


def test_the_limit_is_the_models_range_of_references(fresh_catalog):
    most = max(model.references.max for model in fresh_catalog.models() if model.references)
    assert ImagePicker(multiple=True).limit == most
    lite = next(model for model in fresh_catalog.models() if model.references)
    assert ImagePicker(multiple=True, model=lite.name).limit == lite.references.max


def test_a_file_in_one_part_and_in_many():
    data = jpeg(1200, 900)
    picker = ImagePicker(multiple=True)
    assert upload(picker, data) == [{"kind": "added", "n": "a-1"}]
    answers = upload(picker, data, name="../x/own fox.jpg", n="a-2", part=len(data) // 3 + 1)
    assert [answer["kind"] for answer in answers] == ["got", "got", "added"]
    assert answers[1]["bytes"] == 2 * (len(data) // 3 + 1)
    assert picker.names == ["fox.jpg", "own fox.jpg"]
    assert [image.data for image in picker.images] == [data, data]


def test_two_views_may_send_at_once():
    first, second = jpeg(800, 600), jpeg(600, 800)
    picker = ImagePicker(multiple=True)
    messages = [
        ({"kind": "file", "name": name, "size": len(data), "n": name, "at": at}, data[at : at + 3000])
        for at in range(0, max(len(first), len(second)), 3000)
        for name, data in (("a", first), ("b", second))
        if at < len(data)
    ]
    for content, part in messages:
        told(picker, content, part)
    assert {image.data for image in picker.images} == {first, second}


def test_what_is_no_picture_is_refused_in_words():
    picker = ImagePicker()
    picker.add(jpeg())
    (answer,) = upload(picker, b"not a picture", name="<b>x</b>.txt")
    assert answer["kind"] == "refused"
    assert "not a picture" in answer["reason"]
    (answer,) = upload(picker, jpeg()[:20_000])
    assert "damaged" in answer["reason"]
    (answer,) = upload(picker, b"", name="empty.png")
    assert answer["kind"] == "refused"
    assert picker.count == 1


def test_a_part_that_does_not_follow_is_refused():
    picker = ImagePicker()
    begin = {"kind": "file", "name": "x", "size": 100, "n": "v-1"}
    for at, part in ((40, b"x" * 40), (0, b"x" * 101)):
        ((answer, _),) = told(picker, {**begin, "at": at}, part)
        assert "did not arrive whole" in answer["reason"]
    ((answer, _),) = told(picker, {**begin, "size": 10**9, "at": 0}, b"x")
    assert "a picture may have" in answer["reason"]
    ((answer, _),) = told(picker, {"kind": "file"}, b"x")
    assert answer["kind"] == "refused"


def test_uploads_that_never_end_are_forgotten():
    picker = ImagePicker()
    for number in range(9):
        told(picker, {"kind": "file", "name": "x", "size": 9, "n": str(number), "at": 0}, b"x")
    assert len(picker._uploads._arrived) == 4


def test_a_path_or_an_address_typed(tmp_path):
    path = tmp_path / "fox.jpg"
    path.write_bytes(jpeg())
    picker = ImagePicker(multiple=True)
    ((answer, _),) = told(picker, {"kind": "source", "text": f' "{path}" ', "n": "a-1"})
    assert answer == {"kind": "added", "n": "a-1"}
    told(picker, {"kind": "source", "text": "https://example.com/a/owl.png?x=1", "n": "a-2"})
    assert picker.names == ["fox.jpg", "owl.png"]
    assert picker.images[1].url == "https://example.com/a/owl.png?x=1"
    assert not picker.pictures[1]["thumbnail"]
    assert "nothing is checked" in picker.pictures[1]["facts"]
    ((answer, _),) = told(picker, {"kind": "source", "text": "/no/such.png", "n": "a-3"})
    assert "cannot read" in answer["reason"]
    ((answer, _),) = told(picker, {"kind": "source", "text": "  ", "n": "a-4"})
    assert answer["kind"] == "refused"


def test_a_thumbnail_is_small_and_sent_when_asked_for():
    picker = ImagePicker()
    picker.add(jpeg(3000, 2000))
    key = picker.pictures[0]["key"]
    ((content, buffers),) = told(picker, {"kind": "load", "id": key})
    assert content == {"kind": "loaded", "id": key, "type": "image/jpeg"}
    assert Pillow.open(io.BytesIO(buffers[0])).size == (160, 107)
    assert told(picker, {"kind": "load", "id": 99}) == []


def test_limits_of_the_service_are_words_beside_the_picture(fresh_catalog):
    picker = ImagePicker()
    picker.add(jpeg(200, 1000))
    side, ratio = picker.pictures[0]["problems"]
    assert "each side is 301 to 5999 px" in side
    assert "width / height" in ratio
    assert [problem.parameter for problem in picker.problems] == ["First frame"] * 2
    picker.add(HEIC)
    assert picker.pictures[0]["problems"] == []
    picker.model = next(model.name for model in fresh_catalog.models() if not model.heif)
    assert "format heic" in picker.pictures[0]["problems"][0]
    with pytest.raises(sw.InvalidRequest):
        picker.model = "no-such-model"


def test_remove_and_order_by_message():
    picker = ImagePicker(multiple=True)
    for width in (700, 800, 900):
        picker.add(load_image(jpeg(width, 600)))
    keys = [picture["key"] for picture in picker.pictures]
    told(picker, {"kind": "order", "key": keys[0], "by": 1})
    assert [picture["key"] for picture in picker.pictures] == [keys[1], keys[0], keys[2]]
    told(picker, {"kind": "remove", "key": keys[1]})
    told(picker, {"kind": "remove", "key": keys[1]})
    assert [image.width for image in picker.images] == [700, 900]


def test_callbacks_hear_of_every_change_and_their_errors_are_shown():
    picker = ImagePicker()
    heard = []
    stop = picker.on_change(lambda: heard.append(picker.count))
    picker.add(jpeg())
    picker.clear()
    assert heard == [1, 0]
    stop()

    def fail():
        raise ZeroDivisionError("in my callback")

    picker.on_change(fail)
    assert upload(picker, jpeg()) == [{"kind": "added", "n": "a-1"}]
    assert heard == [1, 0]
    assert picker.error == "ZeroDivisionError: in my callback"


def test_saved_state_is_small():
    picker = ImagePicker(multiple=True, limit=9)
    for _ in range(9):
        picker.add(jpeg(1600, 900))
    own = {
        name: value for name, value in picker.get_state().items() if name not in {"_esm", "_css", "layout"}
    }
    assert len(json.dumps(own)) < 3000
