"""Two creates that are alike, their answers lost, on a service of many habits: whose is what its list shows?

The oracle is the simulator's own table, where every task has the expiry and the seed that it was sent, whatever
the service tells of them.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import struct
from typing import TYPE_CHECKING

import pytest
from stage import Ticking
from tiny_model import register_tiny

import seedance_widgets as sw
from seedance_widgets.modelark.client import Client
from seedance_widgets.simulator import EMBEDDED_BASE_URL
from seedance_widgets.simulator.render import render_mp4

if TYPE_CHECKING:
    from pathlib import Path

BASE_EXPIRY = 172_800
EXPIRY, SEED = "execution_expires_after", "seed"


class Drawn:
    """Draws one clip, and marks it for each task by a box that players pass over."""

    def __init__(self):
        self.clip = b""

    def __call__(self, scene):
        self.clip = self.clip or render_mp4(scene)
        mark = str(scene.seed).encode()
        return self.clip + struct.pack(">I4s", 8 + len(mark), b"free") + mark


@pytest.fixture(autouse=True)
def tiny(fresh_catalog, monkeypatch):
    """A model of small clips, and no waits between tries."""
    register_tiny(fresh_catalog)
    for pause in ("sending.outbox._FIRST_WAIT", "modelark.client._FIRST_WAIT", "following.saver._PAUSE"):
        monkeypatch.setattr(f"seedance_widgets.{pause}", 0.01)
    monkeypatch.setattr("seedance_widgets.simulator.render.render_mp4", Drawn())


class Schedule:
    """One service and one home, and what happened there."""

    def __init__(self, home):
        self.home = home
        self.clock = Ticking()
        self.service = sw.Simulator(speed=1000, clock=self.clock)
        self.foreign = Client("another", EMBEDDED_BASE_URL, transport=self.service.transport())
        self.studio = self.open()

    def open(self):
        return sw.Studio(self.home, simulate=self.service, clock=self.clock)

    def close(self):
        self.studio.close()
        self.service.close()

    def restart(self):
        self.studio.close()
        self.studio = self.open()

    async def lose(self, *, made, **params):
        """The key of a create whose answer is lost."""
        if made:
            self.service.faults.drop_reply()
        else:
            self.service.faults.refuse(500, "InternalServiceError")
        with pytest.raises(sw.OutcomeUnknown) as lost:
            await self.studio.submit("a fox", model="tiny", **params)
        return lost.value.task.key

    async def made_by_others(self, **params):
        content = [{"type": "text", "text": "a goose"}]
        await self.foreign.create({"model": "tiny", "content": content, **params})

    async def look(self):
        """Look for what is lost, and follow what is found to its end."""
        for task in await self.studio.resume():
            with contextlib.suppress(sw.SeedanceError):
                await task.wait(20)

    async def look_to_the_end(self):
        for _ in range(3):
            await self.look()
            self.clock.pass_(130)
        await self.look()

    def rows(self):
        frame = self.studio.log.to_pandas()
        return dict(zip(frame.index, frame.to_dict("records"), strict=True))

    def owners(self):
        """The row of each task that the service made for this home: by what it was sent, id -> key."""
        with contextlib.closing(sqlite3.connect(self.home / "log.sqlite")) as log:
            sent = {
                (BASE_EXPIRY + nonce, seed): key
                for key, nonce, seed in log.execute("SELECT key, nonce, requested_seed FROM tasks")
            }
        made = {task["id"]: (task[EXPIRY], task["seed"]) for task in self.service.tasks()}
        return {each: sent[fingerprint] for each, fingerprint in made.items() if fingerprint in sent}


@pytest.fixture
def schedule(tmp_path):
    schedule = Schedule(tmp_path / "runs")
    yield schedule
    schedule.close()


async def play(home: Path, number: int) -> None:
    """One random schedule from its number; what is asserted holds of every one."""
    chance = random.Random(number)
    told = Schedule(home)
    try:
        withheld = chance.choice([(EXPIRY, SEED), (EXPIRY,), (SEED,), ()])
        told.service.faults.withhold(*withheld)
        seeds = {"seed": 11} if chance.random() < 0.4 else {}
        others = chance.randrange(4)
        if chance.random() < 0.5:
            await (await told.studio.submit("a hare", model="tiny"))
            told.clock.pass_(chance.choice([0, 7, 300]))
        order = [True, False]
        chance.shuffle(order)
        for made in order:
            await told.lose(made=made, **seeds)
            told.clock.pass_(chance.choice([0, 1, 20]))
            if others and chance.random() < 0.5:
                others -= 1
                await told.made_by_others(**chance.choice([{}, {"seed": 11}, {EXPIRY: 172_977}]))
        told.service.faults.withhold(*withheld)
        for _ in range(chance.randrange(4)):
            act = chance.choice(["look", "restart", "pass", "lag"])
            if act == "lag":
                told.service.faults.lag(90, times=chance.randint(1, 2))
            if act in ("look", "lag"):
                await told.look()
                told.service.faults.clear()
                told.service.faults.withhold(*withheld)
            elif act == "restart":
                told.restart()
            else:
                told.clock.pass_(chance.choice([5, 60, 130]))
        await told.look_to_the_end()

        rows, owners = told.rows(), told.owners()
        for key, row in rows.items():
            if row["task_id"] in told_ids(told):
                assert owners.get(row["task_id"]) == key, f"{number}: a task of others was adopted"
        undecided = {key for key, row in rows.items() if row["status"] == "unknown"}
        for task_id, key in owners.items():
            row = rows[key]
            assert row["task_id"] == task_id or key in undecided, f"{number}: a paid task is lost"
        assert len(owners) == len(rows) - 1, f"{number}: something was sent twice"
        decidable = EXPIRY not in withheld or (SEED not in withheld and not seeds)
        assert not (decidable and undecided), f"{number}: a person has to decide what can be told"
        reserved = {key for key, row in rows.items() if row["status"] == "unknown"}
        assert (told.studio.reserved > 0) is bool(reserved)
    finally:
        told.close()


def told_ids(told):
    return {task["id"] for task in told.service.tasks()}


@pytest.mark.parametrize("part", [0, *(pytest.param(n, marks=pytest.mark.soak) for n in range(1, 50))])
async def test_two_that_are_alike_are_told_apart_or_left_to_a_person(tmp_path, part):
    for number in range(20 * part, 20 * part + 20):
        await play(tmp_path / str(number), number)


@pytest.mark.parametrize("seed", [None, 11])
async def test_without_a_sign_of_ours_a_person_decides(schedule, seed):
    schedule.service.faults.withhold(EXPIRY, SEED)
    never = await schedule.lose(made=False, seed=seed)
    made = await schedule.lose(made=True, seed=seed)
    schedule.service.faults.withhold(EXPIRY, SEED)
    await schedule.look_to_the_end()
    (task,) = schedule.service.tasks()
    unknown = schedule.studio.log.unknown()
    assert unknown["candidates"].to_dict() == {never: [task["id"]], made: [task["id"]]}
    await (await schedule.studio.task(made)).adopt(task["id"])
    await schedule.look_to_the_end()
    rows = schedule.rows()
    assert (rows[made]["task_id"], rows[never]["status"]) == (task["id"], "not_created")


async def test_a_seed_of_a_persons_own_is_no_proof(schedule):
    schedule.service.faults.withhold(EXPIRY)
    await schedule.made_by_others(seed=11)
    never = await schedule.lose(made=False, seed=11)
    await schedule.look_to_the_end()
    assert schedule.rows()[never]["status"] == "unknown"


async def test_a_drawn_seed_is_proof_where_no_expiry_is_told(schedule):
    schedule.service.faults.withhold(EXPIRY)
    made = await schedule.lose(made=True)
    await schedule.look_to_the_end()
    assert schedule.rows()[made]["task_id"] == schedule.service.tasks()[0]["id"]


async def test_of_two_that_were_sent_with_one_drawn_seed_it_says_nothing(schedule):
    schedule.service.faults.withhold(EXPIRY)
    first = await schedule.lose(made=False)
    await schedule.look_to_the_end()
    assert schedule.rows()[first]["status"] == "not_created"
    schedule.service.faults.drop_reply()
    with pytest.raises(sw.OutcomeUnknown):
        await (await schedule.studio.task(first)).resend()
    await schedule.look_to_the_end()
    assert schedule.rows()[first]["task_id"] is not schedule.service.tasks()[0]["id"]


async def test_others_tasks_say_nothing_until_it_is_known_what_the_service_tells(schedule):
    await schedule.made_by_others()
    never = await schedule.lose(made=False)
    await schedule.look_to_the_end()
    assert schedule.rows()[never]["status"] == "unknown"
    # one whose id is known shows that the service tells what it is sent
    await (await schedule.studio.submit("a hare", model="tiny"))
    await schedule.look_to_the_end()
    assert schedule.rows()[never]["status"] == "not_created"


async def test_our_own_clock_says_nothing_of_how_long_ago_it_was_sent(tmp_path):
    told = Schedule(tmp_path / "runs")
    told.studio.close()
    ahead = [-7200.0]
    told.studio = sw.Studio(told.home, simulate=told.service, clock=lambda: told.clock() + sum(ahead))
    try:
        key = await told.lose(made=True)
        ahead.append(7200.0)
        told.service.faults.lag(100, times=9)
        await told.look()
        assert told.rows()[key]["status"] == "unknown"
        told.service.faults.clear()
        await told.look_to_the_end()
        assert told.rows()[key]["task_id"] == told.service.tasks()[0]["id"]
    finally:
        told.close()


async def test_the_first_look_is_remembered_by_the_log(schedule):
    never = await schedule.lose(made=False)
    await schedule.look()
    assert schedule.rows()[never]["status"] == "unknown"
    schedule.clock.pass_(130)
    schedule.restart()
    await schedule.look()
    assert schedule.rows()[never]["status"] == "not_created"


async def test_what_was_held_to_be_unmade_heals_by_itself(schedule):
    made = await schedule.lose(made=True)
    schedule.service.faults.lag(1_000, times=99)
    await schedule.look()
    schedule.clock.pass_(130)
    await schedule.look()
    assert (schedule.rows()[made]["status"], schedule.studio.reserved) == ("not_created", 0)
    schedule.service.faults.clear()
    await schedule.look()
    row = schedule.rows()[made]
    assert (row["task_id"], row["status"]) == (schedule.service.tasks()[0]["id"], "succeeded")
    assert row["usd"] > 0
