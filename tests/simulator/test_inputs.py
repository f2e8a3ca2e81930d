"""What a body may name as an input: the service fetches addresses, and never opens a path of its machine."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import httpx
import pytest
from bad_requests import sound, sound_url
from pictures import encoded, photo

import seedance_widgets as sw

if TYPE_CHECKING:
    from pathlib import Path

TASKS = "http://simulator/api/v3/contents/generations/tasks"
KEY = {"Authorization": "Bearer any"}
ROLES = {
    "image_url": ("first_frame", "last_frame", "reference_image", None),
    "video_url": ("reference_video",),
    "audio_url": ("reference_audio",),
}
PLACES = [(kind, role) for kind, roles in ROLES.items() for role in roles]
ADDRESS = "https://example.com/a.png"


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    """A picture that could be opened, by its name from here and from the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(photo(640, 640), "PNG"))
    return path


def names_of(path: Path) -> dict[str, object]:
    """Ways to write a path that somebody may hope for."""
    return {
        "absolute": str(path),
        "relative": path.name,
        "dotted": f"./{path.name}",
        "home": f"~/{path.name}",
        "file": path.as_uri(),
        "FILE": path.as_uri().replace("file", "FILE"),
        "file without a host": f"file:{path}",
        "doubled": f"/{path}",
        "a space before": f" {path}",
        "windows": "C:\\secret.png",
        "windows with slashes": "C:/secret.png",
        "unc": "\\\\server\\share\\secret.png",
        "unc with slashes": "//server/share/secret.png",
        "device": "/dev/zero",
        "another scheme": "ftp://example.com/a.png",
        "address without slashes": f"http:{path}",
        "address without a host": f"https://{path}",
        "broken address": "http://[",
        "empty": "",
        "blank": " ",
        "null": None,
        "number": 3,
        "list": [str(path)],
        "nested": {"url": str(path)},
    }


@pytest.fixture
async def post():
    """Create a task of some content items; the status and the error's code."""
    simulator = sw.Simulator(limits={"rpm": 1000})
    async with httpx.AsyncClient(transport=simulator.transport(), headers=KEY) as client:

        async def create(*items, **more):
            content = [{"type": "text", "text": "a fox"}, *items]
            body = {"model": "dreamina-seedance-2-0", "content": content, **more}
            answer = await client.post(TASKS, json=body)
            return answer.status_code, answer.json().get("error", {}).get("code")

        yield create
    simulator.close()


def item(kind: str, role: str | None, url: object) -> list[dict[str, object]]:
    """A content item, after those that its role cannot be without."""
    before = {"last_frame": "first_frame", "reference_audio": "reference_image"}.get(str(role))
    given = {"type": kind, kind: {"url": url}} | ({"role": role} if role else {})
    return [*(item("image_url", before, ADDRESS) if before else ()), given]


@pytest.mark.parametrize(("kind", "role"), PLACES)
async def test_what_cannot_be_fetched_gets_400(own_file, post, kind, role):
    what = {"image_url": "Image", "video_url": "Video", "audio_url": "Audio"}[kind]
    empty = ("empty", "blank", "null", "number", "list", "nested")
    names = names_of(own_file)
    told = {name: await post(*item(kind, role, url)) for name, url in names.items()}
    faults = {name: "EmptyURL" if name in empty else "InvalidFormat" for name in names}
    assert told == {name: (400, f"Invalid{what}URL.{fault}") for name, fault in faults.items()}


@pytest.mark.parametrize(("kind", "role"), PLACES)
async def test_what_can_be_fetched_is_taken(post, kind, role):
    for url in (ADDRESS, ADDRESS.upper(), "http://127.0.0.1:9/a.png", "asset://asset-1"):
        assert await post(*item(kind, role, url)) == (200, None)


@pytest.mark.parametrize("kind", ROLES)
async def test_a_clip_is_the_one_input_that_cannot_be_data(post, kind):
    picture = "data:image/png;base64," + base64.b64encode(encoded(photo(640, 640), "PNG")).decode()
    data = sound_url(sound(3)) if kind == "audio_url" else picture
    fault = (400, "InvalidVideoURL.InvalidFormat") if kind == "video_url" else (200, None)
    assert await post(*item(kind, ROLES[kind][0], data)) == fault


@pytest.mark.parametrize("kind", ROLES)
async def test_an_item_of_another_shape_gets_400(own_file, post, kind):
    for holder in (None, own_file.name, [own_file.name], {}, {"path": own_file.name}):
        status, _ = await post({"type": kind, kind: holder, "role": ROLES[kind][0]})
        assert status == 400


async def test_no_other_field_names_an_input(own_file, post):
    hidden = item("image_url", "first_frame", str(own_file))
    for field in (
        {"extra": {"content": hidden}},
        {"first_frame": str(own_file)},
        {"images": [str(own_file)]},
    ):
        assert await post(**field) == (400, "InvalidParameter.UnsupportedParameter")


async def test_a_path_that_a_person_gives_is_sent_as_data(own_file, studio):
    small = {"model": "dreamina-seedance-2-0", "resolution": "480p", "duration": 4}
    for given in (own_file, own_file.name, f"~/{own_file.name}"):
        assert (await studio.submit("a fox", first_frame=given, **small)).status == "queued"
    hidden = {"type": "image_url", "image_url": {"url": str(own_file)}, "role": "reference_image"}
    with pytest.raises(sw.RequestRejected, match="InvalidImageURL"):
        await studio.submit("a fox", extra={"content": [hidden]}, **small)
