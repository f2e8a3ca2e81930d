"""What the simulator makes of drafts and finals of 2.5, and of a search of the web."""

from __future__ import annotations

import httpx
import pytest

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


def test_a_search_of_the_web_is_told_in_the_usage(url):
    body = {**DRAFT, "model": "dreamina-seedance-2-0-mini-260615", "draft": False}
    searched = ended(url, {**body, "tools": [{"type": "web_search"}]})
    assert searched["usage"]["tool_usage"] == {"web_search": 1}
    assert "tool_usage" not in ended(url, body)["usage"]
    for tools in ([{"type": "other"}], [{}], "web_search", [{"type": "web_search"}, {"type": "other"}]):
        assert httpx.post(url, json={**body, "tools": tools}, headers=KEY).status_code == 400
