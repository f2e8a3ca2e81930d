"""Disks, files and answers that are not what they should be: said clearly, nothing lost, and the next resume
finishes the job. Full disks and clocks that were set are in the failure matrix.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gzip
import hashlib
import json
import resource
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from canary import KEY

import seedance_widgets as sw
from seedance_widgets.log.disk import refuse_network
from seedance_widgets.log.store import Store
from seedance_widgets.modelark.client import Client

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}
# capabilities(7): with it, root may write where nobody may
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("seedance_widgets.following.saver._PAUSE", 0.01)
    monkeypatch.setattr("seedance_widgets.modelark.client._FIRST_WAIT", 0.01)


class Through(httpx.AsyncBaseTransport):
    """Passes answers of one kind of call through a function, as often as it is told."""

    def __init__(self, behind):
        self._behind = behind
        self.part, self.change, self.times = "", None, 0

    async def handle_async_request(self, request):
        response = await self._behind.handle_async_request(request)
        if self.times and self.part in f"{request.method} {request.url.path}":
            self.times -= 1
            return self.change(response, await response.aread())
        return response


class Spoiling(sw.Simulator):
    """A simulator whose answers can be spoiled on their way."""

    def __init__(self, **options):
        super().__init__(speed=500, **options)
        self.way = Through(super().transport())

    def transport(self):
        return self.way

    def spoil(self, part, change, times=4):
        self.way.part, self.way.change, self.way.times = part, change, times


@pytest.fixture
def service():
    service = Spoiling()
    yield service
    service.close()


# --- clips -----------------------------------------------------------------------------------------------


class Pieces(httpx.AsyncByteStream):
    """A body without an announced length, which ends where the connection does."""

    def __init__(self, *pieces):
        self._pieces = pieces

    async def __aiter__(self):
        for piece in self._pieces:
            yield piece


def answering(status=200, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _, body: httpx.Response(status, content=body, headers=names)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda _, body: httpx.Response(200, stream=Pieces(body[: len(body) // 2])), "cut off"),
        (lambda _, body: httpx.Response(200, stream=Pieces(body[:-1])), "cut off"),
        (lambda _, body: httpx.Response(200, content=body[:2000]), "cut off"),
        (lambda _, body: httpx.Response(200, content=body[: body.find(b"moov") - 4]), "cut off"),
        (lambda _, __: httpx.Response(200, content=b"<html>log in</html>" * 99), "not a clip"),
        (lambda _, __: httpx.Response(200, content=bytes(5000)), "not a clip"),
        (answering(content_type="text/html"), "a page and not a clip"),
        (answering(content_type="application/json"), "a page and not a clip"),
        (answering(302, location="https://elsewhere.example/a.mp4"), "https://elsewhere.example"),
        (answering(302, location="file:///etc/passwd"), "file://"),
        (answering(content_length=str(1 << 40)), "more than"),
        (answering(content_encoding="br"), "br-encoded"),
    ],
)
async def test_a_clip_that_is_none_is_fetched_by_resume(tmp_path, service, spoil, told):
    with sw.Studio(tmp_path, simulate=service) as studio:
        service.spoil("/files/", spoil)
        task = await studio.submit("a fox", **SMALL)
        with pytest.raises(sw.DownloadError, match="resume") as caught:
            await task
        assert told in str(caught.value)
        assert "http://simulator/" not in str(caught.value)  # the link is signed
        row = studio.log.to_pandas().loc[task.key]
        assert row["file"] == "failed"
        assert told in row["remark"]
        assert row["usd"] > 0
        (same,) = await studio.resume()
        await same
        row = studio.log.to_pandas().loc[task.key]
        assert row["file"] == "saved"
        assert row["sha256"] == hashlib.sha256(task.video_path.read_bytes()).hexdigest()
        assert row.isna()["remark"]
    assert not list(tmp_path.rglob("*.part"))


async def test_a_403_while_our_clock_is_days_ahead_loses_no_clip(tmp_path, clock):
    service = Spoiling()
    with sw.Studio(tmp_path, simulate=service, clock=lambda: clock() + 5 * 86_400) as studio:
        service.spoil("/files/", answering(403), times=3)
        task = await studio.generate("a fox", **SMALL)
        assert task.video_path.exists()
    service.close()


# --- folders ---------------------------------------------------------------------------------------------


async def test_a_file_where_the_clips_should_go(tmp_path, service):
    (tmp_path / "media").write_text("in the way")
    with sw.Studio(tmp_path, simulate=service) as studio:
        task = await studio.submit("a fox", **SMALL)
        with pytest.raises(sw.DownloadError, match="cannot be made"):
            await task
        assert studio.log.to_pandas().loc[task.key, "file"] == "failed"
        (tmp_path / "media").unlink()
        (same,) = await studio.resume()
        await same
        assert task.video_path.exists()


def test_a_home_that_cannot_be_made(tmp_path):
    (tmp_path / "runs").write_text("in the way")
    for home in (tmp_path / "runs", tmp_path / "runs" / "deeper"):
        with pytest.raises(sw.LogError, match="cannot be made"):
            sw.Studio(home, simulate=True)


READ_ONLY = """
    import pathlib, sys
    import seedance_widgets as sw
    import seedance_widgets.following.saver
    seedance_widgets.following.saver._PAUSE = 0.01
    home, state = map(pathlib.Path, sys.argv[1:])
    small = dict(model="seedance-1-0-pro", resolution="480p", ratio="1:1", frames=29)
    service = sw.Simulator(speed=500, state=state)
    for closed in (home, home / "deeper"):
        try:
            sw.Studio(closed, simulate=service)
        except sw.LogError as error:
            print("log:", error)
    home.chmod(0o755)
    (home / "media").mkdir(mode=0o555)
    (home / "inputs").mkdir(mode=0o555)
    with sw.Studio(home, simulate=service) as studio:
        try:
            from PIL import Image
            sw.run(studio.submit("a fox", first_frame=Image.new("RGB", (512, 512)), **small))
        except sw.MediaError as error:
            print("picture:", error)
        try:
            sw.run(studio.generate("a fox", **small))
        except sw.DownloadError as error:
            print("clip:", error)
    service.close()
"""


def as_anybody():
    """Root, too, may then write only where the modes let it."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def test_folders_that_are_read_only(tmp_path):
    home, state = tmp_path / "runs", tmp_path / "state"
    home.mkdir(mode=0o555)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(READ_ONLY), home, state],
        capture_output=True, text=True, timeout=120, preexec_fn=as_anybody,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in said] == ["log", "log", "picture", "clip"]
    assert "cannot be stored" in said[2]
    assert "Nothing was sent" in said[2]
    assert "ermission" in said[1]
    assert "ermission" in said[3]
    (home / "media").chmod(0o755)
    service = sw.Simulator(speed=500, state=state)
    with sw.Studio(home, simulate=service) as studio:
        (row,) = studio.log.to_pandas().itertuples()
        assert (row.status, row.file) == ("succeeded", "failed")
        (task,) = sw.run(studio.resume())
        sw.run(task)
        assert task.video_path.exists()
    service.close()


# --- the log ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def held_by_another_process(path):
    """The write lock of a log, as a process has it that hangs in a transaction."""
    code = (
        "import sqlite3, sys; log = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "log.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        yield
        other.stdin.close()


async def test_a_locked_log_sends_nothing_and_works_again(tmp_path, service, monkeypatch):
    monkeypatch.setattr("seedance_widgets.log.store._BUSY_TIMEOUT_S", 0.05)
    with sw.Studio(tmp_path, simulate=service) as studio:
        before = await studio.submit("a fox", **SMALL)
        await before
        with held_by_another_process(tmp_path / "log.sqlite"):
            with pytest.raises(sw.LogError, match="locked"):
                await studio.submit("a second fox", **SMALL)
            assert len(studio.log.to_pandas()) == 1  # reading goes on
            with pytest.raises(sw.LogError, match="locked"):
                Store(tmp_path / "log.sqlite")
        assert len(service.tasks()) == 1
        await studio.generate("a second fox", **SMALL)
    assert len(service.tasks()) == 2


async def test_a_log_that_is_locked_while_a_clip_is_made(tmp_path, service, monkeypatch):
    monkeypatch.setattr("seedance_widgets.log.store._BUSY_TIMEOUT_S", 0.05)
    with sw.Studio(tmp_path, simulate=service) as studio:
        task = await studio.submit("a fox", **SMALL)
        with held_by_another_process(tmp_path / "log.sqlite"), pytest.raises(sw.WaitTimeout):
            await task.wait(timeout=1)
        await studio.resume()
        await task.wait(timeout=60)
        assert task.video_path.exists()
    assert len(service.tasks()) == 1


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_log_that_is_removed_while_it_is_in_use_sends_nothing(tmp_path, service, replaced):
    path, aside = tmp_path / "runs" / "log.sqlite", tmp_path / "aside"
    with sw.Studio(path.parent, simulate=service) as studio:
        await studio.generate("a fox", **SMALL)
        path.rename(aside)
        if replaced:
            path.touch()
        with pytest.raises(sw.LogError, match="removed or replaced"):
            await studio.submit("a second fox", **SMALL)
        assert len(service.tasks()) == 1
        aside.replace(path)
        await studio.generate("a second fox", **SMALL)
        assert len(studio.log.to_pandas()) == 2


async def test_a_corrupt_log_is_an_error_and_is_left_as_it_is(tmp_path, service):
    with sw.Studio(tmp_path, simulate=service) as studio:
        await studio.generate("a fox", **SMALL)
    path = tmp_path / "log.sqlite"
    whole = path.read_bytes()
    for start, length in ((0, 100), (100, 4000), (4096, len(whole)), (len(whole) // 2, 40_000)):
        damaged = bytearray(whole)
        damaged[start : start + length] = b"\xa5" * len(damaged[start : start + length])
        path.write_bytes(damaged)
        # which step finds it depends on the place
        with pytest.raises(sw.LogError), sw.Studio(tmp_path, simulate=service) as studio:  # noqa: PT012
            await studio.resume()
            studio.log.to_pandas()
            await studio.submit("a second fox", **SMALL)
        assert len(service.tasks()) == 1
    path.write_bytes(whole)
    with sw.Studio(tmp_path, simulate=service) as studio:
        assert len(studio.log.to_pandas()) == 1


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE photos (id INTEGER)",
        "CREATE TABLE tasks (id INTEGER); INSERT INTO tasks VALUES (1)",
        "CREATE TABLE meta (name TEXT, value TEXT); INSERT INTO meta VALUES ('version', '7')",
        "CREATE TABLE meta (name TEXT, value TEXT); CREATE TABLE tasks (id INTEGER)",
        "CREATE TABLE meta (a TEXT); CREATE TABLE tasks (id INTEGER)",
        "CREATE TABLE tasks (id INTEGER); CREATE TABLE meta AS SELECT 'version' AS name, 'new' AS value",
    ],
)
def test_somebody_elses_database_is_no_log_and_stays_as_it_is(tmp_path, statements):
    path = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.executescript(statements)
        before = list(other.iterdump())
    with pytest.raises(sw.LogError):
        sw.Studio(tmp_path / "runs", simulate=True, log=path)
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert list(other.iterdump()) == before


def mount(top, kind):
    return SimpleNamespace(mountpoint=top, fstype=kind)


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        ([mount("/", "ext4"), mount("/home", "nfs4")], "nfs4"),
        ([mount("/", "nfs4"), mount("/home/me", "ext4")], None),
        ([mount("/", "ext4"), mount("/home", "fuse.sshfs"), mount("/home/me", "xfs")], None),
        ([mount("/home/me", "xfs"), mount("/home/me", "CIFS")], "cifs"),  # the later one is on top
        ([mount("/home/me", "9p"), mount("/home/m", "nfs")], "9p"),
        ([mount("/home/me", "xfs"), mount("/home/m", "nfs")], None),
        ([mount("/home/me/runs", "fuse.s3fs")], "s3fs"),
        ([], None),
    ],
)
def test_a_log_on_a_network_is_refused_by_what_is_mounted_there(mounts, refused):
    path = Path("/home/me/runs/log.sqlite")
    if refused is None:
        refuse_network(path, mounts)
        return
    with pytest.raises(sw.LogError, match=refused) as caught:
        refuse_network(path, mounts)
    assert "local disk" in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    [
        "fuse.drive",
        "fuse.gcsfuse",
        "fuse.mountpoint-s3",
        "fuse.blobfuse2",
        "vboxsf",
        "fuse.vmhgfs-fuse",
        "wekafs",
    ],
)
def test_a_new_home_on_what_is_known_to_be_remote_is_refused(tmp_path, monkeypatch, service, kind):
    monkeypatch.setattr(
        "psutil.disk_partitions", lambda **_: [mount("/", "ext4"), mount(str(tmp_path), kind)]
    )
    with pytest.raises(sw.LogError, match=f"network file system \\({kind}\\)"):
        sw.Studio(tmp_path / "runs", simulate=service)
    assert list((tmp_path / "runs").iterdir()) == []


async def test_a_home_that_is_on_a_network_already_opens_for_reading_and_is_left_as_it_is(
    tmp_path, monkeypatch, service
):
    home = tmp_path / "runs"
    with sw.Studio(home, simulate=service) as studio:
        await studio.generate("a fox", **SMALL)
        # not checkpointed: the newest rows stand beside the file
        (tmp_path / "copy").mkdir()
        for file in home.glob("log.sqlite*"):
            (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())
    copied = {file.name: file.read_bytes() for file in (tmp_path / "copy").iterdir()}
    monkeypatch.setattr("psutil.disk_partitions", lambda **_: [mount(str(tmp_path / "copy"), "nfs4")])
    made = len(service.tasks())
    with pytest.warns(UserWarning, match="opened for reading only.*copy its folder to a local disk"):
        studio = sw.Studio(tmp_path / "copy", simulate=service)
    assert list(studio.log.to_pandas()["prompt"]) == ["a fox"]
    assert studio.spent > 0
    task = await studio.task(studio.log.to_pandas().index[0])
    for refused in (studio.submit("a second fox", **SMALL), task.judge("accept")):
        with pytest.raises(sw.LogError, match="nothing was written or sent: .*copy its folder"):
            await refused
    studio.close()
    assert len(service.tasks()) == made
    assert {file.name: file.read_bytes() for file in (tmp_path / "copy").iterdir()} == copied


def test_what_is_not_known_to_be_local_gets_one_warning():
    disks = [mount("/", "ext4"), mount("/x", "fuse.newfs")]
    with pytest.warns(UserWarning, match="not known to be local.*Keep it on a local disk"):
        refuse_network(Path("/x/log.sqlite"), disks)
    for _ in range(2):
        refuse_network(Path("/x/log.sqlite"), disks)  # a second one would be an error here


async def test_a_home_that_is_moved_is_said_to_whoever_awaits(tmp_path, clock):
    service = sw.Simulator(clock=clock)
    home, away = tmp_path / "runs", tmp_path / "away"
    with sw.Studio(home, simulate=service, clock=clock) as studio:
        task = await studio.submit("a fox", **SMALL)
        waiting = asyncio.ensure_future(task.wait(timeout=60))
        home.rename(away)
        clock.pass_(1000)
        with pytest.raises(sw.LogError, match="removed or replaced while it was in use.*resume"):
            await waiting
        away.rename(home)
        await task.wait(timeout=60)
        assert task.video_path.exists()
    assert len(service.tasks()) == 1
    service.close()


# --- answers ---------------------------------------------------------------------------------------------


def endless(encoding=None):
    """A JSON object of a gigabyte, in pieces as a connection gives them."""
    piece = b" " * (1 << 16)
    if encoding == "gzip":
        piece = gzip.compress(bytes(1 << 25))
    head = {} if encoding is None else {"Content-Encoding": encoding}
    return lambda _, __: httpx.Response(200, headers=head, stream=Pieces(*[piece] * (1 << 14)))


@pytest.mark.parametrize("encoding", [None, "gzip", "gzip, gzip", "br", "zstd", "deflate"])
async def test_an_answer_without_end_is_a_lost_one(encoding):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reply = endless(encoding)
    transport = httpx.MockTransport(lambda request: reply(request, b""))
    async with Client(KEY, transport=transport, retries=1) as client:
        for call in (client.create({"model": "m"}), client.get("cgt-1"), client.list()):
            with pytest.raises(sw.AnswerLost, match=r"16.8 MB|encoded"):
                await call
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@pytest.mark.parametrize(
    "spoil",
    [
        endless(),
        lambda _, body: httpx.Response(200, content=body.replace(b'"cgt-', b'"\\ud800')),
        lambda _, body: httpx.Response(200, content=json.dumps({"id": "x" * 129}).encode()),
        lambda _, body: httpx.Response(200, content=body.decode().encode("utf-16")[:-3]),
        lambda _, body: httpx.Response(200, content=b"[" * 5000),
        lambda _, body: httpx.Response(200, content=body, headers={"Content-Encoding": "gzip"}),
    ],
)
async def test_a_create_that_is_answered_oddly_is_found_by_resume(tmp_path, service, spoil):
    with sw.Studio(tmp_path, simulate=service) as studio:
        service.spoil("POST", spoil, times=1)
        with pytest.raises(sw.OutcomeUnknown) as caught:
            await studio.submit("a fox", **SMALL)
        assert studio.log.to_pandas().loc[caught.value.task.key, "status"] == "unknown"
        await studio.resume()
        await caught.value.task
        assert caught.value.task.video_path.exists()
    assert len(service.tasks()) == 1


@pytest.mark.parametrize("status", ["paused", "x" * 10_000, 7, ["queued"], None])
async def test_a_status_that_is_not_known_is_noted_and_waited_out(tmp_path, service, status):
    def odd(_, body):
        return httpx.Response(200, json=json.loads(body) | {"status": status})

    notes = []
    with sw.Studio(tmp_path, simulate=service) as studio:
        studio.subscribe(lambda row: notes.append(row and row["trouble"]))
        service.spoil("GET /api/v3/contents/generations/tasks/", odd, times=2)
        task = await studio.generate("a fox", **SMALL)
        assert task.status == "succeeded"
        assert task.video_path.exists()
        assert any("not known here" in (note or "") for note in notes) is (status is not None)
        assert all(len(note or "") < 200 for note in notes)
