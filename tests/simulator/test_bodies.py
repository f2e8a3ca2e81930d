"""What the simulator makes of bodies that name files of its own machine, and of drafts and finals of 2.5."""

from __future__ import annotations

import httpx
import pytest
from PIL import Image

import seedance_widgets as sw

KEY = {"Authorization": "Bearer k"}
DRAFT = {
    "model": "dreamina-seedance-2-5-260628", "content": [{"type": "text", "text": "a fox"}], "draft": True,
    "resolution": "480p", "ratio": "16:9", "duration": 4,
}  # fmt: skip


@pytest.fixture
def url():
    simulator = sw.Simulator(speed=2000)
    with simulator.serve() as address:
        yield f"{address}/contents/generations/tasks"
    simulator.close()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "secret.png"
    Image.new("RGB", (640, 640), "red").save(path)
    return path


@pytest.mark.parametrize("shape", ["{path}", "file://{path}", "file:{path}", "../secret.png", "~/secret.png",
                                   "C:\\secret.png", "\\\\host\\secret.png", "secret.png", ""])  # fmt: skip
@pytest.mark.parametrize(
    ("kind", "role"),
    [("image_url", None), ("image_url", "first_frame"), ("image_url", "reference_image"),
     ("video_url", "reference_video"), ("audio_url", "reference_audio"), ("file_url", None)],
)  # fmt: skip
def test_no_file_of_this_machine_is_opened(url, picture, monkeypatch, shape, kind, role):
    monkeypatch.chdir(picture.parent)
    item = {"type": kind, kind: {"url": shape.format(path=picture)}, **({"role": role} if role else {})}
    body = {"model": "dreamina-seedance-2-0-260128", "content": [{"type": "text", "text": "x"}, item]}
    answer = httpx.post(url, json=body, headers=KEY)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"].startswith("InvalidParameter.")
    assert "red" not in answer.text


def ended(url, body):
    made = httpx.post(url, json=body, headers=KEY).raise_for_status().json()["id"]
    while True:
        task = httpx.get(f"{url}/{made}", headers=KEY).json()
        if task["status"] == "succeeded":
            return task


def test_a_draft_of_2_5_is_billed_by_the_guess_that_is_stated(url):
    task = ended(url, DRAFT)
    full = sw.estimate(model="seedance-2.5", resolution="480p", ratio="16:9", duration=4)
    assert task["usage"]["completion_tokens"] == full.tokens * 6 // 10


def test_a_final_of_2_5_is_1080p_or_refused(url):
    draft = ended(url, DRAFT)["id"]
    body = {"model": DRAFT["model"], "content": [{"type": "draft_task", "draft_task": {"id": draft}}]}
    for resolution in ("480p", "720p", "4k"):
        answer = httpx.post(url, json={**body, "resolution": resolution}, headers=KEY)
        assert answer.json()["error"]["code"] == "InvalidResolutionParameter"
    # so it is by default
    assert ended(url, body)["resolution"] == "1080p"
    assert sw.TaskRequest(model="seedance-2.5", draft_task=draft).to_dict()["resolution"] == "1080p"
    with pytest.raises(sw.InvalidRequest, match="takes 1080p with final from draft"):
        sw.TaskRequest(model="seedance-2.5", draft_task=draft, resolution="720p")


def test_a_clip_is_there_when_its_task_has_succeeded():
    simulator = sw.Simulator(speed=2000)
    with simulator.serve() as address:
        task = ended(f"{address}/contents/generations/tasks", DRAFT)
        drawn = [path.name for path in simulator._films._folder.iterdir()]
        assert f"{task['id']}-video.mp4" in drawn
    simulator.close()
