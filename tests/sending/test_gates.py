"""Who may be sent when: order, limits, pauses and refusals, on a clock moved by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seedance_widgets as sw
from seedance_widgets import errors
from seedance_widgets.modelark.error_codes import is_retryable_refusal, refuses_every_create
from seedance_widgets.sending.gates import Gates
from seedance_widgets.sending.limits import Limits

SPEC = sw.catalog.find("seedance-1-5-pro")
OTHER = sw.catalog.find("seedance-1-0-pro")
DAY = 86_400
NOON = 1_800_000_000 - 1_800_000_000 % DAY + DAY // 2


class Time:
    """Monotonic seconds, and a sleep in them, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps = 0
        self._sleepers = []
        self._order = itertools.count()

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.naps += 1
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), woken))
        await woken

    async def pass_(self, seconds=0.0):
        end = self.now + seconds
        await settled()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.now = max(self.now, at)
                woken.set_result(None)
                await settled()
        self.now = end
        await settled()


async def settled():
    for _ in range(25):
        await asyncio.sleep(0)


async def keep_quiet(_):
    return None


async def wait(place, note=keep_quiet):
    """Wait at the gate as a submission does: whoever gives up leaves the place."""
    try:
        async for reason in place.wait():
            await note(reason)
    except BaseException:
        place.leave()
        raise
    return place


class Desk:
    """Sends through gates to a service that takes everything, and keeps the log that they read."""

    def __init__(self, spec=SPEC, tier="default", **limits):
        self.time = Time()
        self.spec, self.tier = spec, tier
        self.rows = []
        self.tokens = []  # (accepted at, how many)
        self.sent = []
        self.told = {}
        self.reads = 0
        self.broken = False
        self.sends = []
        self.gates = Gates(
            Limits(**limits),
            self,
            clock=self.clock,
            monotonic=self.time,
            sleep=self.time.sleep,
        )

    def clock(self):
        return NOON + self.time.now - 1000.0

    async def live(self, wire_model, tier):
        if self.broken:
            raise sw.LogError("database is locked")
        self.reads += 1
        count = len(self.rows) if (wire_model, tier) == (self.spec.wire_id, self.tier) else 0
        await asyncio.sleep(0)  # a row that comes meanwhile is not in it
        return count

    async def tokens_since(self, wire_model, tier, since):
        assert (wire_model, tier) == (self.spec.wire_id, "flex")
        return sum(count for at, count in self.tokens if at >= since)

    def send(self, name, lane="interactive", *, takes=0.0, tokens=100, **options):
        async def sending():
            with await self.enter(name, lane, tokens, **options) as place:
                self.sent.append(name)
                await self.posted(name, place, takes, tokens)

        task = asyncio.ensure_future(sending())
        self.sends.append(task)
        return task

    async def enter(self, name, lane="interactive", tokens=100):
        return await self.wait(name, self.gates.place(self.spec, self.tier, tokens, lane))

    async def wait(self, name, place):
        async def note(reason):
            self.told.setdefault(name, []).append(reason)

        return await wait(place, note)

    async def posted(self, name, place, takes, tokens):
        if takes:
            await self.time.sleep(takes)
        self.rows.append(name)
        self.tokens.append((self.clock(), tokens))

    def end(self, count=1):
        del self.rows[:count]
        self.gates.look()

    def hold(self, seconds, reason="RateLimitExceeded"):
        self.gates.hold(self.spec, self.tier, seconds, reason)

    async def pass_(self, seconds=0.0):
        await self.time.pass_(seconds)

    async def done(self):
        for task in self.sends:
            task.cancel()
        await asyncio.gather(*self.sends, return_exceptions=True)


@pytest.fixture
async def desks():
    made = []

    def make(*args, **limits):
        made.append(Desk(*args, **limits))
        return made[-1]

    yield make
    for desk in made:
        await desk.done()


# --- order -----------------------------------------------------------------------------------------------


async def test_who_need_not_wait_goes_at_once_in_order(desks):
    desk = desks()
    for n in range(5):
        desk.send(n)
    await desk.pass_()
    assert desk.sent == [0, 1, 2, 3, 4]
    assert desk.told == {}


async def test_a_lane_is_first_in_first_out_and_the_lanes_go_in_turn(desks):
    desk = desks(rpm=1)
    desk.send("first")
    await desk.pass_()
    for n in range(3):
        desk.send(f"study {n}", "batch")
    for n in range(3):
        desk.send(f"person {n}")
    await desk.pass_(600)
    assert desk.sent == ["first", "study 0", "person 0", "study 1", "person 1", "study 2", "person 2"]


async def test_a_stream_of_one_lane_does_not_starve_the_other(desks):
    desk = desks(rpm=2)
    for n in range(40):
        desk.send(f"study {n}", "batch")
    await desk.pass_(70)
    desk.send("person")
    await desk.pass_(60)
    assert "person" in desk.sent
    assert len(desk.sent) == 6


async def test_a_turn_is_kept_by_who_has_to_go_again(desks):
    desk = desks(rpm=1)
    place = await desk.enter("early")
    for n in range(3):
        desk.send(n)
    desk.hold(5)
    again = asyncio.ensure_future(wait(place))
    desk.sends.append(again)
    await desk.pass_(61)
    assert again.done()
    assert desk.sent == []
    place.leave()
    await desk.pass_(61)
    assert desk.sent == [0]


async def test_who_goes_again_is_told_again(desks):
    desk = desks(rpm=1)
    desk.send("first")
    await desk.pass_()
    entering = asyncio.ensure_future(desk.enter("second"))
    await desk.pass_(61)
    desk.sends.append(asyncio.ensure_future(desk.wait("second", entering.result())))
    await desk.pass_(2)
    assert (
        desk.told["second"] == ["waiting for a place: 1 of 1 seedance-1-5-pro requests a minute are sent"] * 2
    )


async def test_each_model_and_tier_has_a_gate_of_its_own(desks):
    desk = desks(rpm=1)
    await desk.enter("one")
    waiting = desk.send("two")

    async def note(_):
        raise AssertionError

    await asyncio.wait_for(wait(desk.gates.place(OTHER, "default", 1)), 5)
    await asyncio.wait_for(wait(desk.gates.place(SPEC, "flex", 1)), 5)
    assert not waiting.done()


# --- requests a minute -----------------------------------------------------------------------------------


async def test_a_minute_has_so_many_requests(desks):
    desk = desks(rpm=3)
    for n in range(7):
        desk.send(n)
    await desk.pass_(59.9)
    assert desk.sent == [0, 1, 2]
    await desk.pass_(0.2)
    assert desk.sent == [0, 1, 2, 3, 4, 5]
    assert desk.told[3] == ["waiting for a place: 3 of 3 seedance-1-5-pro requests a minute are sent"]


async def test_a_request_that_takes_long_counts_from_its_end(desks):
    # the service may have seen it as late as that
    desk = desks(rpm=1)
    desk.send("slow", takes=30)
    desk.send("next")
    await desk.pass_(89)
    assert desk.sent == ["slow"]
    await desk.pass_(2)
    assert desk.sent == ["slow", "next"]


async def test_the_catalog_has_the_limits_that_are_left_open(desks, fresh_catalog):
    model = fresh_catalog.register(
        "a-test-model", like="seedance-1-5-pro", limits={"rpm": 2, "concurrency": 1}
    )
    desk = desks(model, queued=1)
    for n in range(3):
        desk.send(n)
    await desk.pass_(5)
    assert desk.sent == [0, 1]
    desk.spec = fresh_catalog.register("a-test-model", limits={"rpm": 4, "concurrency": 3})
    desk.send(3)
    await desk.pass_()
    assert desk.sent == [0, 1, 2, 3]


async def test_the_service_never_says_too_many(clock):
    """The simulator counts by itself: with the gates it refuses nobody, without them most."""
    time = Time()
    simulator = sw.Simulator(speed=50, clock=lambda: NOON + time.now, limits={"rpm": 4, "concurrency": 2})
    posting = 0

    async def live(*_):
        return sum(task["status"] in ("queued", "running") for task in simulator.tasks())

    async def no_tokens(*_):
        return 0

    async def post(http):
        body = {"model": SPEC.id, "content": [{"type": "text", "text": "a fox"}]}
        answer = await http.post("http://simulator/api/v3/contents/generations/tasks", json=body)
        return answer.status_code

    async def send(http, lane):
        nonlocal posting

        with await wait(gates.place(SPEC, "default", 1, lane)):
            posting += 1
            status = await post(http)
            posting -= 1
            return status

    gates = Gates(
        Limits(rpm=4, concurrency=2),
        SimpleNamespace(live=live, tokens_since=no_tokens),
        monotonic=time,
        sleep=time.sleep,
    )
    headers = {"Authorization": "Bearer any"}
    async with httpx.AsyncClient(transport=simulator.transport(), headers=headers) as http:
        sends = [asyncio.ensure_future(send(http, lane)) for lane in ("interactive", "batch") * 6]
        while not all(each.done() for each in sends):
            await time.pass_(1.7)
            while posting:
                await asyncio.sleep(0)
        assert {each.result() for each in sends} == {200}
        assert 429 in [await post(http) for _ in range(5)]
    simulator.close()


# --- tasks at once ---------------------------------------------------------------------------------------


async def test_a_person_may_use_the_queue_and_a_study_may_not(desks):
    desk = desks(concurrency=2, queued=3)
    for n in range(4):
        desk.send(f"study {n}", "batch")
    await desk.pass_()
    assert desk.sent == ["study 0", "study 1"]
    for n in range(4):
        desk.send(f"person {n}")
    await desk.pass_(3)
    assert desk.sent[2:] == ["person 0", "person 1", "person 2"]
    assert desk.told["study 2"] == ["waiting for a place: 2 of 2 seedance-1-5-pro tasks are running"]
    assert desk.told["person 3"] == [
        "waiting for a place: 5 of 5 seedance-1-5-pro tasks are queued or running"
    ]
    desk.end()
    await desk.pass_()
    assert desk.sent[5:] == ["person 3"]
    desk.end(3)
    await desk.pass_()
    assert len(desk.sent) == 6
    desk.end(1)
    await desk.pass_()
    assert desk.sent[6:] == ["study 2"]


async def test_who_is_being_sent_counts_until_the_log_has_the_row(desks):
    desk = desks(concurrency=2, queued=0)
    for n in range(4):
        desk.send(n, takes=10)
    await desk.pass_(9)
    assert (desk.rows, desk.sent) == ([], [0, 1])
    await desk.pass_(30)
    assert (desk.rows, desk.sent) == ([0, 1], [0, 1])


async def test_a_row_written_while_the_log_is_counted_is_not_missed(desks):
    desk = desks(concurrency=1, queued=0)
    place = await desk.enter("first")
    desk.send("second")
    before = desk.reads
    while desk.reads == before:  # until the count of 0 has been taken, and not yet given back
        await asyncio.sleep(0)
    desk.rows.append("first")
    place.leave()
    await desk.pass_(30)
    assert desk.sent == []


async def test_a_task_that_ends_while_the_log_is_counted_is_not_missed(desks):
    desk = desks(concurrency=1, queued=0)
    desk.rows.append("old")
    desk.send("new")
    while not desk.reads:
        await asyncio.sleep(0)
    desk.end()
    await desk.pass_()
    assert desk.sent == ["new"]


async def test_tasks_that_another_kernel_ends_are_noticed_within_two_seconds(desks):
    desk = desks(concurrency=1, queued=0)
    desk.rows.append("of another kernel")
    desk.send("mine")
    await desk.pass_(61)
    assert desk.sent == []
    assert desk.time.naps < 40
    desk.rows.clear()
    await desk.pass_(2.1)
    assert desk.sent == ["mine"]


async def test_flex_and_unknown_limits_let_any_number_through(desks, fresh_catalog):
    model = fresh_catalog.register("a-test-model", like="seedance-1-5-pro", limits={})
    for desk in (desks(tier="flex"), desks(model)):
        for n in range(700):
            desk.send(n, "batch")
        await desk.pass_()
        assert len(desk.sent) == 700


# --- pauses ----------------------------------------------------------------------------------------------


async def test_a_hold_lets_nobody_pass_early(desks):
    desk = desks()
    desk.hold(12.5)
    desk.send("a")
    await desk.pass_(12.49)
    assert desk.sent == []
    assert desk.told["a"] == ["waiting 12 s: RateLimitExceeded"]
    await desk.pass_(0.02)
    assert desk.sent == ["a"]
    assert desk.time.naps == 2  # to tell why, and to the end
    assert desk.reads == 1


async def test_the_longest_hold_counts_and_a_new_cause_is_told(desks):
    desk = desks()
    desk.hold(20, "ServerOverloaded")
    desk.send("a")
    await desk.pass_(2)
    desk.hold(3, "RequestBurstTooFast")
    await desk.pass_(5)
    desk.hold(30, "QuotaExceeded")
    await desk.pass_(29)
    assert desk.sent == []
    assert desk.told["a"] == ["waiting 19 s: ServerOverloaded", "waiting 30 s: QuotaExceeded"]
    await desk.pass_(2)
    assert desk.sent == ["a"]


async def test_after_a_hold_one_goes_first(desks):
    desk = desks()
    desk.hold(5)
    for n in range(4):
        desk.send(n, takes=3)
    await desk.pass_(6)
    desk.send(4)
    await desk.pass_(1.5)
    assert desk.sent == [0]
    await desk.pass_(1)
    assert desk.sent == [0, 1, 2, 3, 4]
    assert desk.told[1] == ["waiting 4 s: RateLimitExceeded"]
    assert desk.told[4] == ["waiting for how the first one fares after the pause: RateLimitExceeded"]


async def test_if_the_first_one_is_held_too_the_others_go_on_waiting(desks):
    desk = desks()
    desk.hold(5)

    async def refused_once():
        place = await desk.enter("first")
        desk.hold(10)
        await wait(place)
        with place:
            desk.sent.append("first")

    desk.sends.append(asyncio.ensure_future(refused_once()))
    desk.send("second")
    await desk.pass_(14.9)
    assert desk.sent == []
    await desk.pass_(0.2)
    assert desk.sent == ["first", "second"]


async def test_one_sent_before_the_hold_says_nothing_of_what_comes_after(desks):
    desk = desks()
    old = desk.send("old", takes=8)
    await desk.pass_()
    desk.hold(5)
    for n in range(3):
        desk.send(n, takes=60)
    await desk.pass_(10)
    assert old.done()
    assert desk.sent == ["old", 0]


async def test_a_wait_of_less_than_a_second_is_not_worth_a_word(desks):
    desk = desks()
    desk.hold(0.9)
    desk.send("a")
    await desk.pass_(1)
    assert desk.sent == ["a"]
    assert desk.told == {}


# --- giving up -------------------------------------------------------------------------------------------


async def test_who_is_cancelled_while_waiting_frees_the_turn(desks):
    desk = desks(rpm=1)
    desk.send("now")
    first = desk.send(0)
    desk.send(1)
    await desk.pass_(30)
    first.cancel()
    await desk.pass_(31)
    assert first.cancelled()
    assert desk.sent == ["now", 1]


async def test_who_is_cancelled_in_the_moment_of_passing_frees_the_place(desks):
    desk = desks(rpm=1, concurrency=1, queued=0)
    first = desk.send(0)
    desk.send(1)
    while not desk.reads:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await desk.pass_()
    assert first.cancelled()
    assert desk.sent == [1]


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancel_at_any_step_leaves_no_place_behind(desks, steps):
    desk = desks(concurrency=1, queued=0)
    first = desk.send(0)
    for _ in range(steps):
        await asyncio.sleep(0)
    first.cancel()
    desk.send(1)
    await desk.pass_(3)
    assert desk.rows in ([0], [1])
    desk.end(1)
    await desk.pass_(3)
    assert 1 in desk.sent


async def test_a_note_that_cannot_be_written_ends_the_wait_and_frees_the_place(desks):
    desk = desks()
    desk.hold(5)

    async def full(_):
        raise sw.LogError("disk full")

    entering = asyncio.ensure_future(wait(desk.gates.place(SPEC, "default", 1), full))
    desk.send("next")
    await desk.pass_(6)
    with pytest.raises(sw.LogError, match="disk full"):
        await entering
    assert desk.sent == ["next"]


async def test_a_log_that_cannot_be_read_turns_away_who_waits(desks):
    desk = desks()
    desk.broken = True
    with pytest.raises(sw.GateClosed, match=r"nothing was sent.*database is locked") as caught:
        await desk.enter("a")
    assert isinstance(caught.value.__cause__, sw.LogError)
    desk.broken = False
    await desk.enter("b")


async def test_a_refusal_turns_away_who_waits_and_nobody_later(desks):
    desk = desks(rpm=1)
    place = await desk.enter("now")
    waiting = [desk.send(0), desk.send(1, "batch")]
    await desk.pass_()
    desk.gates.refuse(SPEC, "default", "SetLimitExceeded")
    await desk.pass_()
    for each in waiting:
        with pytest.raises(sw.GateClosed, match="nothing was sent: SetLimitExceeded"):
            each.result()
    place.leave()
    desk.send("later")
    await desk.pass_(60)
    assert desk.sent == ["later"]


async def test_a_closed_studio_lets_nobody_through(desks):
    desk = desks(rpm=1)
    place = await desk.enter("now")
    waiting = desk.send("waits")
    await desk.pass_()
    desk.gates.close("the studio was closed")
    await desk.pass_()
    flex = wait(desk.gates.place(SPEC, "flex", 1))
    for each in (waiting, desk.enter("comes"), wait(place), flex):
        with pytest.raises(sw.GateClosed, match="nothing was sent: the studio was closed"):
            await each


# --- tokens a day ----------------------------------------------------------------------------------------


async def test_flex_has_tokens_a_day_until_midnight(desks):
    desk = desks(tier="flex", tokens_per_day=1000)
    desk.tokens = [(NOON - DAY, 900), (NOON - 60, 300)]
    desk.send("fits", tokens=700)
    await desk.pass_(1)
    assert desk.sent == ["fits"]
    with pytest.raises(sw.GateClosed) as caught:
        await desk.enter("over", tokens=1)
    assert "1,000 tokens a day; 1,000 are used and this needs 1." in str(caught.value)
    assert caught.value.until == datetime.fromtimestamp(NOON + DAY // 2, UTC)
    assert f"{caught.value.until:%Y-%m-%d} 00:00 UTC" in str(caught.value)
    await desk.pass_(DAY // 2)
    await desk.enter("a new day", tokens=1000)


async def test_more_than_a_day_has_is_refused_without_a_date(desks):
    desk = desks(tier="flex", tokens_per_day=1000)
    with pytest.raises(sw.GateClosed) as caught:
        await desk.enter("huge", tokens=1001)
    assert caught.value.until is None


async def test_tokens_on_their_way_are_waited_for(desks):
    desk = desks(tier="flex", tokens_per_day=1000)
    place = await desk.enter("perhaps", tokens=600)
    second = desk.send("second", tokens=600)
    await desk.pass_(3)
    assert desk.sent == []
    assert desk.told["second"] == [
        "waiting for tokens: the last of the 1,000 that seedance-1-5-pro has a day are being used"
    ]
    place.leave()  # refused: not in the log
    await desk.pass_()
    assert desk.sent == ["second"]
    await second


async def test_one_that_needs_too_many_does_not_stop_those_behind(desks):
    desk = desks(tier="flex", tokens_per_day=1000)
    desk.hold(5)
    big = desk.send("big", tokens=5000)
    desk.send("small", tokens=10)
    await desk.pass_(6)
    assert isinstance(big.exception(), sw.GateClosed)
    assert desk.sent == ["small"]


async def test_unknown_tokens_count_as_none(desks):
    desk = desks(tier="flex", tokens_per_day=1000)
    await desk.enter("unknown", tokens=None)


# --- all of it at once -----------------------------------------------------------------------------------


class Watched(Desk):
    """Holds every passing against the rules, counted another way than the gates do."""

    def __init__(self, rpm, concurrency, queued):
        super().__init__(rpm=rpm, concurrency=concurrency, queued=queued)
        self.rpm, self.concurrency, self.queued = rpm, concurrency, queued
        self.seen = []  # when the service saw each request
        self.under_way = 0
        self.closed_until = -math.inf
        self.order = {"interactive": [], "batch": []}
        self.lanes = {}

    def hold(self, seconds, reason="RateLimitExceeded"):
        super().hold(seconds, reason)
        self.closed_until = max(self.closed_until, self.time.now + seconds)

    async def posted(self, name, place, takes, tokens):
        assert self.time.now >= self.closed_until
        self.order[place.lane].append(name)
        most = self.concurrency + (self.queued if place.lane == "interactive" else 0)
        self.under_way += 1
        assert len(self.rows) + self.under_way <= most
        try:
            share = random.Random(name).random()
            await self.time.sleep(takes * share)
            self.seen.append(self.time.now)
            await self.time.sleep(takes * (1 - share))
            self.rows.append(name)
        finally:
            self.under_way -= 1


ACTIONS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["interactive", "batch"]), st.sampled_from([0.0, 0.4, 7.0])),
    st.tuples(st.just("pass"), st.sampled_from([0.0, 0.5, 3.0, 25.0, 60.0])),
    st.tuples(st.just("end"), st.integers(1, 4), st.booleans()),
    st.tuples(st.just("hold"), st.sampled_from([0.0, 1.5, 20.0])),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("refuse")),
)


async def played(actions, **limits):
    desk = Watched(**limits)
    names = itertools.count()
    for what, *how in actions:
        if what == "send":
            desk.send(next(names), how[0], takes=how[1])
        elif what == "pass":
            await desk.pass_(how[0])
        elif what == "end" and how[1]:
            desk.end(how[0])
        elif what == "end":
            del desk.rows[: how[0]]  # another kernel's doing: nobody says so
        elif what == "hold":
            desk.hold(how[0])
        elif what == "cancel" and how[0] < len(desk.sends):
            desk.sends[how[0]].cancel()
        elif what == "refuse":
            desk.gates.refuse(SPEC, "default", "QuotaExceeded")
    for _ in range(2 * len(desk.sends) + 2):
        await desk.pass_(62)
        desk.end(len(desk.rows))
    assert all(task.done() for task in desk.sends)  # nobody starves
    for task in desk.sends:
        if not task.cancelled() and not isinstance(task.exception(), sw.GateClosed):
            task.result()
    for passed in desk.order.values():
        assert passed == sorted(passed)
    seen = sorted(desk.seen)
    for first, last in zip(seen, seen[desk.rpm :], strict=False):
        assert last - first > 60 - 1e-6


LIMITS = {"rpm": st.integers(1, 5), "concurrency": st.integers(1, 3), "queued": st.integers(0, 3)}


@given(actions=st.lists(ACTIONS, max_size=40), **LIMITS)
@settings(max_examples=60, deadline=None)
def test_no_rule_is_ever_broken_and_everybody_gets_a_turn(actions, rpm, concurrency, queued):
    asyncio.run(played(actions, rpm=rpm, concurrency=concurrency, queued=queued))


@pytest.mark.soak
@given(actions=st.lists(ACTIONS, max_size=120), **LIMITS)
@settings(max_examples=2000, deadline=None)
def test_no_rule_is_ever_broken_in_long_runs(actions, rpm, concurrency, queued):
    asyncio.run(played(actions, rpm=rpm, concurrency=concurrency, queued=queued))


# --- settings and codes ----------------------------------------------------------------------------------


def test_limits_left_open_are_the_catalogs():
    assert Limits().of(SPEC) == Limits(600, 10, 500_000_000_000)
    assert Limits(rpm=7).of(SPEC).rpm == 7
    assert (Limits().queued, Limits().lists_per_second, Limits().gets_per_second) == (100, 1.0, 20.0)


@pytest.mark.parametrize(
    "bad",
    [
        {"rpm": 0},
        {"rpm": 1.5},
        {"rpm": True},
        {"concurrency": -1},
        {"tokens_per_day": "many"},
        {"queued": -1},
        {"queued": None},
        {"lists_per_second": 0},
        {"lists_per_second": None},
        {"gets_per_second": math.inf},
        {"gets_per_second": math.nan},
    ],
)
def test_bad_limits(bad):
    with pytest.raises(sw.InvalidRequest) as caught:
        Limits(**bad)
    assert [problem.parameter for problem in caught.value.problems] == list(bad)


def test_all_faults_of_limits_at_once():
    with pytest.raises(sw.InvalidRequest) as caught:
        Limits(rpm=0, queued=-1)
    assert [(problem.parameter, problem.nearest) for problem in caught.value.problems] == [
        ("rpm", 1),
        ("queued", 0),
    ]


@pytest.mark.parametrize(
    ("status", "code", "message", "waits", "stops"),
    [
        (429, "RateLimitExceeded.EndpointRPMExceeded", "", True, False),
        (429, "ModelAccountFlexTpmRateLimitExceeded", "", True, False),
        (429, "ServerOverloaded", "", True, False),
        (429, "InflightBatchsizeExceeded", "", True, False),
        (429, "QuotaExceeded", "The request has exceeded the quota", True, False),
        (429, None, "", True, False),
        (429, "QuotaExceeded", "exhausted its free trial quota", False, True),
        (429, "QuotaExceeded", "exceeded the weekly usage quota", False, True),
        (429, "QuotaExceeded", "exceeded the daily limit of 5 tokens", False, True),
        (429, "SetLimitExceeded", "", False, True),
        (429, "SomethingNew", "", False, True),
        (403, "AccountOverdueError", "", False, True),
        (403, "OperationDenied.ServiceOverdue", "", False, True),
        (403, "AccessDenied", "", False, True),
        (403, None, "blocked by a proxy", False, False),
        (401, "AuthenticationError", "", False, True),
        (404, "ModelNotOpen", "", False, True),
        (404, "NotFound.Draft", "", False, False),
        (400, "InputTextSensitiveContentDetected", "", False, False),
        (400, "InvalidParameter.seed", "", False, False),
        (503, "ServerOverloaded", "", False, False),
        (500, "QuotaExceeded", "", False, False),
    ],
)
def test_which_refusals_wait_and_which_stop_everybody(status, code, message, waits, stops):
    error = errors.APIError(status, code=code, message=message)
    assert (is_retryable_refusal(error), refuses_every_create(error)) == (waits, stops)
