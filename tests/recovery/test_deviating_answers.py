"""Lost answers on a second service that deviates in all it tells: random schedules, each from its number.

The oracle is the service's own table: every prompt is sent once, so it says whose a task is. Whatever the
service tells, nothing that was made is held to be unmade, no row takes another's task, and nothing is sent
twice. What has a sign of ours is settled without a person; the rest is ``unknown``.

    pytest --soak tests/recovery/test_deviating_answers.py    5,000 schedules
    pytest --schedule 4711 tests/recovery/test_deviating_answers.py    one of them again
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from clock import Clock
from habits import Habits
from raw_account import Account, Refused
from raw_service import RawService, Reply, refusal
from stage import Reached, Route
from tiny_model import register_tiny

import seedance_widgets as sw
from seedance_widgets.sending.limits import Limits

MEMORY = Path("/dev/shm")
OWN_SEED = 11  # a person's own, which others may send too
LAG = 100  # seconds that a list may lag behind: less than is waited for
# what befalls the lists of one look
TROUBLES = ("away", "refused", "shifts", "shrinks", "lags", "unreadable")
IN_A_PART = 20
PARTS = 250

# what becomes of a create whose answer is lost: whether a task is made, and what goes back
LOST = {
    "dropped before": (False, lambda work: None),
    "500 before": (False, lambda work: refusal(500, "InternalServiceError")),
    "dropped after": (True, lambda work: (work(), None)[1]),
    "500 after": (True, lambda work: (work(), refusal(503, "ServiceUnavailable"))[1]),
    "half": (True, lambda work: vars(reply := work()).update(share=0.4) or reply),
    "no id": (True, lambda work: (work(), Reply(body={"task_id": "cgt-1"}))[1]),
    "a number": (True, lambda work: (work(), Reply(body={"id": 17}))[1]),
    "no JSON": (True, lambda work: (work(), Reply(body=b"<html>busy</html>"))[1]),
}


@pytest.fixture(autouse=True)
def quick(fresh_catalog, monkeypatch):
    """A model of small clips, no waits between tries, and a hand-moved clock for what only ticks."""
    register_tiny(fresh_catalog, tiers=("default", "flex"))
    for pause in ("sending.outbox._FIRST_WAIT", "modelark.client._FIRST_WAIT", "following.saver._PAUSE"):
        monkeypatch.setattr(f"seedance_widgets.{pause}", 0.001)
    # nor between looks at a task: its time passes by hand
    monkeypatch.setattr("seedance_widgets.following.watcher.LEAST_SCALE", 0.001)
    clock = Clock()
    for module in ("reconcile", "listing"):
        monkeypatch.setattr(f"seedance_widgets.recovery.{module}.time", SimpleNamespace(monotonic=clock))
    with RawService(clock=clock) as service:
        yield service


class Schedule:
    """One account, one home, and what happens to them."""

    def __init__(self, service, habits, chance):
        self.service, self.clock = service, service.clock
        self.habits, self.chance = habits, chance
        self.skew, self.loses = habits.skew, None
        self.was_set_back = False
        self.trouble = None
        self.made = {}  # prompt of a lost create -> whether it was made
        service.account = Account(self.clock, run_seconds=0.5, places=1e9)
        service.calls.clear()
        service.tell = self.habits.tell
        service.hooks = {"list": self.list, "create": self.create, "get": self.host, "file": self.host}
        self.folder = tempfile.mkdtemp(prefix="deviating-", dir=MEMORY if MEMORY.is_dir() else None)
        self.home = Path(self.folder) / "runs"
        self.open()

    def open(self):
        reached = Reached(Route(self.service.root))
        reached.speed = 1000
        clock = lambda: self.clock() + self.skew  # noqa: E731 - it is set while it is in use
        limits = Limits(lists_per_second=1e4, gets_per_second=1e4)
        self.studio = sw.Studio(self.home, simulate=reached, clock=clock, limits=limits)

    def restart(self):
        self.studio.close()
        self.open()

    def close(self):
        self.studio.close()
        shutil.rmtree(self.folder)

    # --- the service -------------------------------------------------------------------------------------

    def create(self, call, work):
        body = json.loads(call.body)
        if not self.habits.takes_flex and body.get("service_tier") == "flex":
            call.body = json.dumps(body | {"service_tier": "default"}).encode()
        loses, self.loses = self.loses, None
        return self.dated(work() if loses is None else loses(work))

    def dated(self, reply):
        if reply is not None and self.habits.date is not None:
            reply.headers["Date"] = self.habits.date
        return reply

    def host(self, call, work):
        return None if self.trouble == "away" else work()

    def list(self, call, work):
        number, size = (int(call.query[name][0]) for name in ("page_num", "page_size"))
        call.query["page_size"] = [str(min(size, self.habits.page))]
        if self.trouble == "away":
            return None
        if self.trouble == "refused":
            return refusal(503, "ServiceUnavailable")
        if self.trouble == "shifts" and number > 1:
            self.shift()
        if self.habits.mixes_tiers:
            call.query["filter.service_tier"] = ["default", "flex"]
        whole = self.service.tell
        newest = self.clock() - (LAG if self.trouble == "lags" else self.habits.lag)
        self.service.tell = lambda task, told, name: (
            whole(task, told, name) if task.created <= newest else None
        )
        try:
            reply = work()
        finally:
            self.service.tell = whole
        if reply.status == 200:
            if self.trouble == "shrinks" and number > 1:
                reply.body["total"] -= 1
            if self.trouble == "unreadable" and reply.body["items"]:
                reply.body["items"][-1] = {"status": "queued"}
            reply.body = self.habits.page_of(reply.body)
        return self.dated(reply)

    def shift(self):
        """Somebody makes a task, or deletes one, while the pages are read."""
        if len(self.service.calls) % 2:
            self.others(1)
            return
        for task in list(self.service.account.tasks.values())[::-1]:
            if task.body["content"][0]["text"] == "a goose":
                with contextlib.suppress(Refused):
                    self.service.account.delete(task)
                    return

    def others(self, count):
        """Tasks of others in the same account."""
        for _ in range(count):
            extra = self.chance.choice(
                [{}, {}, {"seed": OWN_SEED}, {"execution_expires_after": 172_977}, {"service_tier": "flex"}]
            )
            content = [{"type": "text", "text": "a goose"}]
            with self.service.lock:
                self.service.account.create({"model": "tiny", "content": content, **extra})

    # --- this side ---------------------------------------------------------------------------------------

    async def lose(self, how, **params):
        """A create whose answer is lost."""
        prompt = f"fox {len(self.made)}"
        self.made[prompt], self.loses = LOST[how]
        with pytest.raises(sw.OutcomeUnknown):
            await self.studio.submit(prompt, model="tiny", **params)

    async def look(self):
        """Look for what is lost, and follow what is found to its end."""
        await self.studio.resume()
        self.clock.pass_(1)
        for row in self.rows() if not self.trouble else ():
            if row["task_id"] and row["file"] != "saved":
                with contextlib.suppress(sw.SeedanceError):
                    await (await self.studio.task(row["key"])).wait(10)
        self.check()

    async def look_to_the_end(self):
        for _ in range(4):
            await self.look()
            if not any(row["status"] == "unknown" for row in self.rows()):
                break
            self.clock.pass_(130)

    def check(self):
        """What holds at every moment."""
        owners = {task.body["content"][0]["text"]: task.id for task in self.service.account.tasks.values()}
        for row in self.rows():
            made = owners.get(row["prompt"])
            assert row["status"] != "not_created" or made is None, "a task that was made is held to be unmade"
            assert row["task_id"] in (None, made), "a row has the task of another"
            assert made is None or row["task_id"] or row["status"] == "unknown", "a paid task is lost"
            assert (row["reserved_usd"] > 0) is (row["status"] in ("queued", "running", "unknown"))
        sent = Counter(
            json.loads(call.body)["content"][0]["text"]
            for call in self.service.calls
            if call.name == "create"
        )
        assert set(sent.values()) <= {1}, "something was sent twice"

    def rows(self):
        """All rows, read past the product."""
        with contextlib.closing(sqlite3.connect(self.home / "log.sqlite")) as log:
            log.row_factory = sqlite3.Row
            return [dict(row) for row in log.execute("SELECT * FROM tasks")]

    def undecided(self):
        """The rows that a person has to decide although it could be told what became of them."""
        habits, rows = self.habits, self.rows()
        made = self.service.account.tasks
        taken = {row["task_id"]: row for row in rows if row["task_id"]}
        free = made.keys() - taken.keys()
        shown = all(made[each].status == "succeeded" for each in free)
        for row in rows:
            if row["status"] != "unknown":
                continue
            tells_seed = habits.tells_seed and row["requested_seed"] != OWN_SEED
            if self.made[row["prompt"]]:
                has_sign = habits.tells_expiry or tells_seed
                # with another seed only that nothing else has the nonce says whose it is
                is_clear = has_sign and (habits.tells_all or not habits.tells_another_seed)
            else:
                # what its lists show of tasks that have a row; a round number may have been rounded
                known = [
                    each
                    for id_, each in taken.items()
                    if habits.mixes_tiers or made[id_].tier in ("default", row["service_tier"])
                ]
                has_shown = habits.tells_expiry and bool(known)
                has_shown |= shown and tells_seed and any(each["requested_seed"] % 10 for each in known)
                is_clear = habits.tells_all and not self.was_set_back and (has_shown or not free)
            if is_clear:
                yield row


async def play(number, service):
    """One schedule: how often what was made, and was not, came to which status."""
    chance = random.Random(number)
    it = Schedule(service, Habits.drawn(chance), chance)
    try:
        params = {"seed": OWN_SEED} if chance.random() < 0.3 else {}
        it.others(chance.choice([0, 0, 1, 3, 12, 25]))
        if chance.random() < 0.5:
            with contextlib.suppress(sw.SeedanceError):
                await it.studio.submit("a hare", model="tiny")
            it.clock.pass_(chance.choice([0, 7, 300]))
        for _ in range(chance.randint(1, 4)):
            tier = {"service_tier": "flex"} if chance.random() < 0.25 else {}
            await it.lose(chance.choice(list(LOST)), **params, **tier)
            it.clock.pass_(chance.choice([0, 1, 20]))
            it.others(chance.choice([0, 0, 1]))
        if chance.random() < 0.3:
            it.was_set_back, it.skew = it.skew > 0, 0.0
        for _ in range(chance.randrange(5)):
            it.trouble = chance.choice([None, *TROUBLES])
            if chance.random() < 0.2:
                it.restart()
            else:
                await it.look()
            it.trouble = None
            it.clock.pass_(chance.choice([0, 5, 60, 130]))
        await it.look_to_the_end()
        assert not list(it.undecided()), "a person has to decide what can be told"
        billed = [row for row in it.rows() if row["status"] == "succeeded"]
        assert all(row["file"] == "saved" for row in billed), "a paid clip is lost"
        return Counter(
            (it.made[row["prompt"]], row["status"]) for row in it.rows() if row["prompt"] in it.made
        )
    except (AssertionError, sw.SeedanceError) as error:
        error.add_note(f"schedule {number}: {it.habits}")
        error.add_note(f"rows: {it.rows()}")
        error.add_note(f"tasks: {list(service.account.tasks.values())}")
        raise
    finally:
        it.close()


@pytest.mark.parametrize("part", [0, *(pytest.param(n, marks=pytest.mark.soak) for n in range(1, PARTS))])
async def test_whatever_a_service_tells_no_paid_task_is_lost_or_mistaken(quick, part):
    ends = Counter()
    for number in range(part * IN_A_PART, (part + 1) * IN_A_PART):
        ends += await play(number, quick)
    # they come to all ends that there are; a few others may not
    if part == 0:
        assert set(ends) >= {
            (True, "succeeded"),
            (True, "unknown"),
            (False, "not_created"),
            (False, "unknown"),
        }


@pytest.mark.parametrize("number", [3499])
async def test_a_schedule_that_once_went_wrong(quick, number):
    """A clip whose host was away, with a clock that was set by days meanwhile."""
    ends = await play(number, quick)
    assert ends[True, "succeeded"] + ends[True, "unknown"] == sum(made for made, _ in ends.elements())


# --- what the schedules have found, by hand -----------------------------------------------------------------

SILENT = {"expiry": "missing", "seed": "missing"}


@pytest.fixture
def at(quick):
    """A schedule of some habits, and no others' tasks."""
    with contextlib.ExitStack() as stack:

        def make(**habits):
            it = Schedule(quick, Habits(**habits), random.Random(1))
            stack.callback(it.close)
            return it

        yield make


async def left_to_a_person(it):
    await it.look_to_the_end()
    ((_, row),) = it.studio.log.unknown().iterrows()
    (made,) = (
        task for task in it.service.account.tasks.values() if task.body["content"][0]["text"] in it.made
    )
    assert row["candidates"] == [made.id]
    assert it.studio.reserved > 0


async def test_a_flex_request_may_have_been_made_as_a_default_one(at):
    it = at(takes_flex=False, **SILENT)
    await it.lose("dropped after", service_tier="flex")
    await left_to_a_person(it)


async def test_a_flex_request_that_was_made_as_a_default_one_is_known_by_its_sign(at):
    it = at(takes_flex=False)
    await it.lose("dropped after", service_tier="flex")
    await it.look_to_the_end()
    assert [row["status"] for row in it.rows()] == ["succeeded"]


async def test_a_round_seed_that_is_told_alike_may_have_been_rounded(at):
    it = at(expiry="missing", seed="to the ten")
    await it.studio.submit("a hare", model="tiny", seed=20)
    it.clock.pass_(1)
    await it.lose("dropped after", seed=OWN_SEED)
    await left_to_a_person(it)


async def test_without_a_date_nobody_knows_how_far_ahead_our_clock_is(at):
    it = at(date="", skew=3 * 86_400.0, **SILENT)
    await it.lose("dropped after")
    await left_to_a_person(it)
