"""The webhook receiver over real sockets: the tutorial's replies, and hints that only a GET makes true."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import socket
import stat
import time
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx
import pytest
from canary import KEY
from sqlalchemy import select

import seedance_widgets as sw
from seedance_widgets.background_loop import engine
from seedance_widgets.following.webhook import Receiver, Webhook, load_secret, state_in_log
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.schema import tasks
from seedance_widgets.log.store import Store
from seedance_widgets.modelark.client import Client

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}
GOOD = {
    "id": "cgt-of-nobody",
    "model": "seedance-1-0-pro-250528",
    "status": "running",
    "created_at": 1765434920,
    "updated_at": 1765434920,
    "service_tier": "default",
    "execution_expires_after": 172800,
}
TAKEN = {"code": 200, "msg": "Callback received successfully"}
IN_VAIN = {"code": 200, "msg": "Callback received successfully (internal processing exception)"}
NO_JSON = {"code": 400, "msg": "Invalid JSON data"}


class Follower:
    """A log and a client that looks where it is pointed to, at most once a second a task; it never polls."""

    def __init__(self, home, base_url, clock=time.time):
        self.store = Store(home / "log.sqlite")
        self.journal = Journal(self.store, simulated=False, clock=clock)
        self.client = Client("any", base_url)
        self.hinted, self.asked, self.told = [], [], {}
        self._due = set()

    def known(self, task_id):
        return state_in_log(self.store, task_id, simulated=False)

    def hint(self, task_id):
        self.hinted.append(task_id)
        if task_id not in self._due:
            self._due.add(task_id)
            engine.submit(self._look(task_id))

    async def _look(self, task_id):
        last = max((at for at, asked in self.asked if asked == task_id), default=-1.0)
        await asyncio.sleep(max(0.0, last + 1 - time.monotonic()))
        self._due.discard(task_id)
        self.asked.append((time.monotonic(), task_id))
        answer = await self.client.get(task_id)
        self.told.setdefault(task_id, []).append(answer.data["status"])
        key = self.journal.by_task_id(task_id).key
        await engine.write(self.journal.observed, key, answer.data)

    def rows(self):
        with self.store.read() as connection:
            return {row["task_id"]: dict(row) for row in connection.execute(select(tasks)).mappings()}

    def close(self):
        engine.run(self.client.aclose())
        self.store.close()


@pytest.fixture
def served(tmp_path):
    """A studio's home that nothing watches, a served simulator, and a receiver between them."""
    made = []

    def serve(count, *, speed=200, clock=time.time, callbacks=False):
        simulator = sw.Simulator(speed=speed, clock=clock)
        base_url = stack.enter_context(simulator.serve())
        stack.callback(simulator.close)
        sw.Studio(tmp_path, api_key=KEY, base_url=base_url, clock=clock).close()
        follower = Follower(tmp_path, base_url, clock)
        stack.callback(follower.close)
        secret = load_secret(tmp_path)
        receiver = Receiver(secret, known=follower.known, hint=follower.hint, clock=clock)
        hook = stack.enter_context(Webhook(receiver, secret))
        with sw.Studio(tmp_path, api_key=KEY, base_url=base_url, clock=clock) as studio:
            where = {"callback_url": hook.url} if callbacks else {}
            made.extend(sw.run(studio.submit(f"fox {n}", **where, **SMALL)).id for n in range(count))
        return SimpleNamespace(
            simulator=simulator, follower=follower, hook=hook, ids=made, secret=secret, home=tmp_path
        )

    with contextlib.ExitStack() as stack:
        yield serve


@pytest.fixture
def hook():
    """A receiver that knows one running task, and keeps the hints it gives."""
    hints = []
    row = {**{name: GOOD[name] for name in GOOD if name != "id"}, "task_id": "cgt-1"}

    def known(task_id):
        if task_id == "cgt-broken":
            raise sw.LogError("the disk is gone")
        return row if task_id == "cgt-1" else None

    receiver = Receiver("s" * 43, known=known, hint=hints.append)
    with Webhook(receiver, "s" * 43) as hook, httpx.Client() as http:
        yield SimpleNamespace(url=hook.url, hints=hints, row=row, handle=hook, http=http)


def without(field):
    return json.dumps({name: value for name, value in GOOD.items() if name != field})


# --- the tutorial's replies ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "reply"),
    [
        (json.dumps(GOOD), 200, {**TAKEN, "task_id": "cgt-of-nobody"}),
        (json.dumps({**GOOD, "usage": {"completion_tokens": 9}}), 200, {**TAKEN, "task_id": "cgt-of-nobody"}),
        (json.dumps({**GOOD, "status": "paused"}), 200, {**TAKEN, "task_id": "cgt-of-nobody"}),
        (json.dumps({**GOOD, "id": 5}), 200, {**TAKEN, "task_id": 5}),
        (json.dumps(GOOD).encode("utf-16"), 200, {**TAKEN, "task_id": "cgt-of-nobody"}),
        *((without(field), 400, {"code": 400, "msg": f"Missing field: {field}"}) for field in GOOD),
        ("{}", 400, NO_JSON),
        ("[]", 400, NO_JSON),
        ("null", 400, NO_JSON),
        ("", 400, NO_JSON),
        ("hello", 400, NO_JSON),
        (json.dumps(GOOD)[:-1], 400, NO_JSON),
        (b'{"id": "\xff"}', 400, NO_JSON),
        ("[" * 30_000 + "]" * 30_000, 400, NO_JSON),
        ('{"id": ' + "9" * 6_000 + "}", 400, NO_JSON),
        ('["id"]', 400, {"code": 400, "msg": "Missing field: id"}),
        ("7", 400, {"code": 400, "msg": "Missing field: id"}),
        (json.dumps({**GOOD, "id": {"a": 1}}), 200, IN_VAIN),
        (json.dumps({**GOOD, "status": None}), 200, IN_VAIN),
        (json.dumps({**GOOD, "model": ["m"]}), 200, IN_VAIN),
        (json.dumps({**GOOD, "id": "cgt-broken"}), 200, IN_VAIN),
        (json.dumps({**GOOD, "id": "\ud800"}), 200, {**TAKEN, "task_id": "\ud800"}),
        (json.dumps({**GOOD, "id": "a\0b"}), 200, {**TAKEN, "task_id": "a\0b"}),
        ("x" * 65_537, 413, {"code": 413, "msg": "Body larger than 65536 bytes"}),
    ],
)
def test_replies(hook, body, status, reply):
    answer = hook.http.post(hook.url, content=body)
    assert (answer.status_code, answer.json()) == (status, reply)
    assert hook.hints == []


def test_the_limit_is_of_what_is_read_not_of_what_is_announced(hook):
    def endless():
        for _ in range(100):
            yield b" " * 100_000

    assert hook.http.post(hook.url, content=endless()).status_code == 413
    fits = json.dumps(GOOD).ljust(65_536)
    assert hook.http.post(hook.url, content=iter([fits.encode()])).status_code == 200


def test_a_task_has_the_eight_fields(hook):
    url = hook.url.removesuffix("callback") + "tasks/"
    assert hook.http.get(f"{url}cgt-1").json() == {
        "code": 200,
        "data": {**hook.row, "last_callback_at": None},
    }
    hook.http.post(hook.url, json={**GOOD, "id": "cgt-1"})
    called = hook.http.get(f"{url}cgt-1").json()["data"].pop("last_callback_at")
    assert abs(time.time() - time.mktime(time.strptime(called, "%Y-%m-%d %H:%M:%S")) + time.timezone) < 60
    answer = hook.http.get(f"{url}cgt-2")
    assert (answer.status_code, answer.json()) == (404, {"code": 404, "msg": "Task not found"})


# --- the address -----------------------------------------------------------------------------------------


def test_every_wrong_path_looks_the_same(hook):
    base, secret = hook.url.split("/webhook/")[0], "s" * 43
    paths = (
        "", "/", "/webhook", "/webhook/callback", "/webhook//callback", f"/webhook/{secret}",
        f"/webhook/{secret}/", f"/webhook/{secret}/callback/", f"/webhook/{secret}/tasks/",
        f"/webhook/{secret[:-1]}/callback", f"/webhook/{secret}s/callback", f"/webhook/{secret[:-1]}t/callback",
        f"/webhook/{secret[:-1]}%C3%A9/callback", f"/webhook/{secret[:-1]}%ff/tasks/cgt-1",
        f"/tasks/cgt-1?secret={secret}", f"/x/webhook/{secret}/callback",
    )  # fmt: skip
    for path in paths:
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            answer = hook.http.request(method, base + path)
            assert (answer.status_code, answer.text) == (404, "Not Found"), (method, path)
            assert "allow" not in answer.headers
    assert hook.http.get(hook.url).status_code == 405


def test_the_secret_lasts_and_is_for_the_owner_only(tmp_path):
    secret = load_secret(tmp_path)
    file = tmp_path / "webhook.secret"
    assert len(secret) == 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert load_secret(tmp_path) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    assert load_secret(tmp_path) != secret


@pytest.mark.parametrize("held", ["", "short", "../" * 20])
def test_what_is_no_secret_is_not_used(tmp_path, held):
    (tmp_path / "webhook.secret").write_text(held)
    with pytest.raises(sw.SeedanceError, match="delete it to have a new one"):
        load_secret(tmp_path)


def test_a_place_that_cannot_keep_a_secret_is_a_clear_error(tmp_path):
    with pytest.raises(sw.SeedanceError, match="cannot be kept"):
        load_secret(tmp_path / "nowhere")


def test_the_secret_is_shown_by_url_only(hook, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        hook.http.post(hook.url, json=GOOD, headers={"Connection": "close"})
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert "s" * 43 not in repr(hook.handle) + str(ours) + "".join(capfd.readouterr())
    assert hook.handle.url == hook.url


def test_a_taken_port_is_a_clear_error(hook):
    with pytest.raises(sw.SeedanceError, match="the webhook cannot listen .* is the port taken"):
        Webhook(Receiver("s" * 43, known={}.get, hint=print), "s" * 43, port=urlsplit(hook.url).port)


def test_a_closed_webhook_answers_no_more(hook):
    hook.handle.close()
    hook.handle.close()
    with pytest.raises(httpx.ConnectError):
        hook.http.post(hook.url, json=GOOD)


# --- hints -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "said", "is_news"),
    [
        ("queued", "queued", False),
        ("queued", "running", True),
        ("queued", "succeeded", True),
        ("running", "queued", False),
        ("running", "running", False),
        ("running", "failed", True),
        ("running", "expired", True),
        ("running", "a status of next year", True),
        ("unknown", "queued", True),
        *((over, said, False) for over in ("succeeded", "failed", "expired", "cancelled")
          for said in ("queued", "running", "succeeded", "failed", "expired")),
    ],
)  # fmt: skip
def test_only_what_could_follow_is_news(hook, held, said, is_news):
    hook.row["status"] = held
    for _ in range(2):
        assert hook.http.post(hook.url, json={**GOOD, "id": "cgt-1", "status": said}).status_code == 200
    assert hook.hints == ["cgt-1", "cgt-1"] * is_news
    assert hook.row["status"] == held


def wait_until(done, seconds=60):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_simulator_drives_it_to_the_end(served):
    it = served(3, callbacks=True)
    url = it.hook.url.removesuffix("callback") + "tasks/"

    def states():
        return [httpx.get(url + task_id, timeout=60).json()["data"] for task_id in it.ids]

    wait_until(lambda: all(state["status"] == "succeeded" for state in states()))
    for state, task_id in zip(states(), it.ids, strict=True):
        row = it.follower.rows()[task_id]
        assert state == {
            "task_id": task_id,
            "model": "seedance-1-0-pro-250528",
            "status": "succeeded",
            "created_at": row["created_at"] // 1_000_000,
            "updated_at": row["finished_at"] // 1_000_000,
            "service_tier": "default",
            "execution_expires_after": 172_800 + row["nonce"],
            "last_callback_at": state["last_callback_at"],
        }
        assert state["last_callback_at"] is not None
        assert row["tokens"] > 0
    # a look a piece of news, and no other
    assert len(it.follower.asked) <= 2 * len(it.ids)


def hostile(random_, ids, true):
    """One request: method, path below the secret or None for a wrong one, body."""
    said = {**true, "status": random_.choice(("queued", "running", "succeeded", "failed", "expired", "gone"))}
    forged = {
        **said,
        "id": random_.choice(
            (*ids, f"cgt-{random_.random()}", "../" * 9, "' OR 1=1 --", "ü", "\ud800", "x" * 9_000)
        ),
        "status": "succeeded",
        "content": {"video_url": "https://evil.example/x.mp4"},
        "usage": {"completion_tokens": 10**9},
        "seed": 1,
    }
    odd = {**said, random_.choice(list(GOOD)): random_.choice((None, 7, 1.5, [], {}, True, "x" * 500))}
    bodies = (
        json.dumps(forged),
        json.dumps(said),
        json.dumps(true),
        json.dumps(odd),
        json.dumps(random_.choice((odd, [odd], 7, "text", None))),
        json.dumps(forged)[: random_.randrange(200)],
        json.dumps(forged).ljust(random_.choice((65_536, 65_537, 2_000_000))),
        random_.choice(("[", '{"id":')) * random_.randrange(1, 9_000),
        random_.randbytes(300),
        b'{"id": "\xff\xfe"}',
    )
    path = random_.choice(("callback",) * 8 + (f"tasks/{random_.choice(ids)}", None))
    return random_.choice(("POST",) * 9 + ("PUT",)), path, random_.choice(bodies)


async def test_1000_hostile_callbacks_change_nothing_that_a_get_does_not_confirm(served, clock):
    it = served(4, speed=1, clock=clock)
    clock.pass_(8)  # they run by now, and the log says queued
    before = it.follower.rows()
    (first,) = (task for task in it.simulator.tasks() if task["id"] == it.ids[0])
    true = {**GOOD, "id": it.ids[0], "status": first["status"]}
    random_ = random.Random(4)
    address = urlsplit(it.hook.url)
    half = f"POST {address.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n{{"
    stalled, rude = (socket.create_connection((address.hostname, address.port), 30) for _ in range(2))
    with stalled, rude:
        stalled.sendall(half.encode())
        rude.sendall(b"\x16\x03\x01 what is this\r\n\r\n")
        places = asyncio.Semaphore(20)
        async with httpx.AsyncClient(timeout=60) as client:

            async def send(method, path, body):
                async with places:
                    root = it.hook.url.removesuffix("callback")
                    url = root + path if path else root.replace(it.secret, "guess") + "callback"
                    return (await client.request(method, url, content=body)).status_code

            hostiles = [hostile(random_, it.ids, true) for _ in range(1000)]
            answers = await asyncio.gather(*(send(*each) for each in hostiles))
        # 408 too where the machine is too busy to read on
        assert {200, 400, 404, 405, 413} <= set(answers) <= {200, 400, 404, 405, 408, 413}
        assert stalled.recv(999).startswith(b"HTTP/1.1 408")
        assert rude.recv(999).startswith(b"HTTP/1.1 400")
    rows = it.follower.rows
    await asyncio.to_thread(wait_until, lambda: {row["status"] for row in rows().values()} == {"running"})
    assert it.follower.told.keys() == set(it.ids)
    assert {said for each in it.follower.told.values() for said in each} == {"running"}
    assert rows().keys() == before.keys()
    for task_id, row in rows().items():
        changed = {name for name, value in row.items() if value != before[task_id][name]}
        assert changed <= {"status", "revision", "created_at"}
    # still up, and still of use
    clock.pass_(1000)
    async with httpx.AsyncClient() as client:
        assert (await client.post(it.hook.url, json={**true, "status": "succeeded"})).status_code == 200
    await asyncio.to_thread(wait_until, lambda: it.follower.rows()[it.ids[0]]["status"] == "succeeded")


# --- a studio's ------------------------------------------------------------------------------------------


def test_a_studio_hears_of_its_tasks_and_of_those_left_behind(tmp_path, clock):
    simulator = sw.Simulator(clock=clock)
    with simulator.serve() as base_url:
        ours = {"api_key": "any", "base_url": base_url, "clock": clock}
        with sw.Studio(tmp_path, **ours) as studio:
            hook = studio.webhook()
            its = sw.run(studio.submit("a fox", callback_url=hook.url, **SMALL))
            # with another key it shares nothing but the log
            with sw.Studio(tmp_path, **{**ours, "api_key": "another"}) as another:
                left = sw.run(another.submit("a hare", callback_url=hook.url, **SMALL)).key
            clock.pass_(1000)
            for key in (its.key, left):
                wait_until(lambda key=key: studio.log.to_pandas().loc[key, "file"] == "saved")
            told_ = httpx.get(hook.url.replace("callback", f"tasks/{its.id}"), timeout=60).json()["data"]
            assert (told_["status"], told_["last_callback_at"] is None) == ("succeeded", False)
        with pytest.raises(httpx.ConnectError):
            httpx.post(hook.url, json=GOOD, timeout=60)
        with sw.Studio(tmp_path, **ours) as studio, studio.webhook() as again:
            assert urlsplit(again.url).path == urlsplit(hook.url).path
    simulator.close()


async def test_the_embedded_simulator_calls_too(studio):
    with studio.webhook() as hook:
        task = await studio.generate("a fox", callback_url=hook.url, **SMALL)
        async with httpx.AsyncClient() as client:
            state = (await client.get(hook.url.replace("callback", f"tasks/{task.id}"))).json()["data"]
        assert (state["status"], state["execution_expires_after"] > 172_799) == ("succeeded", True)
        assert state["last_callback_at"] is not None
