"""One clip, end to end: from a request to a logged row with its files."""

from __future__ import annotations

import asyncio
import collections.abc
import hashlib
import json
import subprocess
import sys
import threading
import warnings

import av
import httpx
import pytest
from canary import KEY
from pictures import encoded, photo

import seedance_widgets as sw

SMALL = {"resolution": "480p", "ratio": "1:1", "duration": 4}
WITH_DRAFTS = {**SMALL, "model": "seedance-1-5-pro"}


async def test_one_clip(studio):
    task = await studio.generate("a fox by the sea", seed=11, return_last_frame=True, **WITH_DRAFTS)
    assert task.status == "succeeded"
    assert task.tokens == 640 * 640 * 97 // 1024
    assert task.usd == pytest.approx(task.tokens * 2.4e-6)
    assert task.video_path == studio.home / "media" / task.key / "video.mp4"
    with av.open(str(task.video_path)) as clip:
        assert clip.streams.video[0].frames == 97
    assert task.last_frame_path.read_bytes().startswith(b"\x89PNG")
    assert task.poster_path.read_bytes().startswith(b"\xff\xd8")
    assert task.poster_path.stat().st_size < 10_000
    row = studio.log.to_pandas().loc[task.key]
    assert row["sha256"] == hashlib.sha256(task.video_path.read_bytes()).hexdigest()
    assert (row["tokens"], row["est_tokens"], row["seed"], row["requested_seed"]) == (
        task.tokens, task.tokens, 11, 11,
    )  # fmt: skip
    assert (row["width"], row["height"], row["frames"], row["file"]) == (640, 640, 97, "saved")
    assert row["simulated"]
    assert (studio.spent, studio.reserved, studio.left) == (pytest.approx(task.usd), 0.0, None)
    assert not list(studio.home.rglob("*.part"))


async def test_submit_returns_before_the_clip_is_done(studio):
    task = await studio.submit("a fox", **SMALL)
    assert task.status in ("queued", "running")
    assert task.id.startswith("cgt-")
    assert studio.reserved == pytest.approx(sw.estimate(**SMALL).usd_max)
    with pytest.raises(sw.WaitTimeout):
        await task.wait(timeout=0)
    assert await task is task
    assert (await task).status == "succeeded"


async def test_a_request_object_and_changes_to_it(studio):
    request = sw.TaskRequest("a fox", **WITH_DRAFTS)
    task = await studio.submit(request, seed=3)
    assert task.request.seed == 3
    await task


async def test_many_tasks_are_watched_by_list(studio, simulator):
    tasks = [await studio.submit(f"fox {n}", **SMALL) for n in range(8)]
    for task in tasks:
        await task
    frame = studio.log.to_pandas()
    assert (frame["status"] == "succeeded").all()
    assert frame["video_path"].is_unique


async def test_pictures_are_kept_once_by_hash(studio):
    picture = photo(640, 640)
    for _ in range(2):
        await studio.generate("a fox", first_frame=picture, **SMALL)
    kept = list((studio.home / "inputs").iterdir())
    assert len(kept) == 1
    assert hashlib.sha256(kept[0].read_bytes()).hexdigest() == kept[0].stem
    assert set(studio.log.to_pandas()["first_frame"]) == {f"inputs/{kept[0].name}"}


async def test_a_stored_picture_that_was_changed_is_written_anew(studio):
    picture = photo(640, 640)
    await studio.generate("a fox", first_frame=picture, **SMALL)
    (kept,) = (studio.home / "inputs").iterdir()
    before = kept.read_bytes()
    for damage in (b"", before[:100], before + b"x"):
        kept.write_bytes(damage)
        await studio.generate("a fox", first_frame=picture, **SMALL)
        assert kept.read_bytes() == before


async def test_a_stored_picture_that_was_changed_is_not_sent_again(studio, simulator):
    simulator.faults.refuse(400, "InvalidParameter", message="no")
    with pytest.raises(sw.RequestRejected):
        await studio.submit("a fox", first_frame=photo(640, 640), **SMALL)
    key = studio.log.to_pandas().index[0]
    home = studio.home
    studio.close()
    (kept,) = (home / "inputs").iterdir()
    good = kept.read_bytes()
    kept.write_bytes(encoded(photo(600, 600)))
    with sw.Studio(home, simulate=simulator) as again:
        task = await again.task(key)
        with pytest.raises(sw.InvalidRequest, match="has changed since task .* its hash is not its name"):
            await task.resend()
        assert len(again.log.to_pandas()) == 1
        kept.write_bytes(good)
        await (await task.resend())


async def test_the_prompt_may_be_named(studio):
    task = await studio.submit(prompt="a fox", **SMALL)
    assert task.request.prompt == "a fox"
    with pytest.raises(sw.InvalidRequest, match="given twice"):
        await studio.submit("a fox", prompt="a hare", **SMALL)


async def test_the_loop_goes_on_while_a_picture_is_read(studio):
    seen = set()

    class Picture:
        mode, size = "F", (640, 640)

        def save(self, *_, **__):
            raise NotImplementedError

        def getexif(self):
            seen.add(threading.current_thread())
            return {}

        def convert(self, _):
            return photo(640, 640)

    task = await studio.submit("a fox", first_frame=Picture(), **SMALL)
    assert task.request.first_frame.size == (640, 640)
    assert seen
    assert threading.current_thread() not in seen


async def test_a_bad_request_leaves_no_trace(studio, simulator):
    with pytest.raises(sw.InvalidRequest):
        await studio.submit("a fox", duration=99, colour="red")
    assert len(studio.log.to_pandas()) == 0
    assert simulator.tasks() == []


async def test_a_refused_request_is_a_row_and_an_error(studio, simulator):
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.RequestRejected) as caught:
        await studio.submit("a fox", **SMALL)
    error = caught.value
    assert error.code == "InputTextSensitiveContentDetected"
    assert error.task.status == "rejected"
    assert error.request_id
    assert error.request_id in error.message
    row = studio.log.to_pandas().iloc[0]
    assert (row["status"], row["usd"]) == ("rejected", 0.0)
    assert studio.reserved == 0


async def test_a_failed_task_raises_each_time(studio, simulator):
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
    task = await studio.submit("a fox", **SMALL)
    for _ in range(2):
        with pytest.raises(sw.TaskFailed, match="OutputVideoSensitiveContentDetected") as caught:
            await task
    assert caught.value.task is task
    assert (task.usd, studio.spent) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("fault", "status"),
    [("drop_reply", ()), ("half_body", ()), *(("break_after", (status,)) for status in (500, 408, 499, 520))],
)
async def test_a_lost_answer_is_unknown_and_never_sent_again(studio, simulator, fault, status):
    getattr(simulator.faults, fault)(*status)
    with pytest.raises(sw.OutcomeUnknown) as caught:
        await studio.submit("a fox", **SMALL)
    task = caught.value.task
    assert task.status == "unknown"
    assert f'`task = await studio.task("{task.key}")`, then `await task.adopt(id)`' in str(caught.value)
    assert len(simulator.tasks()) == 1
    assert studio.reserved > 0


async def test_a_long_message_is_shortened_for_reading_and_whole_in_the_log(studio, simulator):
    told = "no " * 5_000
    simulator.faults.refuse(400, "InvalidParameter", message=told)
    with pytest.raises(sw.RequestRejected) as caught:
        await studio.submit("a fox", **SMALL)
    assert len(str(caught.value)) < 1_000
    assert caught.value.message.startswith(told)
    assert studio.log.to_pandas()["error_message"].iloc[0].startswith(told)


async def test_a_rate_limit_is_waited_out_with_the_same_intent(studio, simulator):
    simulator.faults.refuse(429, "RateLimitExceeded.EndpointRPMExceeded", retry_after=1)
    task = await studio.submit("a fox", **SMALL)
    await task
    assert len(studio.log.to_pandas()) == 1
    assert len(simulator.tasks()) == 1


async def test_a_quota_is_a_refusal(studio, simulator):
    simulator.faults.refuse(429, "SetLimitExceeded")
    with pytest.raises(sw.RequestRejected, match="SetLimitExceeded"):
        await studio.submit("a fox", **SMALL)


async def test_a_download_that_breaks_is_tried_again(studio, simulator):
    simulator.faults.half_body(on="file")
    task = await studio.generate("a fox", **SMALL)
    assert task.video_path.exists()


async def test_a_clip_that_cannot_be_saved_is_fetched_by_resume(studio, simulator, monkeypatch):
    monkeypatch.setattr("seedance_widgets.following.saver._PAUSE", 0.01)
    simulator.faults.refuse(503, "SlowDown", on="file", times=4)
    task = await studio.submit("a fox", **SMALL)
    with pytest.raises(sw.DownloadError, match="resume"):
        await task
    assert studio.log.to_pandas().loc[task.key, "file"] == "failed"
    assert [each.key for each in await studio.resume()] == [task.key]
    await task
    assert task.video_path.exists()


async def test_a_clip_whose_hours_are_over_is_said_to_be_expired(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("seedance_widgets.following.saver._PAUSE", 0.01)
    simulator = sw.Simulator(speed=10_000, clock=clock)
    with sw.Studio(tmp_path, simulate=simulator, clock=clock) as studio:
        simulator.faults.refuse(403, "AccessDenied", on="file", times=4)
        task = await studio.submit("a fox", **SMALL)
        clock.pass_(60)
        with pytest.raises(sw.DownloadError, match="24 hours"):
            await task
        # a 403 within the 24 hours may be anybody's: it is tried again
        assert studio.log.to_pandas().loc[task.key, "file"] == "failed"
        clock.pass_(25 * 3600)
        await studio.resume()
        with pytest.raises(sw.DownloadError):
            await task
        assert studio.log.to_pandas().loc[task.key, "file"] == "expired"
    simulator.close()


async def test_closing_waits_for_an_answer_that_names_a_paid_task(tmp_path, simulator):
    simulator.faults.slow(0.3, on="create")
    studio = sw.Studio(tmp_path, simulate=simulator)
    sending = asyncio.ensure_future(studio.submit("a fox", **SMALL))
    while not simulator.tasks():
        await asyncio.sleep(0.01)
    await asyncio.to_thread(studio.close)
    await asyncio.gather(sending, return_exceptions=True)
    with sw.Studio(tmp_path, simulate=simulator) as again:
        assert again.log.to_pandas()["task_id"].notna().all()
        (task,) = await again.resume()
        await task


class Counting(sw.Simulator):
    """Counts the lists that it is asked for."""

    lists = 0

    def transport(self):
        inner = super().transport()

        async def counted(request):
            self.lists += request.method == "GET" and request.url.path.endswith("/tasks")
            return await inner.handle_async_request(request)

        return httpx.MockTransport(counted)


async def test_closing_ends_the_search_for_a_lost_answer(tmp_path):
    simulator = Counting(speed=200)
    with sw.Studio(tmp_path, simulate=simulator) as studio:
        simulator.faults.drop_reply()
        with pytest.raises(sw.OutcomeUnknown):
            await studio.submit("a fox", **SMALL)
        await asyncio.sleep(0.1)  # it waits for its first look
    assert simulator.lists == 0
    simulator.close()


async def test_cancelling_a_task_that_has_ended_since_does_not_delete_it(studio, simulator):
    task = await studio.submit("a fox", **SMALL)
    await task
    with pytest.raises(sw.InvalidRequest, match="succeeded; only a queued task") as caught:
        await task.cancel()
    assert str(caught.value).startswith("the task cannot be cancelled; nothing was changed:")
    assert len(simulator.tasks()) == 1


async def test_adopt_finds_the_intent_whose_answer_was_lost(studio, simulator):
    simulator.faults.drop_reply()
    with pytest.raises(sw.OutcomeUnknown) as caught:
        await studio.submit("a fox", **SMALL)
    task = await studio.adopt(simulator.tasks()[0]["id"])
    await task
    assert task.key == caught.value.task.key
    assert len(studio.log.to_pandas()) == 1
    assert studio.reserved == 0


async def test_a_task_is_found_again_by_its_key(tmp_path, simulator):
    simulator.faults.refuse(400, "InvalidParameter")
    with sw.Studio(tmp_path, simulate=simulator) as studio:
        with pytest.raises(sw.RequestRejected):
            await studio.submit("a fox", **SMALL)
        (key,) = studio.log.to_pandas().index
    with sw.Studio(tmp_path, simulate=simulator) as later:
        task = await later.task(key)
        assert task.status == "rejected"
        again = await (await task.resend())
        assert again.video_path.exists()
        assert await later.task(again.id) is again
        with pytest.raises(sw.LogError, match="no task 'never'"):
            await later.task("never")


async def test_the_budget_refuses_before_sending(tmp_path, simulator):
    with sw.Studio(tmp_path, simulate=simulator, budget_usd=0.2) as studio:
        await studio.generate("a fox", **SMALL)
        left = studio.left
        with pytest.raises(sw.BudgetExceeded) as caught:
            await studio.submit("a fox", model="seedance-1-5-pro", resolution="1080p", ratio="16:9")
        assert caught.value.short_by == pytest.approx(0.2 * 0 + 1920 * 1080 * 121 // 1024 * 2.4e-6 - left)
    assert len(simulator.tasks()) == 1


def test_resume_says_when_the_service_cannot_be_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("seedance_widgets.modelark.client._FIRST_WAIT", 0.01)
    with sw.Studio(tmp_path, api_key=KEY, base_url="http://127.0.0.1:9/api/v3") as studio:
        resumed = sw.run(studio.resume())
        assert resumed.orphans is None
        assert repr(resumed) == "the service could not be asked for tasks that are in no row of this log"


@pytest.mark.parametrize("budget", [-1, "5", True, float("nan")])
def test_what_is_no_budget(tmp_path, budget):
    with pytest.raises(sw.InvalidRequest, match="there is no such budget"):
        sw.Studio(tmp_path / "runs", simulate=True, budget_usd=budget)
    assert not (tmp_path / "runs").exists()


def test_simulate_is_no_address(tmp_path):
    with pytest.raises(sw.InvalidRequest, match="must be True, False or a Simulator"):
        sw.Studio(tmp_path / "runs", simulate="http://127.0.0.1:8000/api/v3")


async def test_a_closed_studio_reads_and_does_nothing_else(tmp_path):
    simulator = sw.Simulator(speed=200, limits={"concurrency": 0})
    studio = sw.Studio(tmp_path, simulate=simulator)
    task = await studio.submit("a fox", **SMALL)
    studio.close()
    studio.close()
    for act in (
        lambda: studio.submit("a fox", **SMALL), studio.resume, studio.list, studio.orphans,
        lambda: studio.adopt(task.id), task.cancel, task.delete_remote, lambda: asyncio.to_thread(studio.webhook),
    ):  # fmt: skip
        with pytest.raises(sw.SeedanceError, match="this studio is closed"):
            await act()
    assert (await studio.task(task.key)).status == "queued"
    assert (studio.spent, len(studio.log.to_pandas())) == (0.0, 1)
    # whoever comes next finds it free
    with sw.Studio(tmp_path, simulate=simulator) as later:
        (found,) = await later.resume()
        await found.cancel()
    simulator.close()


async def test_cancel_while_queued(tmp_path):
    simulator = sw.Simulator(speed=200, limits={"concurrency": 0})
    with sw.Studio(tmp_path, simulate=simulator) as studio:
        task = await studio.submit("a fox", **SMALL)
        await task.cancel()
        assert task.status == "cancelled"
        with pytest.raises(sw.TaskCancelled):
            await task
        assert (studio.spent, studio.reserved) == (0.0, 0.0)
    simulator.close()


async def test_cancel_while_running_says_why_not(tmp_path):
    simulator = sw.Simulator(speed=3)
    with sw.Studio(tmp_path, simulate=simulator) as studio:
        task = await studio.submit("a fox", **SMALL)
        while task.status != "running":
            await asyncio.sleep(0.05)
        with pytest.raises(sw.Conflict, match="running"):
            await task.cancel()
    simulator.close()


async def test_delete_remote_keeps_row_and_files(studio, simulator):
    task = await studio.generate("a fox", **SMALL)
    await task.delete_remote()
    assert simulator.tasks() == []
    assert task.video_path.exists()
    assert len(studio.log.to_pandas()) == 1


async def test_a_draft_and_its_final(studio):
    draft = await studio.generate(
        "a fox", draft=True, seed=20, **{**WITH_DRAFTS, "duration": 6, "ratio": "16:9"}
    )
    final = await studio.generate(draft_task=draft, resolution="720p")
    frame = studio.log.to_pandas()
    assert list(frame["kind"]) == ["draft", "final"]
    assert frame.loc[final.key, "parent_key"] == draft.key
    assert frame.loc[final.key, "est_tokens"] == final.tokens
    assert (final.seed, final.request.draft_task.id) == (20, draft.id)
    by_id = await studio.generate(draft_task=draft.id, resolution="480p")
    assert by_id.tokens == studio.log.to_pandas().loc[by_id.key, "est_tokens"]


async def test_a_draft_older_than_7_days_is_refused_here(tmp_path, clock):
    simulator = sw.Simulator(speed=10_000, clock=clock)
    with sw.Studio(tmp_path, simulate=simulator, clock=clock) as studio:
        draft = await studio.submit("a fox", draft=True, **WITH_DRAFTS)
        clock.pass_(60)
        await draft
        clock.pass_(7 * 86_400)
        with pytest.raises(sw.InvalidRequest, match="7 days") as caught:
            await studio.submit(draft_task=draft)
        assert caught.value.problems[0].parameter == "draft_task"
    simulator.close()


async def test_adopt_a_task_made_elsewhere(studio, simulator):
    async with httpx.AsyncClient(transport=simulator.transport()) as other:
        answer = await other.post(
            "http://simulator/api/v3/contents/generations/tasks",
            json={
                "model": "seedance-1-0-pro",
                "content": [{"type": "text", "text": "a fox"}],
                "resolution": "480p",
            },
            headers={"Authorization": "Bearer other"},
        )
    task = await studio.adopt(answer.json()["id"])
    await task
    assert task.video_path.exists()
    assert task.usd == pytest.approx(task.tokens * 2.5e-6)
    assert (await studio.adopt(task.id)).key == task.key


async def test_list_is_what_the_service_says(studio):
    await studio.generate("a fox", **SMALL)
    task = await studio.generate("a fox", **WITH_DRAFTS)
    (item,) = await studio.list(status="succeeded", model="seedance-1-5-pro")
    assert item["id"] == task.id


async def test_resume_picks_up_what_a_closed_studio_left(tmp_path, simulator):
    home = tmp_path / "runs"
    with sw.Studio(home, simulate=simulator) as first:
        task = await first.submit("a fox", **SMALL)
        first.close()
    with sw.Studio(home, simulate=simulator) as second:
        (resumed,) = await second.resume()
        assert resumed.key == task.key
        await resumed
        assert resumed.video_path.exists()
        assert resumed.request.prompt == "a fox"
        assert resumed.request.execution_expires_after is None
        assert await second.resume() == []


async def test_the_embedded_simulator_finds_its_tasks_again(tmp_path):
    with sw.Studio(tmp_path, simulate=True) as first:
        task = await first.submit("a fox", **SMALL)
    with sw.Studio(tmp_path, simulate=True) as second:
        (resumed,) = await second.resume()
        await resumed
        assert resumed.id == task.id


def test_two_handles_of_a_home_share_one_log_and_watcher(tmp_path, simulator):
    one = sw.Studio(tmp_path, simulate=simulator)
    two = sw.Studio(tmp_path, simulate=simulator)
    task = sw.run(one.generate("a fox", **SMALL))
    assert two.spent == task.usd
    one.close()
    assert sw.run(two.generate("a fox", **SMALL)).status == "succeeded"
    two.close()


def test_limits_of_a_second_handle_are_said_to_be_passed_over(tmp_path, simulator):
    with sw.Studio(tmp_path, simulate=simulator, limits=sw.Limits(rpm=5)) as one:
        with pytest.warns(UserWarning, match="its first limits count") as told:
            sw.Studio(tmp_path, simulate=simulator, limits=sw.Limits(rpm=50)).close()
        assert told[0].filename == __file__
        sw.Studio(tmp_path, simulate=simulator, limits=sw.Limits(rpm=5)).close()
        sw.Studio(tmp_path, simulate=simulator).close()
        assert one.spent == 0


def test_a_studio_may_be_opened_and_closed_in_what_is_run(tmp_path, simulator):
    async def at_once():
        with sw.Studio(tmp_path, simulate=simulator) as studio:
            return await studio.generate("a fox", **SMALL)

    async def by_and_by():
        async with sw.Studio(tmp_path, simulate=simulator) as studio:
            return await studio.generate("a fox", **SMALL)

    for work in (at_once, by_and_by):
        assert sw.run(work(), timeout=120).video_path.exists()
    with sw.Studio(tmp_path, simulate=simulator) as later:
        assert sw.run(later.resume()) == []


def test_a_script_waits_without_a_loop_of_its_own(studio):
    task = sw.run(studio.submit("a fox", **SMALL))
    assert sw.run(task).status == "succeeded"
    with pytest.raises(sw.WaitTimeout):
        sw.run(asyncio.sleep(5), timeout=0.01)


def test_a_timeout_of_the_work_itself_is_not_taken_for_the_wait():
    async def times_out():
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work") as caught:
        sw.run(times_out())
    assert not isinstance(caught.value, sw.WaitTimeout)


def test_run_within_run_says_what_to_do():
    async def nested():
        sw.run(asyncio.sleep(0))

    with pytest.raises(sw.SeedanceError, match=r"use await in place of run\(\)"):
        sw.run(nested())


@pytest.mark.parametrize("work", [3, len, None])
def test_waiting_for_what_cannot_be_awaited(work):
    with pytest.raises(TypeError, match=r"run\(\) waits for what can be awaited"):
        sw.run(work)


def test_tasks_may_be_awaited_from_several_loops_and_threads(studio):
    task = sw.run(studio.submit("a fox", **SMALL))
    seen = []
    waiters = [threading.Thread(target=lambda: seen.append(asyncio.run(_status(task)))) for _ in range(4)]
    for waiter in waiters:
        waiter.start()
    for waiter in waiters:
        waiter.join(30)
    assert seen == ["succeeded"] * 4


async def _status(task):
    return (await task).status


async def test_an_interrupted_wait_leaves_the_task_alone(studio):
    task = await studio.submit("a fox", **SMALL)
    waiting = asyncio.ensure_future(task.wait())
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await task).status == "succeeded"


def test_no_key_and_no_simulator(tmp_path):
    with pytest.raises(sw.MissingAPIKey, match="console.byteplus.com"):
        sw.Studio(tmp_path)


def test_the_key_shows_nowhere(tmp_path):
    with sw.Studio(tmp_path, api_key=KEY, base_url="http://127.0.0.1:9/api/v3") as studio:
        assert "canary" not in repr(studio)
        with pytest.raises(sw.RequestRejected) as caught:
            sw.run(studio.submit("a fox", model="seedance-1-0-pro"))
        assert "canary" not in repr(caught.value) + str(caught.value)
        assert caught.value.task.status == "not_created"
        assert studio.reserved == 0
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"canary" not in path.read_bytes()


def test_a_retired_model_is_a_notice_once(tmp_path, monkeypatch):
    monkeypatch.setattr("seedance_widgets.studio._warned", set())
    params = {"model": "seedance-1-0-lite-t2v", "resolution": "480p"}
    with sw.Studio(tmp_path, api_key=KEY, base_url="http://127.0.0.1:9/api/v3") as studio:
        with (
            pytest.warns(
                sw.RetiredModelWarning, match=r"2026-05-13 \(official\); seedance-1-0-pro-fast"
            ) as told,
            pytest.raises(sw.RequestRejected),
        ):
            sw.run(studio.submit("a fox", **params))
        assert [each.filename for each in told] == [__file__]
        with pytest.raises(sw.RequestRejected):
            sw.run(studio.submit("a fox", **params))


@pytest.mark.parametrize("call", ["submit", "generate", "legacy"])
async def test_a_warning_points_at_the_line_that_asked(tmp_path, monkeypatch, call):
    monkeypatch.setattr("seedance_widgets.studio._warned", set())
    params = {"model": "seedance-1-0-lite-t2v", "resolution": "480p"}
    with (
        sw.Simulator(speed=200).serve() as base_url,
        sw.Studio(tmp_path, api_key=KEY, base_url=base_url) as studio,
    ):
        asks = {
            "submit": lambda: studio.submit("a fox", **params),
            "generate": lambda: studio.generate("a fox", **params),
            "legacy": lambda: studio.submit(
                "a fox --dur 4", model="seedance-1-0-pro-fast", resolution="480p"
            ),
        }
        with pytest.warns((sw.RetiredModelWarning, sw.LegacyFlagsWarning)) as told:
            await asks[call]()
    assert [each.filename for each in told] == [__file__]


async def test_a_retired_model_that_the_service_still_takes_is_no_news(tmp_path, monkeypatch):
    with (
        sw.Simulator(speed=200).serve() as base_url,
        sw.Studio(tmp_path, api_key=KEY, base_url=base_url) as studio,
    ):
        for known in (False, True):
            monkeypatch.setattr("seedance_widgets.studio._warned", set())
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                await studio.submit("a fox", **WITH_DRAFTS)
            said = [str(each.message) for each in told if each.category is sw.RetiredModelWarning]
            assert len(said) == (not known)
            assert known or "dreamina-seedance-2-0-mini-260615 takes its place" in said[0]


def test_a_process_that_ends_with_live_tasks_ends_quietly(tmp_path):
    code = (
        "import seedance_widgets as sw\n"
        f"s = sw.Studio({str(tmp_path)!r}, simulate=sw.Simulator(speed=1))\n"
        "sw.run(s.submit('a fox', resolution='480p'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


async def test_over_a_real_socket(tmp_path):
    with sw.Simulator(speed=200).serve() as base_url:
        async with sw.Studio(tmp_path, api_key=KEY, base_url=base_url) as studio:
            task = await studio.generate("a fox", model="seedance-1-0-pro", **SMALL)
            assert task.video_path.exists()
            assert not studio.log.to_pandas()["simulated"].any()


async def test_raw_answers_are_kept(studio):
    from seedance_widgets.log.store import Store

    task = await studio.generate("a fox", safety_identifier="u1", **SMALL)
    store = Store(studio.home / "log.sqlite")
    with store.read() as connection:
        raw = [json.loads(body) for (body,) in connection.exec_driver_sql("SELECT body FROM answers")]
    store.close()
    assert raw[-1]["safety_identifier"] == "u1"
    assert raw[0]["id"] == task.id


async def test_a_forgotten_await_says_that_nothing_is_sent(studio, simulator):
    forgotten = studio.generate("a fox", **SMALL)
    assert "nothing is sent yet; await it" in repr(forgotten)
    assert simulator.tasks() == []
    assert isinstance(forgotten, collections.abc.Coroutine)
    task = await asyncio.create_task(forgotten)
    async with asyncio.TaskGroup() as group:
        other = group.create_task(studio.rerun(task))
    await other.result()
    never = studio.submit("an owl", **SMALL)
    never.close()
    assert len(simulator.tasks()) == 2
