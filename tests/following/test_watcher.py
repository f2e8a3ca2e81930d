"""The watcher over the real client and the embedded simulator, in a time that is moved by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from types import SimpleNamespace
from urllib.parse import parse_qs

import httpx
import pytest
from task_rows import task_row

import seedance_widgets as sw
from seedance_widgets.errors import NotFound, RateLimited, ServerFault
from seedance_widgets.following.pace import Pace
from seedance_widgets.following.watcher import LEAST_SCALE, Watcher
from seedance_widgets.modelark.client import Client, Spacing
from seedance_widgets.simulator import EMBEDDED_BASE_URL

EPOCH = 1_800_000_000.0
SECOND = 1_000_000
UNKNOWN = Pace(60.0, 60.0, 60.0, 0, same=False)
USUAL = Pace(55.0, 27.0, 83.0, 20, same=True)
BODY = {
    "model": "seedance-1-5-pro-251215",
    "content": [{"type": "text", "text": "a fox"}],
    "resolution": "480p",
}


class Time:
    """Monotonic seconds, and sleeps that end when they are reached."""

    def __init__(self):
        self.now = 1000.0
        self.wire = None
        self._sleepers = []
        self._count = itertools.count()

    def __call__(self):
        return self.now

    def wall(self):
        return EPOCH + self.now

    async def sleep(self, seconds):
        end = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._count), end))
        await end

    async def pass_(self, seconds):
        until = self.now + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, end = heapq.heappop(self._sleepers)
            if not end.done():
                self.now = max(self.now, at)
                end.set_result(None)
                await self.settle()
        self.now = until

    async def settle(self):
        """Let everything happen that needs no time to pass."""
        quiet = 0
        while quiet < 30:
            await asyncio.sleep(0)
            quiet = 0 if self.wire.on_its_way else quiet + 1


class Wire(httpx.AsyncBaseTransport):
    """Passes calls on to the simulator and keeps when each began; those for a held id wait."""

    def __init__(self, simulator, time):
        self._inner = simulator.transport()
        self._time = time
        self.on_its_way = 0
        self.calls = []  # moment, GET or LIST, ids, tier
        self.held = {}

    async def handle_async_request(self, request):
        if request.method == "GET":
            query = parse_qs(request.url.query.decode())
            ids = query.get("filter.task_ids") or [request.url.path.rpartition("/")[2]]
            kind = "LIST" if query else "GET"
            self.calls.append((self._time.now, kind, ids, query.get("filter.service_tier", [""])[0]))
            if kind == "GET" and ids[0] in self.held:
                await self.held[ids[0]].wait()
        self.on_its_way += 1
        try:
            return await self._inner.handle_async_request(request)
        finally:
            self.on_its_way -= 1

    def moments(self, kind, task_id=None):
        return [at for at, each, ids, _ in self.calls if each == kind and task_id in (None, *ids)]


class Scene:
    """A service, a watcher, and what the watcher said."""

    def __init__(self, *, pace=UNKNOWN, scale=1.0, **limits):
        self.time = Time()
        self.simulator = sw.Simulator(
            clock=self.time.wall, limits={"concurrency": 1000, "rpm": 10_000, **limits}, speed=1 / scale
        )
        self.wire = self.time.wire = Wire(self.simulator, self.time)
        self.client = Client("k", EMBEDDED_BASE_URL, transport=self.wire, sleep=self.time.sleep)
        self.pace = pace
        self.seen, self.troubles, self.ticks, self.ended = [], [], 0, {}
        self.broken = None
        self.reads = self.most_reads = 0
        self.lists = Spacing(1.0, max(scale, LEAST_SCALE), monotonic=self.time, sleep=self.time.sleep)
        self.watcher = Watcher(
            self.client, self, self, self, lists=self.lists,
            scale=scale, clock=self.time.wall, monotonic=self.time, sleep=self.time.sleep,
        )  # fmt: skip

    async def submit(self, count=1, *, tier="default", waited=0.0):
        """Ids of new tasks, which are watched; their intents are that much older."""
        ids = []
        for _ in range(count):
            answer = await self.client.create({**BODY, "service_tier": tier})
            ids.append(answer.data["id"])
        for each in ids:
            self.watch(each, tier=tier, created=self.time.wall() - waited)
        return ids

    def watch(self, task_id, *, tier="default", created=None):
        created = self.time.wall() if created is None else created
        created = int(created * SECOND)
        self.watcher.watch(task_row(key=task_id, task_id=task_id, service_tier=tier, created_at=created))

    # the registry: in a time that is moved by hand nothing may wait for a thread
    async def record(self, change, *args):
        return change(*args)

    def tick(self):
        self.ticks += 1

    # the journal
    def observed(self, key, answer):
        if self.broken:
            raise self.broken
        self.seen.append((self.time.now, key, answer["status"]))
        if answer["status"] not in {"queued", "running"}:
            self.ended[key] = self.time.wall() - answer["updated_at"]
        return SimpleNamespace(task_id=key, status=answer["status"])

    def troubled(self, key, error):
        self.troubles.append((self.time.now, key, error))

    # the paces
    async def of(self, row):
        self.reads += 1
        self.most_reads = max(self.most_reads, self.reads)
        await asyncio.sleep(0)
        self.reads -= 1
        if isinstance(self.pace, Exception):
            raise self.pace
        return self.pace


@pytest.fixture
async def scene():
    opened = []

    def open_(**options):
        opened.append(Scene(**options))
        return opened[-1]

    yield open_
    for each in opened:
        await each.watcher.stop()
        await each.client.aclose()
        each.simulator.close()


def gaps(moments):
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


async def test_one_task_of_unknown_pace_is_looked_at_every_two_seconds_to_its_end(scene):
    one = scene()
    (task,) = await one.submit()
    await one.time.pass_(100)
    statuses = [status for _, key, status in one.seen if key == task]
    assert statuses[-2:] == ["running", "succeeded"]
    assert set(gaps(one.wire.moments("GET"))) == {2.0}
    assert one.wire.moments("LIST") == []
    assert one.ended[task] <= 3
    count = len(one.wire.calls)
    await one.time.pass_(500)
    assert len(one.wire.calls) == count


async def test_a_learned_pace_makes_looks_few_until_the_earliest_usual_end(scene):
    one = scene(pace=USUAL)
    (task,) = await one.submit()
    await one.time.pass_(100)
    ages = [at - 1000 for at in one.wire.moments("GET", task)]
    assert ages[:3] == pytest.approx([3, 9, 20])
    assert sum(age <= 60 for age in ages) <= 25
    assert all(gap <= 3 for gap in gaps(ages[2:]))
    assert one.ended[task] <= 4


async def test_three_due_tasks_are_asked_for_one_by_one_and_four_by_one_list(scene):
    few, many = scene(), scene()
    await few.submit(3)
    ids = await many.submit(4)
    for one in (few, many):
        await one.time.pass_(10)
    assert {kind for _, kind, _, _ in few.wire.calls} == {"GET"}
    assert {kind for _, kind, _, _ in many.wire.calls} == {"LIST"}
    assert all(sorted(asked) == sorted(ids) for _, _, asked, _ in many.wire.calls)
    assert len(many.wire.calls) < len(few.wire.calls)


async def test_tasks_begun_one_after_another_come_together_in_lists(scene):
    one = scene()
    for _ in range(8):
        await one.submit()
        await one.time.pass_(0.3)
    await one.time.pass_(10)
    assert one.wire.calls[-1][1] == "LIST"
    assert len(one.wire.moments("GET")) < 12


async def test_more_tasks_than_a_list_takes_keep_the_rates(scene):
    one = scene()
    ids = await one.submit(160)
    await one.time.pass_(120)
    assert one.ended.keys() == set(ids)
    lists = one.wire.moments("LIST")
    assert min(gaps(lists)) >= 1.0
    assert max(len(asked) for _, kind, asked, _ in one.wire.calls if kind == "LIST") == 150
    looks = one.wire.moments("GET")
    assert all(later - earlier >= 1.0 for earlier, later in zip(looks, looks[20:], strict=False))
    assert len(one.wire.calls) <= 130
    assert sum(one.ended.values()) / 160 <= 2.5  # the service tells whole seconds
    assert one.troubles == []


async def test_flex_has_a_list_of_its_own_and_all_lists_one_rate(scene):
    one = scene()
    await one.submit(5)
    flex = await one.submit(5, tier="flex")
    await one.time.pass_(20)
    asked = [(tier, sorted(ids)) for _, kind, ids, tier in one.wire.calls if kind == "LIST"]
    assert {tier for tier, _ in asked} == {"default", "flex"}
    assert all((tier == "flex") == (ids == sorted(flex)) for tier, ids in asked)
    assert min(gaps(one.wire.moments("LIST"))) >= 1.0
    assert sum(tier == "flex" for tier, _ in asked) <= 4


async def test_somebody_elses_list_call_takes_a_turn_of_the_same_rate(scene):
    one = scene()
    await one.submit(10)
    await one.time.pass_(5)
    turns = []

    async def others():
        for _ in range(5):
            await one.lists.turn()
            turns.append(one.time.now)

    asking = asyncio.ensure_future(others())
    await one.time.pass_(20)
    await asking
    assert min(gaps(sorted(turns + one.wire.moments("LIST")))) >= 1.0


async def test_an_id_that_a_list_leaves_out_is_confirmed_by_get_and_only_noted(scene):
    one = scene()
    ids = await one.submit(5)
    one.watch("cgt-nobody-knows")
    await one.time.pass_(300)
    assert one.ended.keys() == set(ids)
    assert {(key, type(error)) for _, key, error in one.troubles} == {("cgt-nobody-knows", NotFound)}
    looks = one.wire.moments("GET", "cgt-nobody-knows")
    assert gaps(looks)[0] < gaps(looks)[1] < gaps(looks)[2]
    assert gaps(looks)[-1] >= 28


async def test_a_refused_list_falls_back_to_get(scene):
    one = scene()
    one.simulator.faults.refuse(403, "AccessDenied", on="list", times=1000)
    ids = await one.submit(6)
    await one.time.pass_(100)
    assert one.ended.keys() == set(ids)
    assert one.troubles == []
    assert len(one.wire.moments("LIST")) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "RateLimitExceeded.EndpointRPMExceeded", RateLimited),
        (500, "InternalServiceError", ServerFault),
    ],
)
async def test_a_list_that_is_refused_for_now_slows_the_watcher_down(scene, status, code, kind):
    one = scene()
    one.simulator.faults.refuse(status, code, on="list", times=1000)
    ids = await one.submit(6)
    await one.time.pass_(300)
    assert {type(error) for _, _, error in one.troubles} == {kind}
    assert 8 < len(one.wire.calls) < 20
    assert min(gaps(one.wire.moments("LIST"))) >= 1
    one.simulator.faults.clear()
    await one.time.pass_(60)
    assert one.ended.keys() == set(ids)


async def test_a_list_is_not_sent_before_retry_after(scene):
    one = scene()
    one.simulator.faults.refuse(429, "RateLimitExceeded", on="list", retry_after=400)
    await one.submit(6)
    await one.time.pass_(250)
    assert len(one.wire.calls) == 1
    await one.time.pass_(200)
    assert len(one.ended) == 6


async def test_a_hint_is_a_look_at_once_and_at_most_one_a_second(scene):
    one = scene(pace=Pace(3600.0, 3000.0, 4000.0, 20, same=True))
    (task,) = await one.submit(tier="flex")  # which takes 80 s at least
    await one.time.pass_(32)
    before = len(one.wire.calls)
    for _ in range(100):
        assert one.watcher.hint(task)
        await one.time.pass_(0.05)
    looks = one.wire.moments("GET", task)[before:]
    assert looks[0] == pytest.approx(1032)
    assert 5 <= len(looks) <= 6
    assert min(gaps(looks)) >= 1.0


async def test_hints_for_a_few_of_many_are_gets_and_the_rest_stays_quiet(scene):
    one = scene(pace=Pace(3600.0, 3000.0, 4000.0, 20, same=True))
    ids = await one.submit(20, tier="flex")
    await one.time.pass_(32)
    before = len(one.wire.calls)
    for task in ids[:2]:
        one.watcher.hint(task)
    await one.time.pass_(0.5)
    new = one.wire.calls[before:]
    assert sorted(asked[0] for _, kind, asked, _ in new if kind == "GET") == sorted(ids[:2])


async def test_a_hint_for_an_unknown_or_ended_task_asks_nothing(scene):
    one = scene()
    (task,) = await one.submit()
    await one.time.pass_(100)
    count = len(one.wire.calls)
    for hint in (task, "cgt-forged", "", "../tasks"):
        assert not one.watcher.hint(hint)
    await one.time.pass_(100)
    assert len(one.wire.calls) == count


async def test_hints_do_not_hurry_what_is_in_trouble(scene):
    one = scene()
    one.watch("cgt-gone")
    await one.time.pass_(100)
    before = len(one.wire.calls)
    for _ in range(50):
        one.watcher.hint("cgt-gone")
        await one.time.pass_(1)
    assert len(one.wire.calls) - before <= 2


async def test_a_hint_during_a_look_is_not_lost(scene):
    one = scene(pace=Pace(3600.0, 3000.0, 4000.0, 20, same=True))
    (task,) = await one.submit()
    one.wire.held[task] = asyncio.Event()
    await one.time.pass_(3.5)
    assert one.watcher.hint(task)
    one.wire.held.pop(task).set()
    await one.time.pass_(2)
    assert len(one.wire.moments("GET", task)) == 2


async def test_a_slow_answer_holds_up_nobody_elses(scene):
    one = scene()
    slow, quick = await one.submit(2)
    one.wire.held[slow] = asyncio.Event()
    await one.time.pass_(100)
    assert one.ended.keys() == {quick}
    one.wire.held.pop(slow).set()
    await one.time.pass_(5)
    assert one.ended.keys() == {slow, quick}


async def test_an_answer_that_could_not_be_kept_is_asked_for_again(scene):
    one = scene()
    (task,) = await one.submit()
    one.broken = OSError("disk full")
    await one.time.pass_(150)
    assert {type(error) for _, _, error in one.troubles} == {OSError}
    one.broken = None
    await one.time.pass_(31)
    assert one.ended.keys() == {task}


async def test_answers_that_say_nothing_new_are_not_handed_on(scene):
    one = scene()
    await one.submit(5)
    await one.time.pass_(100)
    assert len(one.seen) <= 5 * 3
    assert len(one.wire.calls) > 15


async def test_a_task_that_was_made_long_ago_is_looked_at_at_once(scene):
    one = scene(pace=USUAL)
    answer = await one.client.create(BODY)
    await one.time.pass_(40)
    one.watch(answer.data["id"], created=one.time.wall() - 40)
    await one.time.pass_(10)
    looks = one.wire.moments("GET")
    assert looks[0] == 1040
    assert all(gap < 3 for gap in gaps(looks))


async def test_an_intent_that_waited_to_be_sent_is_as_old_as_its_task(scene):
    one = scene(pace=USUAL)
    await one.submit(waited=5000.0)
    await one.time.pass_(19)
    # the first look tells its age; were it 5000 s old, the next would come half a minute later
    assert [at - 1000 for at in one.wire.moments("GET")] == pytest.approx([0, 3, 9], abs=0.1)


async def test_a_pace_that_cannot_be_read_is_an_unknown_one(scene):
    one = scene(pace=OSError("the log is locked"))
    (task,) = await one.submit()
    await one.time.pass_(100)
    assert set(gaps(one.wire.moments("GET"))) == {2.0}
    assert task in one.ended


async def test_a_batch_reads_its_paces_one_after_another(scene):
    one = scene(pace=USUAL)
    await one.submit(10)
    await one.time.pass_(1)
    assert (one.reads, one.most_reads) == (0, 1)


async def test_ticks_come_once_a_second_while_anything_is_followed(scene):
    one = scene(pace=Pace(3600.0, 3000.0, 4000.0, 20, same=True))
    one.watch("cgt-any")
    await one.time.pass_(20.5)
    assert one.ticks == 20
    one.watcher.forget("cgt-any")
    await one.time.pass_(100)
    assert one.ticks <= 21


async def test_what_is_forgotten_or_stopped_is_not_asked_for(scene):
    one = scene()
    ids = await one.submit(2)
    await one.time.pass_(3)
    one.watcher.forget(ids[0])
    count = len(one.wire.moments("GET", ids[0]))
    await one.time.pass_(3)
    assert len(one.wire.moments("GET", ids[0])) == count
    await one.watcher.stop()
    count = len(one.wire.calls)
    await one.time.pass_(100)
    assert len(one.wire.calls) == count
    assert not one.ended


async def test_a_watcher_that_has_nothing_left_takes_up_the_next_task(scene):
    one = scene()
    for _ in range(2):
        await one.submit()
        await one.time.pass_(120)
    assert len(one.ended) == 2


async def test_a_faster_simulator_is_watched_faster_but_not_beyond_reason(scene):
    one, quickest = scene(scale=0.1), scene(scale=0.001)
    await one.submit(3)
    await quickest.submit()
    await one.time.pass_(12)
    await quickest.time.pass_(1)
    assert len(one.ended) == 3
    looks = one.wire.moments("GET", one.wire.calls[0][2][0])
    assert gaps(looks) == pytest.approx([0.2] * (len(looks) - 1), abs=0.02)
    assert quickest.wire.moments("GET") == pytest.approx([1000.1])
