"""A good clip and good answers spoiled 500 ways each: what comes of it is a success or an error of our tree."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from canary import KEY
from mutations import spoiled_answer

import seedance_widgets as sw
from seedance_widgets.modelark.client import Client
from seedance_widgets.sending.limits import Limits

WAYS = 500
TASKS = "/api/v3/contents/generations/tasks"
SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}
ENDED = {
    "id": "cgt-20260801-abcde",
    "model": "seedance-1-0-pro-250528",
    "status": "succeeded",
    "error": None,
    "content": {
        "video_url": "https://tos.example/a.mp4?sig=1",
        "last_frame_url": "https://tos.example/a.png",
    },
    "usage": {"completion_tokens": 48600, "total_tokens": 48600},
    "created_at": 1_799_999_900,
    "updated_at": 1_799_999_990,
    "seed": 10,
    "resolution": "480p",
    "ratio": "1:1",
    "frames": 29,
    "framespersecond": 24,
    "service_tier": "default",
    "execution_expires_after": 172_800,
}
LISTED = {"items": [ENDED, {**ENDED, "id": "cgt-20260801-vwxyz", "status": "running"}], "total": 2}


class Spoiled(sw.Simulator):
    """A service whose next answers are given; a simulator, so that a studio can be on it."""

    def __init__(self) -> None:
        super().__init__(speed=1000)
        self.answers = {}
        self.sent = []

    def transport(self):
        return httpx.MockTransport(self.answer)

    def answer(self, request):
        call = f"{request.method} {request.url.path.removeprefix(TASKS)}"
        told = self.answers.get(call)
        if request.method == "POST":
            self.sent.append(json.loads(request.content))
        return httpx.Response(404 if told is None else 200, content=told or b"")


@pytest.fixture
def tiny(fresh_catalog):
    """A model of small clips with sound: they have all boxes, and little beside them."""
    return fresh_catalog.register(
        "tiny",
        like="seedance-1-5-pro",
        sizes={"480p": {"1:1": (64, 64)}},
        resolutions=("480p",),
        ratios=("1:1",),
        defaults={"resolution": "480p", "ratio": {}, "duration": 4},
    ).name


def test_a_clip(tmp_path, tiny):
    with sw.Studio(tmp_path / "good", simulate=sw.Simulator(speed=500)) as studio:
        clip = sw.run(studio.generate("a fox", model=tiny)).video_path
    script = Path(__file__).parents[1] / "support" / "mutations.py"
    (tmp_path / "spoiled").mkdir()
    done = subprocess.run(
        [sys.executable, script, clip, tmp_path / "spoiled", str(WAYS)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    ended = told["ended"]
    assert ended["saved"] + ended["failed"] == WAYS
    assert ended["failed"] >= WAYS / 8  # at least those that are cut
    for look in ("probe", "poster_jpeg"):
        assert ended[f"{look} reads"] + ended[f"{look} MediaError"] == WAYS
        assert min(ended[f"{look} reads"], ended[f"{look} MediaError"]) > 0
    assert told["grown_kib"] < 1 << 19
    assert len(list(tmp_path.rglob("*.part*"))) == 0


async def no_wait(_):
    await asyncio.sleep(0)


@pytest.mark.parametrize("status", [200, 400, 404, 429, 500])
async def test_an_answer(status):
    told, outcomes = {}, {True: 0, False: 0}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=told["now"]))
    error = {"error": {"code": "InvalidParameter.X", "message": "no. Request id: 02", "param": "seed"}}
    async with Client(KEY, transport=transport, sleep=no_wait, retries=2) as client:
        for number in range(WAYS):
            one, many = spoiled_answer(ENDED, number), spoiled_answer(LISTED, number)
            if status != 200:
                one = many = spoiled_answer(error, number)
            for raw, call in (
                (one, client.create({"model": "m"})),
                (one, client.get("cgt-1")),
                (many, client.list()),
                (one, client.delete("cgt-1")),
            ):
                told["now"] = raw
                try:
                    answer = await call
                except sw.SeedanceError:
                    outcomes[False] += 1
                else:
                    outcomes[True] += 1
                    assert keepable(answer.data)
    assert outcomes[True] if status == 200 else not outcomes[True]
    assert outcomes[False]


def keepable(value):
    """Whether any database and any JSON reader takes it."""
    if isinstance(value, dict):
        return all(keepable(each) for item in value.items() for each in item)
    if isinstance(value, list):
        return all(map(keepable, value))
    if isinstance(value, str):
        return "\0" not in value and value == value.encode(errors="replace").decode()
    return not isinstance(value, float) or math.isfinite(value)


async def test_a_studio_that_adopts(tmp_path, monkeypatch):
    """What was odd is taken in or refused, and the next answer, which is good, ends the task as it says."""
    monkeypatch.setattr("seedance_widgets.modelark.client._FIRST_WAIT", 0.01)
    monkeypatch.setattr("seedance_widgets.following.saver._PAUSE", 0.01)
    service = Spoiled()

    async def adopted(number):
        task_id = f"cgt-{number}"
        bad, good = ({**ENDED, "id": task_id, "status": status} for status in ("running", "failed"))
        service.answers[f"GET /{task_id}"] = spoiled_answer(bad, number)
        try:
            return await studio.adopt(task_id)
        finally:
            service.answers[f"GET /{task_id}"] = json.dumps(good).encode()

    with sw.Studio(tmp_path, simulate=service) as studio:
        ended = await asyncio.gather(*map(adopted, range(WAYS)), return_exceptions=True)
        tasks = [each for each in ended if isinstance(each, sw.Task)]
        assert all(isinstance(each, sw.Task | sw.SeedanceError) for each in ended)
        ends = await asyncio.gather(*(task.wait(timeout=100) for task in tasks), return_exceptions=True)
        assert all(isinstance(end, sw.TaskError | sw.DownloadError) for end in ends)
        frame = studio.log.to_pandas()
        assert min(studio.spent, studio.reserved) >= 0
    assert set(frame["task_id"]) == {task.id for task in tasks}
    assert len(frame) == len(tasks) > WAYS / 4
    assert (frame["status"] == "failed").sum() > len(tasks) / 2


async def test_a_studio_that_submits(tmp_path):
    """Each request is sent once, and its row has the id that came back, or says that it is not known."""
    service, ids = Spoiled(), set()
    with sw.Studio(tmp_path, simulate=service, limits=Limits(rpm=WAYS * 9, concurrency=WAYS * 9)) as studio:
        for number in range(WAYS // 5):
            service.answers["POST "] = spoiled_answer({"id": f"cgt-{number}"}, number)
            try:
                ids.add((await studio.submit("a fox", **SMALL)).id)
            except sw.OutcomeUnknown:
                continue
        frame = studio.log.to_pandas()
        lost = studio.log.unknown()
    assert len(service.sent) == len(frame) == WAYS // 5
    assert set(frame["task_id"].dropna()) == ids
    assert len(lost) == frame["task_id"].isna().sum() > 0
    assert (lost["reserved_usd"] > 0).all()


# --- a list that is not what it seems --------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        lambda told: {**told, "items": []},
        lambda told: {**told, "items": {}},
        lambda told: {"total": 1},
        lambda told: {"items": [None], "total": None},
        lambda told: {"items": ["cgt-1"], "total": 0},
        lambda told: {"items": [{**told["items"][0], "id": 7}], "total": 1},
        lambda told: {"items": [{**told["items"][0], "id": "a" * 999}]},
        lambda told: {"items": [{"id": "cgt-2", "model": "other"}], "total": True},
        lambda told: {"items": [{"id": "cgt-2", "model": "other"}], "total": -1},
        lambda told: {"items": [{"id": "cgt-2", "model": "other"}], "total": "1"},
        lambda told: {"items": [{"id": "cgt-2", "model": "other"}], "total": 10**400},
        lambda told: {"items": [{**told["items"][0], "execution_expires_after": "1"}], "total": 1},
        lambda told: {
            "items": [{**told["items"][0], "execution_expires_after": None, "seed": "1"}],
            "total": 1,
        },
        lambda told: "<html>",
    ],
)
async def test_a_list_that_cannot_be_read_settles_nothing(tmp_path, clock, odd):
    service = Spoiled()
    service.answers["POST "] = b"{"
    with sw.Studio(tmp_path, simulate=service, clock=clock) as studio:
        with pytest.raises(sw.OutcomeUnknown) as caught:
            await studio.submit("a fox", **SMALL)
        (sent,) = service.sent
        item = {"id": "cgt-1", "status": "running", "created_at": clock.now, **sent}
        told = {"items": [{name: item[name] for name in item if name != "seed"}], "total": 1}
        clock.pass_(600)
        service.answers["GET "] = json.dumps(odd(told)).encode()
        await studio.resume()
        assert caught.value.task.status == "unknown"
        assert studio.reserved > 0
        service.answers["GET "] = json.dumps(told).encode()
        await studio.resume()
        assert caught.value.task.id == "cgt-1"
