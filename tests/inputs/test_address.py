"""Addresses that the service cannot reach are refused where it is elsewhere, and said where that is not known."""

from __future__ import annotations

import pytest
from pictures import photo

import seedance_widgets as sw
from seedance_widgets.inputs.address import is_local

LOCAL = [
    "http://localhost:9000/a.png",
    "https://LOCALHOST/a.png",
    "http://app.localhost/a.png",
    "http://127.0.0.1:8888/files/a.png",
    "http://127.1/a.png",
    "http://2130706433/a.png",
    "http://0x7f.0.0.1/a.png",
    "http://0.0.0.0/a.png",
    "http://192.168.1.4/a.png",
    "http://10.0.0.7/a.png",
    "http://172.16.0.1/a.png",
    "http://169.254.169.254/latest",
    "http://100.64.0.1/a.png",
    "http://[::1]/a.png",
    "http://[fe80::1%25eth0]/a.png",
    "http://[fd00::1]:9000/a.png",
    "http://[::ffff:10.0.0.7]/a.png",
    "http://minio.local/a.png",
    "http://minio.local./a.png",
    "http://printer.lan/a.png",
    "http://minio:9000/a.png",
    "http://user:secret@127.0.0.1/a.png",
    " http://localhost/a.png",
]
PUBLIC = [
    "https://example.com/a.png",
    "https://localhost.example.com/a.png",
    "https://local/../a".replace("local/", "local.example/"),
    "http://8.8.8.8/a.png",
    "http://172.32.0.1/a.png",
    "http://[2606:4700::1]/a.png",
    "https://10.example.com/a.png",
    "asset://localhost",
    "https://example.com/?from=http://localhost/",
]
SMALL = {"model": "seedance-2-0", "duration": 4, "resolution": "480p"}
FIELDS = [
    "first_frame",
    "last_frame",
    "reference_images",
    "reference_videos",
    "reference_audios",
    "callback_url",
]


@pytest.mark.parametrize("address", LOCAL)
def test_an_address_that_stays_here(address):
    assert is_local(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_on_the_web(address):
    assert not is_local(address)


def fields(name, address):
    if name == "last_frame":
        return {"first_frame": photo(640, 640), name: address}
    if name == "reference_audios":
        return {"reference_images": photo(640, 640), name: address}
    return {name: address}


@pytest.mark.parametrize("name", FIELDS)
async def test_a_service_elsewhere_is_not_asked_for_it(name, tmp_path, canary):
    del canary  # nothing may leave this machine
    address = "http://192.168.1.4/a" + (".mp4" if "video" in name else ".wav" if "audio" in name else ".png")
    with sw.Studio(tmp_path, api_key="a-key", base_url="https://ark.example/api/v3") as studio:
        with pytest.raises(sw.InvalidRequest, match=r"cannot reach 192\.168\.1\.4") as caught:
            await studio.submit("a fox", **fields(name, address), **SMALL)
        assert caught.value.problems[0].parameter.startswith(name)
        assert len(studio.log.to_pandas()) == 0
    notes = sw.estimate(prompt="a fox", **fields(name, address), **SMALL).notes
    assert any("cannot reach 192.168.1.4" in note and note.startswith(name) for note in notes)


@pytest.mark.parametrize("name", FIELDS[:5])
async def test_a_simulator_on_this_machine_is(name, studio, simulator):
    address = "http://127.0.0.1:9/a" + (".mp4" if "video" in name else ".wav" if "audio" in name else ".png")
    await studio.submit("a fox", **fields(name, address), **SMALL)
    with (
        simulator.serve() as base_url,
        sw.Studio(studio.home / "b", api_key="a-key", base_url=base_url) as other,
    ):
        await other.submit("a fox", **fields(name, address), **SMALL)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ratio": "9:16"}, ["first_frame: 68% "]),
        ({"ratio": "1:1"}, ["first_frame: 44% "]),
        ({"ratio": "16:9"}, []),
        ({}, []),
        ({"last_frame": (720, 1280)}, ["last_frame: about 68% "]),
        ({"last_frame": (1280, 720), "ratio": "1:1"}, ["first_frame: 44% ", "last_frame: 44% "]),
        ({"ratio": "9:16", "prepared": True}, []),
    ],
)
def test_what_will_be_cut_off_is_said(given, said):
    ratio = given.get("ratio")
    first = photo(1280, 720)
    frames = {"first_frame": sw.prepare_image(first, ratio) if "prepared" in given else first}
    if "last_frame" in given:
        frames["last_frame"] = photo(*given["last_frame"])
    priced = sw.estimate(prompt="x", model="seedance-1-5-pro", duration=4, ratio=ratio, **frames)
    cuts = [note for note in priced.notes if "cut off" in note]
    assert [note.startswith(start) for note, start in zip(cuts, said, strict=True)] == [True] * len(said)
    assert ratio is None or priced.exact  # what is cut does not move the price


def test_a_picture_that_is_not_at_hand_is_cut_too():
    notes = sw.estimate(model="seedance-1-5-pro", image_size=(1280, 720), ratio="1:1", duration=4).notes
    assert any(note.startswith("first_frame: 44% ") for note in notes)
