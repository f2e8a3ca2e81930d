"""Sounds as inputs: read once, measured, kept beside the log, and sent as data URLs."""

from __future__ import annotations

import base64
import json

import pytest
from bad_requests import encoded, sound

import seedance_widgets as sw

PICTURE = "https://example.com/fox.png"
ADDRESS = "https://example.com/drums.mp3?signature=secret"
SMALL = {"resolution": "480p", "ratio": "16:9", "duration": 4}


def request_with(*sounds):
    return sw.TaskRequest("a fox", model="seedance-2.0", reference_images=[PICTURE], reference_audios=sounds)


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_a_sound_is_measured_and_sent_as_a_data_url(kind, tmp_path):
    data = sound(3) if kind == "wav" else sound(3, "mp3", rate=16_000)
    path = tmp_path / f"drums.{kind}"
    path.write_bytes(data)
    media_type = {"wav": "audio/wav", "mp3": "audio/mpeg"}[kind]
    url = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    for source in (data, path, str(path), url):
        (given,) = request_with(source).reference_audios
        assert given.format == kind
        assert given.seconds == pytest.approx(3, abs=0.15)
        assert given.data_url == url
        assert given.encoded_bytes == len(url)
    item = request_with(data).to_dict()["content"][-1]
    assert item == {"type": "audio_url", "audio_url": {"url": url}, "role": "reference_audio"}


@pytest.mark.parametrize("source", [ADDRESS, "asset://a-1"])
def test_an_address_is_passed_on(source):
    (given,) = request_with(source).reference_audios
    assert (given.data_url, given.seconds, given.sha256) == (source, None, None)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"RIFF and no more", "no sound that can be read"),
        (b"", "no sound that can be read"),
        (encoded(400, 400), "no sound"),
        ("nothing.wav", "cannot read the sound"),
        ("data:audio/wav;base64,%%%", "not valid base64"),
        ("data:image/png;base64,AAAA", "not the data URL of a sound"),
        (7, "cannot read a sound from int"),
    ],
)
def test_what_is_no_sound_is_refused(source, said):
    with pytest.raises(sw.InvalidRequest, match=said) as caught:
        request_with(source)
    assert caught.value.problems[0].parameter == "reference_audios[0]"


async def test_a_sound_is_kept_once_and_found_again(studio):
    drums = sound(3)
    asked = {"model": "seedance-2.5", **SMALL, "reference_audios": [drums, ADDRESS]}
    first = await studio.generate("a fox", **asked)
    second = await studio.rerun(first)
    (kept,) = (studio.home / "inputs").iterdir()
    assert kept.read_bytes() == drums
    shown = json.loads(studio.log.to_pandas().loc[first.key, "reference_audios"])
    assert shown == [f"inputs/{kept.name}", "https://example.com/drums.mp3"]
    await second
    again = await studio.task(second.key)
    assert again.request.reference_audios[0].data == drums
    assert again.request.to_dict() == first.request.to_dict()
    form = sw.ParameterForm(studio)
    form.load(again)
    assert [each.sha256 for each in form.params["reference_audios"]] == [
        each.sha256 for each in first.request.reference_audios
    ]
