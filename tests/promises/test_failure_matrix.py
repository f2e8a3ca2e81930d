"""The failure matrix: one test a row, played out over real sockets, real processes and real full disks.

Every row ends the same way: so many creates were sent and no more, each task that the service made is in the
log once, and each clip that was billed is on disk with its hash.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import multiprocessing
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import types

import httpx
import psutil
import pytest
from PIL import Image
from proxy import Proxy
from stage import CREATE, FILE, READ, SMALL, Route, staged

import seedance_widgets as sw
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.store import Store
from seedance_widgets.recovery.leases import Leases

SETTLED = 130.0  # seconds after which a listing without a task means that there is none
KILLED = -signal.SIGKILL


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("seedance_widgets.sending.outbox._FIRST_WAIT", 0.01)
    monkeypatch.setattr("seedance_widgets.sending.outbox._LONGEST_WAIT", 0.1)
    monkeypatch.setattr("seedance_widgets.modelark.client._FIRST_WAIT", 0.01)
    monkeypatch.setattr("seedance_widgets.following.saver._PAUSE", 0.01)


@pytest.fixture
def stage(tmp_path, make_service):
    with staged(tmp_path / "runs", make_service) as stage:
        yield stage


class SmallDisk:
    """A file system of 4 MiB that can be filled to the last byte and emptied again."""

    def __init__(self, path):
        self.path = path
        self._filler = path / "filler"

    def fill(self):
        with self._filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self):
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path):
    if shutil.which("mount") is None:
        pytest.skip("no mount here: a full disk cannot be made")
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting takes more rights: a full disk cannot be made")
    yield SmallDisk(path)
    subprocess.run(["umount", "-l", path], check=True)


def submit(studio, **params):
    return studio.submit("a fox", **{**SMALL, **params})


async def lost(studio, **params):
    """The task of a create whose answer was lost."""
    with pytest.raises(sw.OutcomeUnknown) as caught:
        await submit(studio, **params)
    return caught.value.task


async def found(stage, studio, task):
    """A lost task is found in the service's list and its clip is saved; it was sent once."""
    await studio.resume()
    assert task.id == stage.service.tasks()[0]["id"]
    await task
    stage.check(studio, posts=1)


async def never_made(stage, studio, task, *, posts=1):
    """A lost task is held to be unmade only once its listing is late enough; then it can be sent again."""
    await studio.resume()
    assert task.status == "unknown"
    assert studio.reserved > 0
    stage.clock.pass_(SETTLED)
    await studio.resume()
    assert (task.status, task.usd, studio.reserved) == ("not_created", 0.0, 0.0)
    assert stage.service.tasks() == []
    assert stage.posts == posts
    again = await task.resend()
    await again
    stage.check(studio, posts=posts + 1)


async def until(true, seconds=60):
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def killed(child):
    assert child.wait(120) == KILLED


# --- a process dies --------------------------------------------------------------------------------------


async def test_row_01_crash_before_the_intent_commit(stage):
    killed(stage.child("before-intent"))
    with stage.studio() as studio:
        assert len(studio.log.to_pandas()) == 0
        assert await studio.resume() == []
        stage.check(studio, posts=0)
        await (await submit(studio))
        stage.check(studio, posts=1)


async def test_row_02_crash_after_the_intent_commit(stage):
    killed(stage.child("after-intent"))
    with stage.studio() as studio:
        (task,) = await studio.resume()
        await never_made(stage, studio, task, posts=0)


async def test_row_03_crash_after_the_send(stage):
    answer = stage.proxy.strike("POST", hold=True)
    child = stage.child()
    await asyncio.to_thread(answer.answered.wait, 60)
    child.kill()
    killed(child)
    with stage.studio() as studio:
        (task,) = await studio.resume()
        await found(stage, studio, task)


async def test_row_04_crash_before_the_id_commit(stage):
    killed(stage.child("before-id"))
    with stage.studio() as studio:
        (task,) = await studio.resume()
        await found(stage, studio, task)


# --- nothing arrived -------------------------------------------------------------------------------------


class Failing(httpx.AsyncBaseTransport):
    """Sends the first few creates one way, everything else another."""

    def __init__(self, bad, good, fails, failed=lambda: None):
        self.bad, self.good, self.fails, self.failed = bad, good, fails, failed
        self.errors = []

    async def handle_async_request(self, request):
        if request.method == "GET" or not self.fails:
            return await self.good.handle_async_request(request)
        self.fails -= 1
        try:
            return await self.bad.handle_async_request(request)
        except httpx.TransportError as error:
            self.errors.append(type(error))
            self.failed()
            raise

    async def aclose(self):
        await self.bad.aclose()
        await self.good.aclose()


@contextlib.contextmanager
def nobody_accepts():
    """The address of a socket whose queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def no_tls():
    """The address of a socket that answers TLS in plain words."""

    def answer():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listening.accept()
                with peer:
                    peer.recv(1000)
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@contextlib.contextmanager
def nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("where", "error"),
    [
        (nobody_listens, httpx.ConnectError),
        (lambda: contextlib.nullcontext("http://nowhere.invalid"), httpx.ConnectError),
        (nobody_accepts, httpx.ConnectTimeout),
        (no_tls, httpx.ConnectError),
    ],
    ids=["refused", "no such name", "connect timeout", "no TLS"],
)
async def test_row_05_nothing_was_sent(stage, where, error):
    with where() as address:
        route = Failing(Route(address, timeout={"connect": 0.3}), Route(stage.address), 2)
        with stage.studio(route) as studio:
            await (await submit(studio))
            assert route.errors == [error] * 2
            assert len(studio.log.to_pandas()) == 1
            stage.check(studio, posts=1)
            route.fails = 99
            with pytest.raises(sw.RequestRejected) as caught:
                await submit(studio)
            # tried a few times and no more
            assert route.errors == [error] * 5
            assert (caught.value.task.status, studio.reserved) == ("not_created", 0.0)
            stage.check(studio, posts=1)


async def test_row_05_no_connection_was_free(stage):
    busy = Route(stage.address, limits=httpx.Limits(max_connections=1), timeout={"pool": 0.1})
    asked = stage.proxy.strike("GET", hold=True)

    def failed():
        busy.timeout = {}
        asked.release()

    route = Failing(busy, busy, 1, failed)
    with stage.studio(route) as studio:
        asking = asyncio.ensure_future(studio.list())
        await asyncio.to_thread(asked.answered.wait, 60)
        await (await submit(studio))
        await asking
        assert route.errors == [httpx.PoolTimeout]
        stage.check(studio, posts=1)


# --- it may have arrived ---------------------------------------------------------------------------------


def large_picture():
    """More bytes than the buffers of a connection hold."""
    out = io.BytesIO()
    Image.effect_noise((1500, 1500), 100).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("how", [{"hold": True}, {"ends": "reset"}, {"ends": "close"}], ids=str)
async def test_row_06_the_body_was_not_taken(stage, how):
    small = [(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)]
    route = Route(stage.address, timeout={"write": 0.3}, socket_options=small)
    stage.proxy.strike("POST", up=100_000, **how)
    with stage.studio(route) as studio:
        task = await lost(studio, first_frame=large_picture(), ratio="adaptive")
        route.timeout = {}
        stage.proxy.relent()
        await never_made(stage, studio, task)


async def test_row_07_no_answer_in_time(stage):
    stage.proxy.strike("POST", hold=True)
    with stage.studio(Route(stage.address, timeout={"read": 0.3})) as studio:
        task = await lost(studio)
        assert "ReadTimeout" in str(task.error)
        await found(stage, studio, task)


def ok(body):
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


@pytest.mark.parametrize(
    "how",
    [
        {"down": 0, "ends": "reset"},
        {"down": 0, "ends": "close"},
        {"down": 40, "ends": "reset"},
        {"down": -10, "ends": "close"},
        {"instead": ok(b"<html>busy</html>")},
        {"instead": ok(b'{"task": null}')},
        {"instead": ok(b'{"id": ""}')},
        {"instead": b"\x16\x03\x01 what is this?\r\n\r\n", "ends": "close"},
    ],
    ids=str,
)
async def test_row_08_no_usable_answer(stage, how):
    stage.proxy.strike("POST", **how)
    with stage.studio() as studio:
        task = await lost(studio)
        if b"\r\n\r\n" in how.get("instead", b"")[:-4]:
            kept = str(how["instead"].partition(b"\r\n\r\n")[2], "ascii")
            with sqlite3.connect(studio.home / "log.sqlite") as log:
                (said,) = log.execute("SELECT body FROM answers WHERE key = ?", (task.key,)).fetchone()
            assert json.loads(said) == {"unreadable": kept}
        await found(stage, studio, task)


async def test_row_08_the_list_lags_behind_the_create(stage):
    stage.proxy.strike("POST", down=0, ends="reset")
    stage.service.faults.lag(100, times=99)
    with stage.studio() as studio:
        task = await lost(studio)
        await studio.resume()
        # not there yet is not never made
        assert task.status == "unknown"
        assert studio.reserved > 0
        stage.clock.pass_(SETTLED)
        await found(stage, studio, task)


# without a fingerprint of ours only the seed tells, and that may be the same, as in the arms of a study
ALIKE = {"seed": 7, "execution_expires_after": 7200}


async def test_row_08_of_two_that_are_alike_a_person_says_which_was_made(stage):
    with stage.studio() as studio:
        stage.proxy.strike("POST", up=0, ends="reset")
        never = await lost(studio, **ALIKE)
        stage.proxy.strike("POST", down=0, ends="reset")
        made = await lost(studio, **ALIKE)
        await until(lambda: stage.service.tasks()[0]["status"] == "succeeded")
        stage.clock.pass_(SETTLED)
        await studio.resume()
        assert (never.status, made.status) == ("unknown", "unknown")
        (task,) = stage.service.tasks()
        assert studio.log.unknown()["candidates"].tolist() == [[task["id"]]] * 2
        await made.adopt(task["id"])
        # only our own clock says how long ago it was sent, and that may have been set
        await studio.resume()
        assert never.status == "unknown"
        stage.clock.pass_(SETTLED)
        await studio.resume()
        assert never.status == "not_created"
        await made
        stage.check(studio, posts=2)


async def test_row_08_a_lost_one_does_not_take_the_task_of_one_that_is_being_sent(stage):
    with stage.studio() as studio:
        stage.proxy.strike("POST", up=0, ends="reset")
        never = await lost(studio, **ALIKE)
        answer = stage.proxy.strike("POST", hold=True)
        sending = asyncio.ensure_future(submit(studio, **ALIKE))
        await asyncio.to_thread(answer.answered.wait, 60)
        await until(lambda: stage.service.tasks()[0]["status"] == "succeeded")
        await studio.resume()
        assert never.status == "unknown"
        answer.release()
        await (await sending)
        stage.clock.pass_(SETTLED)
        await studio.resume()
        assert never.status == "not_created"
        stage.check(studio, posts=2)


async def test_row_09_an_idle_connection_is_closed_in_the_moment_of_the_send(stage):
    with stage.studio() as studio:
        await studio.list()
        stage.proxy.strike("POST", up=0, ends="reset")
        task = await lost(studio)
        await never_made(stage, studio, task)


async def test_row_09_an_idle_connection_that_was_closed_before_is_not_used(stage):
    stage.proxy.strike("GET", ends="close")
    with stage.studio() as studio:
        await studio.list()
        await asyncio.sleep(0.05)
        await (await submit(studio))
        stage.check(studio, posts=1)


# --- the service says no ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidParameter.duration"),
        (401, "AuthenticationError"),
        (403, "AccessDenied"),
        (404, "InvalidEndpointOrModel.NotFound"),
    ],
)
async def test_row_10_a_refusal_is_final(stage, status, code):
    stage.service.faults.refuse(status, code)
    with stage.studio() as studio:
        with pytest.raises(sw.RequestRejected) as caught:
            await submit(studio)
        task = caught.value.task
        await studio.resume()
        row = studio.log.to_pandas().loc[task.key]
        assert (row["status"], row["error_code"], row["usd"]) == ("rejected", code, 0.0)
        assert studio.reserved == 0
        stage.check(studio, posts=1)


async def held(studio):
    """A submission that waits, as its row says, because the service asked for it."""
    others = set(studio.log.to_pandas().index)
    waiting = set()
    end = studio.subscribe(lambda row: row and row["trouble"] and waiting.add(row["key"]))
    sending = asyncio.ensure_future(submit(studio))
    await until(lambda: waiting - others)
    end()
    return sending


async def test_row_11_too_many_requests(stage):
    stage.service.faults.refuse(429, "RateLimitExceeded.EndpointRPMExceeded", retry_after=2)
    with stage.studio() as studio:
        first = await held(studio)
        second = await submit(studio)
        await (await first)
        await second
        sent = [each for each in stage.proxy.requests if each.line.startswith(CREATE)]
        assert all(each.at >= sent[0].at + 2 for each in sent[1:])
        bodies = [bytes(each.body) for each in sent]
        # the same intent twice, and the other one
        assert (len(bodies), len(set(bodies)), bodies.count(bodies[0])) == (3, 2, 2)
        assert len(studio.log.to_pandas()) == 2
        stage.check(studio, posts=3)


async def test_row_12_a_quota_is_used_up(stage):
    stage.service.faults.refuse(429, "RateLimitExceeded.EndpointRPMExceeded", retry_after=2)
    stage.service.faults.refuse(429, "SetLimitExceeded")
    stage.proxy.strike("POST")
    refusal = stage.proxy.strike("POST", hold=True)
    with stage.studio() as studio:
        first = await held(studio)
        # waits behind the first one, and is not sent any more
        second = await held(studio)
        refusal.release()
        for sending in (first, second):
            with pytest.raises(sw.RequestRejected, match="SetLimitExceeded"):
                await sending
        assert sorted(studio.log.to_pandas()["status"]) == ["not_created", "rejected"]
        assert studio.reserved == 0
        stage.check(studio, posts=2)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_row_13_a_server_error_after_the_task_was_made(stage, status):
    stage.service.faults.break_after(status)
    with stage.studio() as studio:
        await found(stage, studio, await lost(studio))


async def test_row_13_a_server_error_before_the_task_was_made(stage):
    stage.service.faults.refuse(500, "InternalServiceError")
    with stage.studio() as studio:
        await never_made(stage, studio, await lost(studio))


# --- while it runs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 5], ids=["by GET", "by LIST"])
async def test_row_14_errors_on_reading(stage, count):
    faults = stage.service.faults
    # a GET is tried four times at once, a LIST when it is due again
    on, times = ("get", 5) if count == 1 else ("list", 1)
    faults.refuse(500, "InternalServiceError", on=on, times=times)
    faults.drop_reply(on=on)
    faults.half_body(on=on)
    faults.refuse(429, "RateLimitExceeded", on=on)
    faults.break_after(503, on=on)
    seen = []
    with stage.studio() as studio:
        studio.subscribe(lambda row: row and seen.append(row["status"]))
        for task in [await submit(studio) for _ in range(count)]:
            await task
        assert set(seen) <= {"intent", "queued", "running", "succeeded"}
        stage.check(studio, posts=count)


async def test_row_14_errors_on_deleting(tmp_path, make_service):
    with (
        staged(tmp_path / "runs", make_service, limits={"concurrency": 0}) as stage,
        stage.studio() as studio,
    ):
        task = await submit(studio)
        stage.service.faults.refuse(500, "InternalServiceError", on="delete")
        stage.service.faults.refuse(502, "BadGateway", on="delete")
        await task.cancel()
        assert (task.status, studio.reserved) == ("cancelled", 0.0)
        stage.check(studio, posts=1)


async def test_row_15_the_service_has_forgotten_a_task(tmp_path, make_service):
    with (
        staged(tmp_path / "runs", make_service, limits={"concurrency": 1}) as stage,
        stage.studio() as studio,
    ):
        saved = await submit(studio)
        await saved
        stage.proxy.strike(READ, hold=True)
        waiting = await submit(studio)
        stage.clock.pass_(8 * 86_400)
        stage.proxy.relent()
        noted = []
        studio.subscribe(lambda row: row and row["trouble"] and noted.append(row))
        await until(lambda: any("404" in row["trouble"] for row in noted))
        assert waiting.status in ("queued", "running")
        with pytest.raises(sw.WaitTimeout):
            await waiting.wait(timeout=0)
        assert await studio.resume() == []
        assert saved.video_path.exists()
        assert stage.posts == 2
        assert studio.log.to_pandas()["task_id"].notna().all()


async def test_row_15_a_lost_task_may_have_been_forgotten(stage):
    stage.proxy.strike("POST", down=0, ends="reset")
    with stage.studio() as studio:
        task = await lost(studio)
        stage.clock.pass_(8 * 86_400)
        await studio.resume()
        # made, billed, and in no list any more
        assert task.status == "unknown"
        assert studio.reserved > 0
        assert "7 days" in studio.log.unknown().loc[task.key, "remark"]
        await task.abandon()
        assert studio.reserved == 0


async def test_row_16_crash_while_waiting(stage):
    stage.proxy.strike(READ, hold=True, times=99)
    child = stage.child()
    task_id = await asyncio.to_thread(child.stdout.readline)
    child.kill()
    killed(child)
    stage.proxy.relent()
    with stage.studio() as studio:
        (task,) = await studio.resume()
        assert task.id == task_id.strip()
        await task
        stage.check(studio, posts=1)


@types.coroutine
def cancelled_at(step, work):
    """Run a coroutine as the current task, which is cancelled at its so-many-th await, from 0."""
    news = work.send
    value = None
    for number in range(10_000):
        try:
            waits = news(value)
        except StopIteration as done:
            return done.value
        if number == step:
            asyncio.current_task().cancel()
        try:
            news, value = work.send, (yield waits)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the coroutine's
            news, value = work.throw, error
    raise AssertionError("it does not end")


@pytest.mark.parametrize("on_the_engine", [False, True], ids=["in a cell", "on the engine"])
async def test_row_17_cancelled_at_every_await(stage, on_the_engine):
    async def work(step, studio):
        return await cancelled_at(step, submit(studio))

    with stage.studio() as studio:
        for step in range(100):
            here = work(step, studio)
            begun = asyncio.to_thread(sw.run, here) if on_the_engine else here
            try:
                await begun
            except asyncio.CancelledError:
                continue
            except BaseException as error:
                if type(error).__name__ != "CancelledError":
                    raise
                continue
            break
        # whoever was waited for goes on, and who waited has left
        assert step > 1
        await until(lambda: set(studio.log.to_pandas()["file"]) == {"saved"})
        # cancelled at the first await, while the request was made, nothing was begun
        stage.check(studio, posts=step)


async def test_row_17_interrupted_in_a_script(stage):
    answer = stage.proxy.strike("POST", hold=True)
    child = stage.child()
    await asyncio.to_thread(answer.answered.wait, 60)
    child.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(child.wait, 60) == -signal.SIGINT
    with stage.studio() as studio:
        (task,) = await studio.resume()
        await found(stage, studio, task)


# --- disks -----------------------------------------------------------------------------------------------


async def test_row_18_the_disk_is_full_before_the_intent(stage, disk):
    with stage.studio(home=disk.path / "runs") as studio:
        disk.fill()
        with pytest.raises(sw.LogError, match="full"):
            await submit(studio)
        with pytest.raises(sw.MediaError, match="Nothing was sent"):
            await submit(studio, first_frame=large_picture(), ratio="adaptive")
        assert stage.posts == 0
        disk.free()
        await (await submit(studio))
        stage.home = studio.home
        stage.check(studio, posts=1)


async def accepted_on_a_full_disk(stage, studio, disk):
    """A submission whose answer comes when nothing can be written any more."""
    answer = stage.proxy.strike("POST", hold=True)
    sending = asyncio.ensure_future(submit(studio))
    await asyncio.to_thread(answer.answered.wait, 60)
    disk.fill()
    answer.release()
    return sending


async def test_row_19_the_disk_is_full_after_the_answer(stage, disk, capsys, monkeypatch):
    monkeypatch.setattr("seedance_widgets.sending.outbox._LONGEST_WAIT", 5.0)
    stage.home = disk.path / "runs"
    with stage.studio() as studio:
        noted = []
        studio.subscribe(lambda row: row and row["trouble"] and noted.append(row["trouble"]))
        sending = await accepted_on_a_full_disk(stage, studio, disk)
        await until(noted.__len__)
        disk.free()
        task = await sending
        assert task.id in noted[0]
        assert task.id in capsys.readouterr().err
        await task
        stage.check(studio, posts=1)


async def test_row_19_the_disk_stays_full_and_so_does_that_of_stderr(stage, disk, monkeypatch):
    stage.home = disk.path / "runs"
    with stage.studio() as studio, (disk.path / "stderr").open("w", buffering=1) as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with pytest.raises(sw.LogError, match=r"cgt-.*resume\(\)"):
            await (await accepted_on_a_full_disk(stage, studio, disk))
        monkeypatch.undo()
        disk.free()
        (task,) = await studio.resume()
        await found(stage, studio, task)


async def test_row_19_the_disk_is_full_and_the_answer_is_lost(stage, disk, capsys):
    stage.home = disk.path / "runs"
    answer = stage.proxy.strike("POST", hold=True, down=0, ends="reset")
    noted = []
    with stage.studio() as studio:
        studio.subscribe(lambda row: row and row["trouble"] and noted.append(row["trouble"]))
        sending = asyncio.ensure_future(submit(studio))
        await asyncio.to_thread(answer.answered.wait, 60)
        disk.fill()
        answer.release()
        with pytest.raises(sw.LogError, match="full") as caught:
            await sending
        for said in (str(caught.value), noted[0], capsys.readouterr().err):
            assert "a paid task may exist" in said
        assert "Nothing is lost" in str(caught.value)
        assert "studio.resume()" in str(caught.value)
        disk.free()
        assert studio.reserved > 0
        (task,) = await studio.resume()
        await found(stage, studio, task)


async def test_row_19_a_lost_answer_is_looked_for_once_the_disk_has_room_again(stage, disk, monkeypatch):
    monkeypatch.setattr("seedance_widgets.recovery.recovery._LOOKS", (0.1,) * 1000)
    stage.home = disk.path / "runs"
    answer = stage.proxy.strike("POST", hold=True, down=0, ends="reset")
    with stage.studio() as studio:
        sending = asyncio.ensure_future(submit(studio))
        await asyncio.to_thread(answer.answered.wait, 60)
        disk.fill()
        answer.release()
        with pytest.raises(sw.LogError, match="full"):
            await sending
        disk.free()
        task = await studio.task(studio.log.to_pandas().index[0])
        await until(lambda: task.id is not None)
        await task
        stage.check(studio, posts=1)


async def test_row_20_the_disk_is_full_during_the_download(stage, disk):
    stage.home = disk.path / "runs"
    with stage.studio() as studio:
        stage.proxy.strike(FILE, hold=True, times=4)
        # four are fetched at once; the last one waits for its turn
        tasks = [await submit(studio) for _ in range(5)]
        await until(lambda: stage.proxy.count(FILE) == 4 and {task.status for task in tasks} == {"succeeded"})
        disk.fill()
        stage.proxy.relent()
        for task in tasks:
            with pytest.raises(sw.DownloadError, match=r"ENOSPC|full"):
                await task.wait(timeout=60)
        assert not list(stage.home.rglob("*.part"))
        disk.free()
        await studio.resume()
        for task in tasks:
            await task
        stage.check(studio, posts=5)


@pytest.mark.parametrize("point", ["in mid-file", "before-name", "before-filed"])
async def test_row_20_crash_during_the_download(stage, point):
    clip = stage.proxy.strike(FILE, rate=2_000) if point == "in mid-file" else None
    child = stage.child(point)
    if clip:
        await asyncio.to_thread(clip.answered.wait, 60)
        child.kill()
    killed(child)
    if point != "before-filed":
        assert not list(stage.home.rglob("video.mp4"))
    with stage.studio() as studio:
        (task,) = await studio.resume()
        await task
        stage.check(studio, posts=1)


# --- several kernels, clocks, copies ---------------------------------------------------------------------


async def test_row_21_two_kernels_on_one_log(stage):
    stage.proxy.strike(READ, hold=True, times=99)
    child = stage.child(count=3)
    ids = [(await asyncio.to_thread(child.stdout.readline)).strip() for _ in range(3)]
    with stage.studio() as studio:
        resumed = await studio.resume()
        assert sorted(task.id for task in resumed) == sorted(ids)
        assert resumed.elsewhere == {task.key for task in resumed}
        own = await submit(studio)
        stage.proxy.relent()
        for task in (*resumed, own):
            await task
        assert await asyncio.to_thread(child.wait, 60) == 0
        assert stage.proxy.count(FILE) == 4
        stage.check(studio, posts=4)


def _change(path, shared, count, everybody, results):
    store = Store(path)
    journal, leases = Journal(store), Leases(store)
    for number in range(count):
        journal.noted(shared[0], f"{leases.owner} {number}")
    leases.beat()
    everybody.wait(120)
    results.put(sorted(leases.claim(shared)))
    everybody.wait(120)
    store.close()


@pytest.mark.parametrize("count", [25, pytest.param(500, marks=pytest.mark.soak)])
def test_row_21_four_processes_on_one_row(tmp_path, count):
    path, processes = tmp_path / "log.sqlite", 4
    store = Store(path)
    journal = Journal(store)
    guess = sw.estimate(sw.TaskRequest("a fox"))
    shared = [journal.begin(guess, stored={}).key for _ in range(10)]
    context = multiprocessing.get_context("spawn")
    everybody, results = context.Barrier(processes), context.Queue()
    args = (path, shared, count, everybody, results)
    writers = [context.Process(target=_change, args=args) for _ in range(processes)]
    for writer in writers:
        writer.start()
    claimed = [results.get(timeout=300) for _ in writers]
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * processes
    assert journal.row(shared[0]).revision == processes * count
    assert sorted(key for keys in claimed for key in keys) == sorted(shared)
    store.close()


def test_row_22_the_log_is_on_a_network_file_system(stage, tmp_path, monkeypatch):
    partitions = psutil.disk_partitions
    mount = types.SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4")
    monkeypatch.setattr(psutil, "disk_partitions", lambda **how: [*partitions(**how), mount])
    with pytest.raises(sw.LogError, match="network file system"):
        stage.studio()
    assert not list(tmp_path.rglob("log.sqlite*"))
    assert stage.proxy.requests == []


def test_row_22_the_log_is_where_no_memory_is_shared(stage, tmp_path):
    # SQLite's own way of locking where nothing better is to be had
    log = f"sqlite:///file:{tmp_path}/log.sqlite?vfs=unix-dotfile&uri=true"
    with pytest.raises(sw.LogError, match="share memory"):
        stage.studio(log=log)
    assert stage.proxy.requests == []


@pytest.mark.parametrize("skew", [-7200.0, -90.0, 90.0, 7200.0])
async def test_row_23_the_clocks_disagree(stage, skew):
    with stage.studio(clock=lambda: stage.clock() + skew) as studio:
        stage.proxy.strike("POST", down=0, ends="reset")
        await found(stage, studio, await lost(studio))


async def test_row_23_a_clock_that_jumps_proves_nothing(stage):
    ahead = {"by": 0.0}
    with stage.studio(clock=lambda: stage.clock() + ahead["by"]) as studio:
        stage.proxy.strike("POST", up=0, ends="reset")
        task = await lost(studio)
        for ahead["by"] in (3600.0, -3600.0):
            await studio.resume()
            assert task.status == "unknown"
        ahead["by"] = 0.0
        await never_made(stage, studio, task)


async def test_row_23_a_clock_that_is_set_back_holds_nothing_up(stage):
    ahead = {"by": 0.0}
    stage.proxy.strike(READ, hold=True)
    with stage.studio(clock=lambda: stage.clock() + ahead["by"]) as studio:
        task = await submit(studio)
        ahead["by"] = -3600.0
        stage.proxy.relent()
        await task.wait(timeout=60)
        stage.check(studio, posts=1)


async def test_row_24_the_log_is_restored_from_an_older_copy(stage, tmp_path):
    answer = stage.proxy.strike("POST", hold=True)
    with stage.studio() as studio:
        cut = asyncio.ensure_future(submit(studio))
        await asyncio.to_thread(answer.answered.wait, 60)
        with (
            contextlib.closing(sqlite3.connect(stage.home / "log.sqlite")) as log,
            contextlib.closing(sqlite3.connect(tmp_path / "copy")) as copy,
        ):
            log.backup(copy)
        answer.release()
        later = await submit(studio)
        for task in (await cut, later):
            await task
    for each in stage.home.glob("log.sqlite*"):
        each.unlink()
    shutil.copy(tmp_path / "copy", stage.home / "log.sqlite")
    stage.clock.pass_(60)
    with stage.studio() as studio:
        resumed = await studio.resume()
        # the one that was being sent is found again; of the other the log knows nothing
        assert [task.key for task in resumed] == [(await cut).key]
        assert resumed.orphans == (later.id,)
        again = await studio.adopt(later.id)
        for task in (*resumed, again):
            await task
        stage.check(studio, posts=2)


@pytest.mark.parametrize("status", [307, 308])
async def test_row_25_a_create_is_redirected(stage, status):
    with Proxy(stage.proxy.port) as elsewhere:
        where = f"http://127.0.0.1:{elsewhere.port}/api/v3/contents/generations/tasks"
        redirect = f"HTTP/1.1 {status} Redirect\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n"
        stage.proxy.strike("POST", instead=redirect.encode())
        with stage.studio() as studio:
            await found(stage, studio, await lost(studio))
        assert elsewhere.requests == []
