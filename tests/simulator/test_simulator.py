"""The simulated service by its wire: what it answers, in which order, and when."""

from __future__ import annotations

import asyncio
import http.server
import io
import itertools
import json
import threading
import time
from functools import cached_property

import av
import httpx
import numpy as np
import pytest
from pictures import encoded, photo
from PIL import Image, ImageOps

import seedance_widgets as sw

TASKS = "http://simulator/api/v3/contents/generations/tasks"
KEY = {"Authorization": "Bearer any"}


class Wire:
    """A bare client of one simulator, with a clock in its hands."""

    def __init__(self, clock, **options):
        self.clock = clock
        self.simulator = sw.Simulator(clock=clock, **options)
        self.http = httpx.AsyncClient(transport=self.simulator.transport(), headers=KEY)

    async def create(self, **body):
        given = {"model": "seedance-1-5-pro", "content": [{"type": "text", "text": "a fox"}], **body}
        return await self.http.post(TASKS, json=given)

    async def made(self, **body):
        answer = await self.create(**body)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    async def get(self, task_id):
        return (await self.http.get(f"{TASKS}/{task_id}")).json()

    async def status(self, task_id):
        return (await self.get(task_id))["status"]

    async def file(self, task_id, name="video_url"):
        return await self.http.get((await self.get(task_id))["content"][name])


@pytest.fixture
async def wire(clock):
    wire = Wire(clock)
    yield wire
    await wire.http.aclose()
    wire.simulator.close()


async def test_statuses_in_order_and_fields_only_when_due(wire, clock):
    task = await wire.made(seed=11, ratio="16:9")
    first = await wire.get(task)
    assert set(first) == {
        "id", "model", "status", "created_at", "updated_at", "service_tier", "execution_expires_after"
    }  # fmt: skip
    seen = [first["status"]]
    for _ in range(120):
        clock.pass_(1)
        status = await wire.status(task)
        if status != seen[-1]:
            seen.append(status)
    assert seen == ["queued", "running", "succeeded"]
    last = await wire.get(task)
    assert last["usage"] == {"completion_tokens": 108900, "total_tokens": 108900}
    assert (last["seed"], last["ratio"], last["resolution"], last["duration"]) == (11, "16:9", "720p", 5)
    assert last["model"] == "seedance-1-5-pro-251215"
    assert 20 <= last["updated_at"] - last["created_at"] <= 91


async def test_frames_are_answered_in_place_of_a_duration(wire, clock):
    task = await wire.made(model="seedance-1-0-pro", frames=29)
    clock.pass_(100)
    answer = await wire.get(task)
    assert answer["frames"] == 29
    assert "duration" not in answer
    assert "generate_audio" not in answer


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer bad-key", "Basic any"])
async def test_a_key_is_needed(wire, key):
    answer = await wire.http.get(TASKS, headers={"Authorization": key})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationError")
    assert answer.headers["X-Request-Id"] in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"model": "seedance-1-5-pro"}', b'{"content": []}', b"\xff"]
)
async def test_odd_bodies_get_400(wire, body):
    answer = await wire.http.post(TASKS, content=body)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "type", "param"}


async def test_an_unknown_model_gets_404(wire):
    answer = await wire.create(model="seedance-0")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "InvalidEndpointOrModel.NotFound")


async def test_an_unknown_field_gets_400_and_null_is_absent(wire):
    assert (await wire.create(colour="red")).json()["error"][
        "code"
    ] == "InvalidParameter.UnsupportedParameter"
    assert (await wire.create(colour=None, duration=None, tools=None)).status_code == 200


async def test_flags_in_a_prompt_are_lenient(wire, clock):
    content = [{"type": "text", "text": "a fox --rs 480p --dur 99 --rt 1:1 --seed 7 --wm true"}]
    task = await wire.made(content=content)
    clock.pass_(100)
    answer = await wire.get(task)
    assert (answer["resolution"], answer["ratio"], answer["seed"], answer["duration"]) == (
        "480p",
        "1:1",
        7,
        5,
    )


async def test_the_body_wins_over_flags(wire, clock):
    task = await wire.made(content=[{"type": "text", "text": "a fox --rs 480p"}], resolution="720p")
    clock.pass_(100)
    assert (await wire.get(task))["resolution"] == "720p"


async def test_the_list_filters_and_pages(wire, clock):
    made = [await wire.made() for _ in range(5)]
    clock.pass_(100)
    queued = await wire.made(model="seedance-1-0-pro")
    flex = await wire.made(service_tier="flex")
    assert flex.startswith("cgt-batch-")

    async def listed(**query):
        answer = (await wire.http.get(TASKS, params=query)).json()
        return answer["total"], [item["id"] for item in answer["items"]]

    assert await listed(page_size=500) == (6, [queued, *reversed(made)])
    assert await listed(**{"filter.status": "succeeded", "page_size": 2}) == (5, [made[4], made[3]])
    assert await listed(**{"filter.status": "succeeded", "page_size": 2, "page_num": 3}) == (5, [made[0]])
    assert await listed(**{"filter.task_ids": [made[0], queued]}) == (2, [queued, made[0]])
    assert await listed(**{"filter.model": "seedance-1-0-pro"}) == (1, [queued])
    assert await listed(**{"filter.service_tier": "flex"}) == (1, [flex])
    for bad in ({"page_size": 501}, {"page_num": 0}, {"page_num": "x"}, {"filter.status": "expired"}):
        assert (await wire.http.get(TASKS, params=bad)).status_code == 400


async def test_delete_cancels_removes_or_refuses(wire, clock):
    queued = await wire.made()
    assert (await wire.http.request("DELETE", f"{TASKS}/{queued}", json={})).json() == {}
    assert await wire.status(queued) == "cancelled"
    assert (await wire.http.delete(f"{TASKS}/{queued}")).status_code == 409
    running = await wire.made()
    clock.pass_(6)
    answer = await wire.http.delete(f"{TASKS}/{running}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "TaskRunningCannotCancel")
    clock.pass_(100)
    assert (await wire.http.delete(f"{TASKS}/{running}")).status_code == 200
    assert (await wire.http.get(f"{TASKS}/{running}")).status_code == 404


async def test_requests_a_minute(clock):
    wire = Wire(clock, limits={"rpm": 3})
    for _ in range(3):
        await wire.made()
    answer = await wire.create()
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "ModelAccountRpmRateLimitExceeded")
    assert int(answer.headers["Retry-After"]) == 60
    assert (await wire.create(model="seedance-1-0-pro")).status_code == 200
    clock.pass_(60)
    assert (await wire.create()).status_code == 200
    await wire.http.aclose()


async def test_tasks_beyond_the_places_wait(clock):
    wire = Wire(clock, limits={"concurrency": 2})
    made = [await wire.made() for _ in range(5)]
    clock.pass_(6)
    assert [await wire.status(task) for task in made] == ["running"] * 2 + ["queued"] * 3
    most = 0
    for _ in range(300):
        clock.pass_(1)
        running = [await wire.status(task) for task in made].count("running")
        most = max(most, running)
    assert most == 2
    assert {await wire.status(task) for task in made} == {"succeeded"}
    await wire.http.aclose()


async def test_a_long_absence_plays_the_same_events(clock):
    wire = Wire(clock, limits={"concurrency": 1})
    made = [await wire.made() for _ in range(3)]
    clock.pass_(3600)
    ends = [(await wire.get(task))["updated_at"] for task in made]
    assert ends == sorted(ends)
    assert all(later - earlier >= 19 for earlier, later in itertools.pairwise(ends))
    await wire.http.aclose()


async def test_tokens_a_day_on_flex(clock):
    wire = Wire(clock, limits={"tokens_per_day": 250_000})
    for _ in range(2):
        await wire.made(service_tier="flex", ratio="16:9")
    answer = await wire.create(service_tier="flex", ratio="16:9")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "QuotaExceeded")
    assert (await wire.create(ratio="16:9")).status_code == 200
    clock.pass_(86_400)
    assert (await wire.create(service_tier="flex", ratio="16:9")).status_code == 200
    await wire.http.aclose()


async def test_what_is_not_finished_in_time_expires(clock):
    wire = Wire(clock, limits={"concurrency": 0})
    task = await wire.made(execution_expires_after=3600)
    clock.pass_(3599)
    assert await wire.status(task) == "queued"
    clock.pass_(2)
    assert await wire.status(task) == "expired"
    await wire.http.aclose()


async def test_files_are_kept_a_day_and_records_a_week(wire, clock):
    task = await wire.made(resolution="480p", ratio="1:1", duration=4)
    clock.pass_(100)
    assert (await wire.file(task)).status_code == 200
    clock.pass_(24 * 3600)
    assert (await wire.file(task)).status_code == 403
    clock.pass_(6 * 86_400)
    assert (await wire.http.get(f"{TASKS}/{task}")).status_code == 404


async def test_a_final_reuses_its_draft_and_refuses_anything_else(wire, clock):
    draft = await wire.made(draft=True, seed=20, duration=6, ratio="1:1", generate_audio=False)
    final = {"content": [{"type": "draft_task", "draft_task": {"id": draft}}]}
    assert (await wire.create(**final)).status_code == 400  # not done yet
    clock.pass_(100)
    assert (await wire.get(draft))["usage"]["completion_tokens"] == 640 * 640 * 145 // 1024 * 7 // 10
    task = await wire.made(**final, resolution="1080p")
    assert (await wire.create(**final, model="seedance-2-5")).status_code == 400
    assert (await wire.create(**final, seed=3)).status_code == 400
    clock.pass_(100)
    answer = await wire.get(task)
    assert (answer["seed"], answer["duration"], answer["ratio"]) == (20, 6, "1:1")
    assert (answer["generate_audio"], answer["draft"], answer["draft_task_id"]) == (False, False, draft)
    assert answer["usage"]["completion_tokens"] == 1440 * 1440 * 145 // 1024
    clock.pass_(7 * 86_400)
    refused = await wire.create(**final)
    assert refused.status_code == 400
    standard = await wire.made()
    assert (
        await wire.create(content=[{"type": "draft_task", "draft_task": {"id": standard}}])
    ).status_code == 400


async def test_answers_are_dated_by_the_clock(wire, clock):
    answer = await wire.http.get(TASKS)
    assert answer.headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"


class Finishing(sw.Simulator):
    """Remembers the calls that it has gone through to their end."""

    @cached_property
    def _app(self):
        inner, self.finished = super()._app, []

        async def app(scope, receive, send):
            await inner(scope, receive, send)
            self.finished.append(scope["method"])

        return app


async def test_a_call_whose_caller_has_left_is_finished():
    simulator = Finishing()
    simulator.faults.slow(0.3, on="create")
    body = {"model": "seedance-1-5-pro", "content": [{"type": "text", "text": "a fox"}]}
    async with httpx.AsyncClient(transport=simulator.transport(), headers=KEY) as http, asyncio.timeout(60):
        asking = asyncio.ensure_future(http.post(TASKS, json=body))
        while not simulator.tasks():
            await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])
        assert simulator.finished == []
        while not simulator.finished:
            await asyncio.sleep(0.01)
    simulator.close()


async def test_state_outlives_the_process(tmp_path, clock):
    first = Wire(clock, state=tmp_path)
    task = await first.made(resolution="480p", ratio="1:1", duration=4)
    await first.http.aclose()
    first.simulator.close()
    clock.pass_(100)
    second = Wire(clock, state=tmp_path)
    assert await second.status(task) == "succeeded"
    one = await second.file(task)
    two = await second.file(task)
    assert one.content == two.content
    await second.http.aclose()
    second.simulator.close()


# --- pictures and clips ----------------------------------------------------------------------------------


def frames_of(data, *which):
    with av.open(io.BytesIO(data)) as clip:
        every = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    return len(every), *(every[index].astype(float) for index in which)


def data_url(picture):
    import base64

    return "data:image/png;base64," + base64.b64encode(encoded(picture, "PNG")).decode()


def image_item(picture, role):
    return {"type": "image_url", "image_url": {"url": data_url(picture)}, "role": role}


def centre(picture, ratio, size):
    crop = sw.center_crop(*picture.size, ratio)
    return np.asarray(picture.crop(crop.box).resize(size, Image.Resampling.LANCZOS), float)


@pytest.mark.parametrize("shape", [(700, 1500), (1500, 700), (1200, 900)], ids=["tall", "wide", "equal"])
async def test_frame_0_is_the_centre_of_the_picture(wire, clock, shape):
    picture = photo(*shape)
    task = await wire.made(
        content=[image_item(picture, "first_frame")], resolution="480p", ratio="4:3", duration=4
    )
    clock.pass_(100)
    count, first = frames_of((await wire.file(task)).content, 0)
    assert count == 97
    assert np.abs(first - centre(picture, "4:3", (752, 560))).mean() < 8


async def test_the_last_frame_is_the_last_picture(wire, clock):
    one, other = photo(seed=0), ImageOps.invert(photo(seed=2))
    task = await wire.made(
        content=[image_item(one, "first_frame"), image_item(other, "last_frame")],
        resolution="480p", ratio="16:9", duration=4, return_last_frame=True,
    )  # fmt: skip
    clock.pass_(100)
    _, first, last = frames_of((await wire.file(task)).content, 0, -1)
    assert np.abs(first - centre(one, "16:9", (864, 496))).mean() < 8
    assert np.abs(last - centre(other, "16:9", (864, 496))).mean() < 8
    still = Image.open(io.BytesIO((await wire.file(task, "last_frame_url")).content))
    assert (still.format, still.size) == ("PNG", (864, 496))
    assert np.abs(np.asarray(still.convert("RGB"), float) - last).mean() < 1


async def test_an_own_last_frame_feeds_the_next_clip(wire, clock):
    first = await wire.made(resolution="480p", ratio="1:1", duration=4, return_last_frame=True)
    clock.pass_(100)
    url = (await wire.get(first))["content"]["last_frame_url"]
    second = await wire.made(
        content=[{"type": "image_url", "image_url": {"url": url}}], resolution="480p", duration=4
    )
    clock.pass_(100)
    assert (await wire.get(second))["ratio"] == "1:1"
    _, last = frames_of((await wire.file(first)).content, -1)
    _, opening = frames_of((await wire.file(second)).content, 0)
    assert np.abs(last - opening).mean() < 8


@pytest.mark.parametrize("audio", [True, False])
async def test_sound_only_when_asked(wire, clock, audio):
    task = await wire.made(resolution="480p", ratio="21:9", duration=5, generate_audio=audio)
    clock.pass_(100)
    with av.open(io.BytesIO((await wire.file(task)).content)) as clip:
        video = clip.streams.video[0]
        assert (video.codec_context.width, video.codec_context.height) == (992, 432)
        assert (video.average_rate, video.frames) == (24, 121)
        assert bool(clip.streams.audio) is audio


async def test_files_answer_ranges(wire, clock):
    task = await wire.made(resolution="480p", ratio="1:1", duration=4)
    clock.pass_(100)
    url = (await wire.get(task))["content"]["video_url"]
    whole = await wire.http.get(url)
    part = await wire.http.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])


# --- faults ----------------------------------------------------------------------------------------------


async def test_faults_over_a_real_socket():
    simulator = sw.Simulator(speed=1000)
    body = {"model": "seedance-1-5-pro", "content": [{"type": "text", "text": "a fox"}]}
    with simulator.serve() as base_url:
        async with httpx.AsyncClient(headers=KEY) as client:
            url = f"{base_url}/contents/generations/tasks"
            simulator.faults.drop_reply()
            with pytest.raises(httpx.TransportError):
                await client.post(url, json=body)
            assert len(simulator.tasks()) == 1
            simulator.faults.half_body()
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(url, json=body)
            assert len(simulator.tasks()) == 2
            simulator.faults.refuse(429, "RateLimitExceeded.EndpointRPMExceeded", retry_after=3)
            refused = await client.post(url, json=body)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3")
            simulator.faults.refuse(500, "InternalServiceError")
            assert (await client.post(url, json=body)).status_code == 500
            assert len(simulator.tasks()) == 2
            simulator.faults.break_after(502)
            assert (await client.post(url, json=body)).status_code == 502
            assert len(simulator.tasks()) == 3
            simulator.faults.slow(5, on="get")
            with pytest.raises(httpx.ReadTimeout):
                await client.get(f"{url}/{simulator.tasks()[0]['id']}", timeout=0.2)
            simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
            failed = (await client.post(url, json=body)).json()["id"]
            for _ in range(100):
                answer = (await client.get(f"{url}/{failed}")).json()
                if answer["status"] == "failed":
                    break
                await asyncio.sleep(0.05)
            assert answer["error"]["code"] == "OutputVideoSensitiveContentDetected"
    simulator.close()


# --- callbacks -------------------------------------------------------------------------------------------


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers 500 as often as its server was told to, then 200."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(body)
        refuse = body["status"] == "succeeded" and self.server.refusals > 0
        self.server.refusals -= refuse
        self.send_response(500 if refuse else 200)
        self.end_headers()

    def log_message(self, *_):
        return


@pytest.mark.parametrize(("refusals", "heard"), [(0, 1), (2, 3), (9, 4)])
def test_callbacks_with_the_services_retries(refusals, heard):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.heard, server.refusals = [], refusals
    threading.Thread(target=server.serve_forever, daemon=True).start()
    simulator = sw.Simulator(speed=200)
    with simulator.serve() as base_url:
        body = {
            "model": "seedance-1-5-pro",
            "content": [{"type": "text", "text": "a fox"}],
            "callback_url": f"http://127.0.0.1:{server.server_port}/webhook/callback",
        }
        answer = httpx.post(f"{base_url}/contents/generations/tasks", json=body, headers=KEY, timeout=60)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            statuses = [each["status"] for each in server.heard]
            if statuses.count("succeeded") == heard:
                break
            time.sleep(0.02)
        time.sleep(0.3)
    server.shutdown()
    server.server_close()
    simulator.close()
    statuses = [each["status"] for each in server.heard]
    assert statuses == ["queued", "running"] + ["succeeded"] * heard
    assert {each["id"] for each in server.heard} == {answer.json()["id"]}
    assert server.heard[-1]["content"]["video_url"].startswith(base_url.removesuffix("/api/v3"))
